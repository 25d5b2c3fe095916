"""Opens a bundle in onnxruntime-genai; whatever would not run as asked is refused, never run somewhere else.

Nothing is stored: the graph is derived in memory from the bundle's bytes, the weights are read where they are, and the
configuration lies in a folder of its own while the model is opened.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from appliance.core.ports import GenerationFailed
from appliance.inference.limits import Device
from appliance.inference.sessions import open_session
from model_bundle.build.genai_graph import genai_config, genai_graph
from model_bundle.errors import ModelBundleError
from model_bundle.manifest import OWN_CONTRACT

if TYPE_CHECKING:
    from types import ModuleType

    from model_bundle.verify import VerifiedBundle

_GRAPH = "decoder.onnx"


def library(device: Device) -> ModuleType:
    """The package, if it is installed.

    Raises:
        GenerationFailed: it is not, or not for this device.
    """
    extra = "genai" if device is Device.CPU else "genai-gpu"
    try:
        found = importlib.import_module("onnxruntime_genai")
    except ImportError as error:
        message = "The model cannot run on onnxruntime-genai, which is not installed."
        action = f"Install the extra '{extra}' of this package, or set model.executor to onnxruntime."
        raise GenerationFailed(message, cause=str(error), action=action) from error
    found.disable_telemetry_events()
    if device is Device.CUDA and not found.is_cuda_available():
        raise _elsewhere(device, "this build of onnxruntime-genai has no CUDA")
    return found


def open_genai(bundle: VerifiedBundle, *, threads: int, context_tokens: int, device: Device) -> Any:
    """The bundle as an ``onnxruntime_genai.Model``: its first graph that has no operators of the project's own.

    Raises:
        GenerationFailed: the package is missing, cannot run this graph, or would run it on another device.
    """
    genai = library(device)
    if device is not Device.CPU:
        # onnxruntime-genai has no way to forbid the processor. The arithmetic on lengths has to be there; nothing else.
        open_session(_plain_graph(bundle), threads=threads, device=device)
    graph = _derived(bundle)
    try:
        with tempfile.TemporaryDirectory(prefix="intramural-genai-") as name:
            model = _opened(
                genai,
                bundle,
                graph,
                Path(name).resolve(),
                threads=threads,
                context_tokens=context_tokens,
                device=device,
            )
    except OSError as error:
        message = "The model cannot be loaded: there is no place for a temporary file."
        raise GenerationFailed(message, cause=str(error), action="Free some space, or set TMPDIR.") from error
    if model.device_type.lower() != device.value:
        raise _elsewhere(device, f"it runs on {model.device_type}")
    return model


def _opened(
    genai: ModuleType,
    bundle: VerifiedBundle,
    graph: bytes,
    folder: Path,
    *,
    threads: int,
    context_tokens: int,
    device: Device,
) -> Any:
    settings = genai_config(
        bundle.manifest.graph,
        file=_GRAPH,
        weights=os.path.relpath(bundle.directory.resolve(), folder),
        end_token=bundle.manifest.tokenizer.eos_token_ids[0],
        context_tokens=context_tokens,
        threads=threads,
    )
    (folder / "genai_config.json").write_text(json.dumps(settings), encoding="utf-8")
    try:
        config = genai.Config(str(folder))
        config.clear_providers()
        if device is not Device.CPU:
            config.append_provider(device.value)
        config.add_model_data(_GRAPH, graph)  # not copied: ``graph`` has to live until the model is made
        return genai.Model(config)
    except Exception as error:  # the library raises RuntimeError for everything
        message = "The model cannot be loaded by onnxruntime-genai."
        cause = " ".join(str(error).split())[:500]
        action = "Verify the bundle, or set model.executor to onnxruntime."
        raise GenerationFailed(message, cause=cause, action=action) from error


def _plain_graph(bundle: VerifiedBundle) -> Path:
    """The graph without operators of the project's own: the second one, where the first has such."""
    second = bundle.wide_graph_path if bundle.manifest.graph.contract == OWN_CONTRACT else None
    return second or bundle.graph_path


def _derived(bundle: VerifiedBundle) -> bytes:
    try:
        path = _plain_graph(bundle)
        content = path.read_bytes()
    except OSError as error:
        message = "The model's graph cannot be read."
        raise GenerationFailed(message, cause=str(error), action="Verify the bundle.") from error
    if hashlib.sha256(content).hexdigest() != bundle.manifest.files[path.name].sha256:
        message = "The model's graph was changed after it was verified."
        raise GenerationFailed(message, action="Restart the appliance, which verifies it again.")
    try:
        derived: bytes = genai_graph(onnx.load_model_from_string(content)).SerializeToString()
    except ModelBundleError as error:
        raise GenerationFailed(error.message, cause=error.cause, action=error.action) from error
    return derived


def _elsewhere(device: Device, cause: str) -> GenerationFailed:
    message = f"The model would not run on the requested device, {device.value}."
    action = "Install the extra 'genai-gpu' and the driver, or set model.device to cpu."
    return GenerationFailed(message, cause=cause, action=action)
