"""Where a model runs: as asked, or not at all. The engine's promises on a CUDA device, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort
import onnxruntime_genai
import pytest

from appliance.core.ports import GenerationFailed
from appliance.inference.genai_model import open_genai
from appliance.inference.limits import Device, EngineLimits, ExecutorKind
from appliance.inference.loader import load
from appliance.inference.sessions import open_session
from appliance.inference.work import Work
from model_bundle.build.agreement import agreement, summarize
from tests.fixtures.half_bundle import in_both_precisions
from tests.fixtures.inference_parts import engine_parts

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.verify import VerifiedBundle

HAS_CUDA = Device.CUDA.provider in ort.get_available_providers()
HAS_GENAI_CUDA = HAS_CUDA and onnxruntime_genai.is_cuda_available()
NO_CUDA = pytest.mark.skipif(not HAS_CUDA, reason="no CUDA device: onnxruntime-gpu is not installed or finds none")
NO_GENAI_CUDA = pytest.mark.skipif(
    not HAS_GENAI_CUDA, reason="no CUDA device: onnxruntime-genai-cuda is not installed or finds none"
)
ON_CUDA = [
    pytest.param(ExecutorKind.ONNXRUNTIME, marks=[pytest.mark.gpu, NO_CUDA]),
    pytest.param(ExecutorKind.GENAI, marks=[pytest.mark.gpu, NO_GENAI_CUDA]),
]
LETTERS = "start: /[a-z ]{20,25}/"
REPEATED = 'start: ("name " /[ab]/ " required, due " /[cd]/ " tomorrow\\n"){5}'


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, VerifiedBundle]:
    return in_both_precisions(tmp_path_factory.mktemp("devices"))


def some_tokens(count: int, *, seed: int = 0) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(0, 250, count)]


@pytest.mark.skipif(HAS_CUDA, reason="this ONNX Runtime has a CUDA provider")
@pytest.mark.parametrize("executor", ExecutorKind)
def test_a_device_that_is_not_there_is_refused_and_nothing_else_is_used(
    bundles: dict[str, VerifiedBundle], executor: ExecutorKind
) -> None:
    for bundle in bundles.values():
        with pytest.raises(GenerationFailed, match="would not run on the requested device") as caught:
            load(bundle, EngineLimits(device=Device.CUDA, executor=executor))
        assert "CPUExecutionProvider" in caught.value.cause
        assert "model.device" in caught.value.action


@pytest.mark.skipif(HAS_GENAI_CUDA, reason="this onnxruntime-genai has CUDA")
def test_onnxruntime_genai_without_cuda_is_refused(bundles: dict[str, VerifiedBundle]) -> None:
    with pytest.raises(GenerationFailed, match="would not run on the requested device, cuda") as caught:
        open_genai(bundles["float16"], threads=1, context_tokens=64, device=Device.CUDA)
    assert "no CUDA" in caught.value.cause
    assert "genai-gpu" in caught.value.action


@pytest.mark.gpu
@NO_CUDA
def test_a_graph_that_cuda_would_leave_in_part_to_the_processor_is_refused(
    bundles: dict[str, VerifiedBundle], tmp_path: Path
) -> None:
    graph = onnx.load(bundles["float16"].graph_path)
    graph.graph.node.append(onnx.helper.make_node("StringNormalizer", ["words"], ["normal"]))
    graph.graph.input.append(onnx.helper.make_tensor_value_info("words", onnx.TensorProto.STRING, ["N"]))
    graph.graph.output.append(onnx.helper.make_tensor_value_info("normal", onnx.TensorProto.STRING, ["N"]))
    onnx.save_model(graph, tmp_path / "decoder.onnx")
    open_session(tmp_path / "decoder.onnx", threads=1)
    with pytest.raises(GenerationFailed):
        open_session(tmp_path / "decoder.onnx", threads=1, device=Device.CUDA)


@pytest.mark.gpu
@NO_CUDA
def test_float32_is_refused_on_cuda_with_how_to_convert(bundles: dict[str, VerifiedBundle]) -> None:
    with pytest.raises(GenerationFailed, match="float32") as caught:
        load(bundles["float32"], EngineLimits(device=Device.CUDA))
    assert "models convert --device cuda" in caught.value.action


@pytest.mark.parametrize("executor", ON_CUDA)
def test_cuda_computes_what_the_processor_does_in_any_order_of_steps(
    bundles: dict[str, VerifiedBundle], executor: ExecutorKind
) -> None:
    limits = EngineLimits(threads=1, context_tokens=256, prefill_chunk=64, slots=2)
    here = load(bundles["float16"], limits)
    there = load(bundles["float16"], EngineLimits(1, 256, 64, 2, device=Device.CUDA, executor=executor))
    texts = [some_tokens(60, seed=seed) for seed in range(4)]
    found: dict[str, list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]] = {"here": [], "there": []}
    for name, model in (("here", here), ("there", there)):
        for text in texts:
            for slot in range(2):
                model.cache.rewind(slot, 0)
            rows = [model.executor.chunk(0, text[:7], rows=7).copy()]
            model.executor.chunk(0, some_tokens(9, seed=9), rows=1)
            model.cache.rewind(0, 7)
            rows += [model.executor.chunk(0, [token], rows=1).copy() for token in text[7:20]]
            model.executor.chunk(1, text[:19], rows=0)
            rows += [model.executor.batch([(1, text[19], False), (0, text[20], True)]).copy()]
            rows += [model.executor.chunk(0, text[start : start + 13], rows=13).copy() for start in (21, 34, 47)]
            found[name].append(np.concatenate(rows))
    agreed = agreement(summarize(texts, found["here"]), found["there"])
    assert agreed.mean_kl < 1e-3
    assert agreed.top1 > 0.95


@pytest.mark.parametrize("executor", ON_CUDA)
def test_the_engine_writes_together_what_it_writes_alone_on_cuda(
    bundles: dict[str, VerifiedBundle], tmp_path: Path, executor: ExecutorKind
) -> None:
    prompts = [some_tokens(20, seed=seed) for seed in range(4)]
    with engine_parts(
        bundles["float16"], tmp_path / "p", slots=4, device=Device.CUDA, executor=executor, context=512
    ) as parts:
        assert parts.model.description.provider == Device.CUDA.provider
        alone = [parts.run(parts.work(prompt, LETTERS)).generated for prompt in prompts]
        works = [parts.engine.submit(parts.work(prompt, LETTERS)) for prompt in prompts]
        assert [work.result.result(timeout=60).generated for work in works] == alone
        plain = parts.run(parts.work(prompts[0], REPEATED)).generated
        assert parts.run(parts.work(prompts[0], REPEATED, drafts=True)).generated == plain
        parts.steps.clear()
        parts.run(Work([*prompts[1], 3, 4]))
        assert sum(parts.steps) <= 22, "a slot is kept and rewound there, too"
