"""A bundle in half precision, as CUDA needs it, run by the CPU provider: only the provider is left untried."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

from appliance.cli import main
from appliance.core.ports import GenerationFailed
from appliance.inference.limits import Device, ExecutorKind
from appliance.inference.loader import require_element
from appliance.inference.work import Work
from appliance.studio.model_choice import find_bundle
from model_bundle.build import distribution
from model_bundle.build.agreement import agreement, summarize
from model_bundle.build.evaluate import Runner
from model_bundle.errors import ConversionError
from model_bundle.trust_root import read_trust_root
from model_bundle.verify import verify
from tests.fixtures.half_bundle import HALF, in_both_precisions
from tests.fixtures.inference_parts import engine_parts
from tests.fixtures.tiny_distribution import tiny_distribution
from tests.fixtures.tiny_gguf import tiny_gguf

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.verify import VerifiedBundle

LETTERS = "start: /[a-z ]{20,25}/"
REPEATED = 'start: ("name " /[ab]/ " required, due " /[cd]/ " tomorrow\\n"){5}'


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, VerifiedBundle]:
    """The same model in both precisions."""
    return in_both_precisions(tmp_path_factory.mktemp("half"))


def test_manifest_and_graph_say_the_same_of_cache_and_logits(bundles: dict[str, VerifiedBundle]) -> None:
    bundle = bundles["float16"]
    graph = onnx.load(bundle.graph_path, load_external_data=False).graph
    kinds = {one.name: one.type.tensor_type.elem_type for one in [*graph.input, *graph.output]}
    half = {name for name, kind in kinds.items() if kind == onnx.TensorProto.FLOAT16}
    assert half == {name for name in kinds if name.startswith(("past_", "present.", "logits"))} - {"logit_rows"}
    assert not any(one.data_type == onnx.TensorProto.FLOAT for one in graph.initializer)
    assert bundle.manifest.graph.cache_type == "float16"
    assert bundle.manifest.graph.cache_bytes_per_token * 2 == bundles["float32"].manifest.graph.cache_bytes_per_token
    assert bundle.manifest.provenance.precision["activations, keys and values"] == "float16"


def test_every_operator_is_one_that_cuda_has_in_half_precision(bundles: dict[str, VerifiedBundle]) -> None:
    """By ONNX Runtime's list of kernels (OperatorKernels.md); that CUDA runs them is for a test on CUDA to show."""
    graph = onnx.load(bundles["float16"].graph_path, load_external_data=False).graph
    assert {node.op_type for node in graph.node} <= {
        *(
            "GatherBlockQuantized",
            "GroupQueryAttention",
            "MatMulNBits",
            "QuickGelu",
            "SkipSimplifiedLayerNormalization",
        ),
        *("SimplifiedLayerNormalization", "Add", "Mul", "Gather", "Reshape"),
    }
    assert all(len(node.input) <= 4 for node in graph.node if node.op_type == "MatMulNBits"), "a bias inside"


def test_half_precision_agrees_with_float32(bundles: dict[str, VerifiedBundle]) -> None:
    texts = [[int(token) for token in np.random.default_rng(seed).integers(0, 250, 60)] for seed in range(4)]
    exact, half = (Runner(bundles[element].directory).logits(texts) for element in ("float32", "float16"))
    found = agreement(summarize(texts, exact), half)
    assert found.positions == 240
    assert 0 < found.mean_kl < 1e-3
    assert found.top1 > 0.95


def test_both_executors_write_the_same_in_half_precision(bundles: dict[str, VerifiedBundle], tmp_path: Path) -> None:
    written: list[list[tuple[int, ...]]] = []
    prompt = [int(token) for token in np.random.default_rng(1).integers(0, 250, 40)]
    for kind in ExecutorKind:
        with engine_parts(bundles["float16"], tmp_path / kind, slots=2, executor=kind) as parts:
            assert parts.model.cache.shape.element == "float16"
            written.append(
                [
                    parts.run(parts.work(prompt, lark, drafts=drafts)).generated
                    for lark in (LETTERS, REPEATED)
                    for drafts in (False, True)
                ]
            )
            together = [parts.engine.submit(parts.work(prompt, lark)) for lark in (LETTERS, REPEATED)]
            assert [work.result.result(timeout=60).generated for work in together] == written[-1][::2]
    assert written[0] == written[1]


def test_stored_prefixes_are_half_as_large_and_exact(bundles: dict[str, VerifiedBundle], tmp_path: Path) -> None:
    stable = [int(token) for token in np.random.default_rng(2).integers(0, 250, 70)]
    texts, sizes = [], {}
    for element in ("float16", "float16", "float32"):
        with engine_parts(bundles[element], tmp_path / element) as parts:
            outcome = parts.run(Work(stable, stable=True))
            texts.append((outcome.cached, parts.run(parts.work([*stable, 5, 6], LETTERS)).generated))
        (file,) = (tmp_path / element).glob("*.kv")
        sizes[element] = file.stat().st_size - 4096
    assert (texts[0][0], texts[1][0]) == (0, 70)
    assert texts[0][1] == texts[1][1]
    assert sizes["float32"] == 2 * sizes["float16"]


def test_a_second_graph_in_half_precision_is_refused() -> None:
    with pytest.raises(ConversionError, match="float32 only"):
        replace(HALF, wide=True)


def test_cuda_refuses_float32_and_says_how_to_convert(bundles: dict[str, VerifiedBundle]) -> None:
    with pytest.raises(GenerationFailed, match="float32") as caught:
        require_element(bundles["float32"].manifest.graph, Device.CUDA)
    assert "models convert --device cuda" in caught.value.action
    require_element(bundles["float16"].manifest.graph, Device.CUDA)
    require_element(bundles["float16"].manifest.graph, Device.CPU)


def test_a_source_that_is_not_the_pinned_file_is_not_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setattr(distribution, "CUDA_MODEL", replace(tiny_distribution(tmp_path / "index"), plan=HALF))
    monkeypatch.setenv("INTRAMURAL_HOME", str(home))
    source = tmp_path / "other.gguf"
    source.write_bytes(tiny_gguf().to_bytes()[:-1] + b"!")
    for file, told in ((source, "not the file"), (tmp_path / "none.gguf", "not the file")):
        done = CliRunner().invoke(main, ["models", "convert", "--device", "cuda", "--source", str(file)])
        assert done.exit_code == 2
        assert told in done.output
    assert source.exists()
    assert not home.exists()


def test_the_command_converts_for_cuda_and_what_runs_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    model = tiny_distribution(home / "downloads")  # as if the parts had been fetched
    monkeypatch.setattr(distribution, "DEFAULT_MODEL", model)
    monkeypatch.setattr(distribution, "CUDA_MODEL", replace(model, name="tiny-model-cuda", plan=HALF))
    monkeypatch.setenv("INTRAMURAL_HOME", str(home))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    bundles = home / "bundles"
    done = CliRunner().invoke(main, ["models", "convert", "--device", "cuda"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "models switch tiny-model-cuda-v1" in done.output
    assert "not been run on CUDA" in done.output
    assert verify(bundles / "tiny-model-cuda-v1", read_trust_root(home / "keys")).manifest.graph.cache_type == "float16"
    assert find_bundle(home).name == "tiny-model-cuda-v1", "the only one there is"
    source = tiny_gguf().write(tmp_path / "at-hand.gguf")
    convert = ["models", "convert", "--device", "cpu", "--source"]
    assert CliRunner().invoke(main, [*convert, str(source)], catch_exceptions=False).exit_code == 0
    assert source.exists()
    os.utime(bundles / "tiny-model-cuda-v1")  # the newest
    assert find_bundle(home).name == "tiny-model-v1", "one for a device has to be chosen"
