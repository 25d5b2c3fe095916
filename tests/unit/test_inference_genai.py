"""The second executor: onnxruntime-genai computes what ONNX Runtime does, from the same files, or says why not."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from appliance.core.ports import GenerationFailed
from appliance.inference.executor import Graphs, OnnxExecutor
from appliance.inference.genai_executor import MOST_AT_ONCE, GenaiExecutor, genai_executor
from appliance.inference.genai_model import open_genai
from appliance.inference.kv_cache import CacheShape, KvCache, SlotCache
from appliance.inference.limits import Device, ExecutorKind
from appliance.inference.sessions import open_session
from model_bundle.build.genai_graph import genai_graph
from model_bundle.errors import ConversionError
from model_bundle.signature import PrivateKey
from model_bundle.trust_root import TrustRoot
from model_bundle.verify import verify
from tests.fixtures.inference_parts import engine_parts
from tests.fixtures.tiny_bundle import sign_tiny, tiny_bundle, tiny_config

if TYPE_CHECKING:
    from model_bundle.verify import VerifiedBundle

CONTEXT = 128
LETTERS = "start: /[a-z ]{20,25}/"
MIXED = 'start: (/[ab]/ ", and that is all there is to say about " /[cd]/ "\\n"){4}'
REPEATED = 'start: ("name " /[ab]/ " required, due " /[cd]/ " tomorrow\\n"){5}'


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> VerifiedBundle:
    return tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")


def shape(bundle: VerifiedBundle) -> CacheShape:
    graph = bundle.manifest.graph
    return CacheShape(graph.layers, graph.kv_heads, CONTEXT, graph.head_dim)


def on_genai(bundle: VerifiedBundle, *, slots: int = 1) -> tuple[GenaiExecutor, SlotCache]:
    cache = SlotCache(shape(bundle), slots=slots)
    return genai_executor(bundle, cache, threads=1, max_chunk=64, device=Device.CPU), cache


def on_onnxruntime(bundle: VerifiedBundle, *, slots: int = 1) -> tuple[OnnxExecutor, KvCache]:
    cache = KvCache(shape(bundle), slots=slots)
    graphs = Graphs(open_session(bundle.graph_path, threads=1))
    return OnnxExecutor(graphs, cache, vocabulary=bundle.manifest.graph.vocabulary, max_chunk=64), cache


def some_tokens(count: int, *, seed: int = 0) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(0, 500, count)]


def test_both_compute_the_same_after_any_order_of_steps(bundle: VerifiedBundle) -> None:
    one, one_cache = on_genai(bundle, slots=3)
    other, other_cache = on_onnxruntime(bundle, slots=3)
    random = np.random.default_rng(5)
    end = bundle.manifest.tokenizer.eos_token_ids
    for step in range(60):
        slot = int(random.integers(3))
        keep = int(random.integers(one_cache.length(slot) + 1)) if step % 4 == 3 else one_cache.length(slot)
        for cache in (one_cache, other_cache):
            cache.rewind(slot, min(keep, CONTEXT - 40))
        if step % 3 == 2:
            entries = [(number, int(random.integers(500)), number != slot) for number in range(3)]
            np.testing.assert_allclose(one.batch(entries), other.batch(entries), atol=3e-5)
        else:
            tokens = [*some_tokens(int(random.integers(0, 20)), seed=step), end[step % 2]]
            rows = int(random.integers(min(len(tokens), 16) + 1))
            np.testing.assert_allclose(
                one.chunk(slot, tokens, rows=rows), other.chunk(slot, tokens, rows=rows), atol=3e-5
            )
        assert [one_cache.tokens(number) for number in range(3)] == [other_cache.tokens(number) for number in range(3)]


@pytest.mark.parametrize("architecture", ["qwen2", "llama"])
def test_both_write_the_same_text(tmp_path: Path, architecture: str) -> None:
    bundle = tiny_bundle(tmp_path / "bundle", architecture=architecture, qkv_bias=architecture == "qwen2")
    written: list[list[tuple[int, ...]]] = []
    for kind in ExecutorKind:
        with engine_parts(bundle, tmp_path / kind, slots=2, executor=kind) as parts:
            written.append([])
            for seed, lark in enumerate((LETTERS, MIXED, REPEATED)):
                for temperature in (0.0, 1.0):
                    for drafts in (False, True):
                        work = parts.work(
                            some_tokens(40, seed=seed), lark, temperature=temperature, seed=seed, drafts=drafts
                        )
                        written[-1].append(parts.run(work).generated)
    assert written[0] == written[1]
    assert len(set(written[0])) > 3


def test_a_step_that_fails_leaves_the_slot_as_it_was(bundle: VerifiedBundle) -> None:
    executor, cache = on_genai(bundle)
    tokens = some_tokens(60)
    expected = executor.chunk(0, tokens, rows=1).copy()
    generator = executor._generators[0]

    class Failing:
        """A generator that computes and then has no memory for the answer."""

        def __getattr__(self, name: str) -> object:
            return getattr(generator, name)

        def append_tokens(self, tokens: object) -> None:
            generator.append_tokens(tokens)
            message = "std::bad_alloc"
            raise RuntimeError(message)

    executor._generators[0] = Failing()
    with pytest.raises(GenerationFailed, match="could not compute") as caught:
        executor.chunk(0, [1, 2, 3], rows=1)
    assert "bad_alloc" in caught.value.cause
    assert cache.tokens() == tokens
    executor._generators[0] = generator
    cache.rewind(0, 59)
    np.testing.assert_array_equal(executor.chunk(0, tokens[59:], rows=1).argmax(), expected.argmax())
    with pytest.raises(GenerationFailed, match="does not fit"):
        executor.chunk(0, [1] * 64 + [2] * 5, rows=1)
    with pytest.raises(GenerationFailed, match="does not fit"):
        executor.chunk(0, [1] * 20, rows=17)


def test_chunks_are_short_because_a_step_cannot_be_interrupted(bundle: VerifiedBundle) -> None:
    cache = SlotCache(shape(bundle))
    executor = genai_executor(bundle, cache, threads=1, max_chunk=4096, device=Device.CPU)
    assert executor.max_chunk == MOST_AT_ONCE
    executor.interrupt()
    assert executor.chunk(0, [1, 2], rows=0).shape == (0, bundle.manifest.graph.vocabulary)


def test_nothing_is_written_to_the_bundle_and_no_folder_stays(
    bundle: VerifiedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in bundle.directory.iterdir()}
    on_genai(bundle)[0].chunk(0, [1], rows=1)
    after = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in bundle.directory.iterdir()}
    assert after == before
    assert list(tmp_path.iterdir()) == []


def test_no_place_for_a_temporary_file_is_a_clear_error(
    bundle: VerifiedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(GenerationFailed, match="temporary file") as caught:
        on_genai(bundle)
    assert "TMPDIR" in caught.value.action


def test_a_missing_package_is_refused_with_what_to_install(
    bundle: VerifiedBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime_genai", None)
    with pytest.raises(GenerationFailed, match="not installed") as caught:
        on_genai(bundle)
    assert "'genai'" in caught.value.action
    with pytest.raises(GenerationFailed) as caught:
        open_genai(bundle, threads=1, context_tokens=CONTEXT, device=Device.CUDA)
    assert "'genai-gpu'" in caught.value.action


def test_a_graph_that_was_changed_after_it_was_verified_is_refused(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    bundle.graph_path.write_bytes(bundle.graph_path.read_bytes()[:-1] + b"\0")
    with pytest.raises(GenerationFailed, match="changed after it was verified"):
        on_genai(bundle)


def test_operators_that_the_library_lacks_are_refused_with_what_to_do(tmp_path: Path) -> None:
    key = PrivateKey.generate()
    made = tiny_bundle(tmp_path / "bundle", key=key)
    graph = onnx.load(made.graph_path, load_external_data=False)
    graph.graph.node[3].domain = "example.own"
    graph.opset_import.append(onnx.helper.make_opsetid("example.own", 1))
    onnx.save_model(graph, made.graph_path)
    for name in ("manifest.json", "manifest.sig.json"):
        (made.directory / name).unlink()
    sign_tiny(made.directory, tiny_config(made.manifest.graph.vocabulary), key)
    bundle = verify(made.directory, TrustRoot({key.public().key_id: key.public()}, {}))
    with pytest.raises(GenerationFailed, match="operators of its own") as caught:
        on_genai(bundle)
    assert "example.own" in caught.value.cause
    assert "model.executor" in caught.value.action


def test_a_graph_of_another_contract_is_refused(bundle: VerifiedBundle) -> None:
    derived = genai_graph(onnx.load(bundle.graph_path, load_external_data=False))
    with pytest.raises(ConversionError, match="not of the kind"):
        genai_graph(derived)
