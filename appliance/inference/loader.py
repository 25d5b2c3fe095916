"""Loads a bundle into memory. It takes a :class:`VerifiedBundle` and nothing else, so nothing unsigned is ever run."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.core.ports import EngineDescription, GenerationFailed
from appliance.inference.chat import ChatTemplate
from appliance.inference.device_cache import DeviceKvCache
from appliance.inference.executor import Graphs, OnnxExecutor
from appliance.inference.hardware import multiplies_int8, physical_cores
from appliance.inference.kv_cache import BoundCache, CacheShape, KvCache, SlotCache
from appliance.inference.limits import Device, EngineLimits, ExecutorKind
from appliance.inference.sessions import open_session, require_provider
from appliance.inference.tokenizer import TextTokenizer
from model_bundle.kernels.library import KernelsMissing, library
from model_bundle.manifest import OWN_CONTRACT

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.inference.execution import Executor
    from model_bundle.manifest import GraphDescription
    from model_bundle.verify import VerifiedBundle

_LOG = logging.getLogger(__name__)
WIDE_FROM: Final = 12
"""Tokens of a step from which the second graph of the default model is quicker (docs/performance.md)."""
OWN_WIDE_FROM: Final = 16
"""The same beside a first graph with operators of the project's own."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to run."""

    tokenizer: TextTokenizer
    chat: ChatTemplate
    cache: SlotCache
    executor: Executor
    description: EngineDescription
    drafts: bool = True


def load(bundle: VerifiedBundle, limits: EngineLimits) -> LoadedModel:
    """Load graph, tokenizer and chat template.

    Raises:
        GenerationFailed: the graph cannot be loaded, or there is not enough memory.
        TokenizerError: the tokenizer cannot be read.
        ChatTemplateError: the chat template cannot be read.
    """
    manifest = bundle.manifest
    graph = manifest.graph
    threads = limits.threads or physical_cores()
    context = min(limits.context_tokens, graph.context_length)
    tokenizer = TextTokenizer(
        _text(bundle.tokenizer_path), vocabulary=graph.vocabulary, end_tokens=manifest.tokenizer.eos_token_ids
    )
    chat = ChatTemplate(_text(bundle.chat_template_path), tokenizer, begin=manifest.tokenizer.bos_token_id)
    shape = CacheShape(graph.layers, graph.kv_heads, context, graph.head_dim, graph.cache_type)
    require_provider(limits.device)
    require_element(manifest.graph, limits.device)
    executor, cache = _executor(bundle, shape, threads, limits)
    description = EngineDescription(
        model=manifest.name,
        bundle_digest=bundle.digest,
        provider=limits.device.provider,
        threads=threads,
        context_tokens=context,
        executor="onnxruntime-genai" if limits.executor is ExecutorKind.GENAI else "onnxruntime",
    )
    _LOG.info("%s runs on %s, %s", description.model, description.executor, description.provider)
    return LoadedModel(tokenizer, chat, cache, executor, description, limits.drafts)


def require_element(graph: GraphDescription, device: Device) -> None:
    """CUDA's attention has kernels for half precision only; a processor runs both, but converts half at each step.

    Raises:
        GenerationFailed: the device has no kernels for the graph.
    """
    if device is Device.CUDA and graph.cache_type == "float32":
        message = "This model computes in float32, which the attention of ONNX Runtime on CUDA does not."
        action = "Run `./intramural models convert --device cuda`, and switch to the bundle that it makes."
        raise GenerationFailed(message, cause=f"cache type {graph.cache_type}", action=action)
    if device is Device.CPU and graph.cache_type != "float32":
        _LOG.warning("this model was converted for a device: a processor runs it slowly")


def _executor(
    bundle: VerifiedBundle, shape: CacheShape, threads: int, limits: EngineLimits
) -> tuple[Executor, SlotCache]:
    if limits.executor is ExecutorKind.GENAI:
        from appliance.inference.genai_executor import genai_executor  # noqa: PLC0415 - loads the onnx package, too

        slots = SlotCache(shape, slots=limits.slots)
        return genai_executor(
            bundle, slots, threads=threads, max_chunk=limits.prefill_chunk, device=limits.device
        ), slots
    graphs = _graphs(bundle, threads, limits.device)
    try:
        cache: BoundCache
        if limits.device is Device.CPU:
            cache = KvCache(shape, slots=limits.slots)
        else:
            cache = DeviceKvCache(shape, slots=limits.slots, device=limits.device)
    except (OSError, RuntimeError) as error:
        message = "There is not enough memory for the model's context."
        size = shape.bytes_per_token * shape.max_len * limits.slots >> 20
        cause = f"{size} MiB for {limits.slots} of {shape.max_len} tokens"
        action = "Lower model.context_tokens or model.streams, or add memory."
        raise GenerationFailed(message, cause=cause, action=action) from error
    vocabulary = bundle.manifest.graph.vocabulary
    return OnnxExecutor(graphs, cache, vocabulary=vocabulary, max_chunk=limits.prefill_chunk), cache


def _graphs(bundle: VerifiedBundle, threads: int, device: Device) -> Graphs:
    narrow = open_session(bundle.graph_path, threads=threads, device=device, operators=_operators(bundle, device))
    path = bundle.wide_graph_path
    if path is None or device is not Device.CPU:
        return Graphs(narrow)
    if not multiplies_int8():
        _LOG.warning("this processor has no exact int8 products: prompts and batches use the first graph, more slowly")
        return Graphs(narrow)
    own = bundle.manifest.graph.contract == OWN_CONTRACT
    return Graphs(narrow, open_session(path, threads=threads), OWN_WIDE_FROM if own else WIDE_FROM)


def _operators(bundle: VerifiedBundle, device: Device) -> Path | None:
    """The library that the first graph needs, if it needs one."""
    if bundle.manifest.graph.contract != OWN_CONTRACT:
        return None
    if device is not Device.CPU:
        message = f"This bundle does not run on the requested device, {device.value}."
        raise GenerationFailed(message, action="Choose a bundle that was made for it, or set model.device to cpu.")
    try:
        return library()
    except KernelsMissing as error:
        raise GenerationFailed(error.message, cause=error.cause, action=error.action) from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"The bundle's {path.name} cannot be read."
        raise GenerationFailed(message, cause=str(error), action="Verify the bundle or build it again.") from error
