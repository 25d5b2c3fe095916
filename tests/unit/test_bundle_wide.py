"""The second graph of a bundle, int8 by int8, for prompts and batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from appliance.inference.executor import Graphs, OnnxExecutor
from appliance.inference.kv_cache import CacheShape, KvCache
from appliance.inference.sessions import open_session
from model_bundle.build.evaluate import Runner
from model_bundle.build.gguf import DATA_FILE, WIDE_DATA_FILE, PrecisionPlan, Source, convert_gguf, write_graph
from model_bundle.build.gguf_model import GgufWeights, read_config
from model_bundle.build.gguf_reader import GgufFile
from model_bundle.build.quantize import MOST_IN_GROUP, Precision, quantize_columns
from model_bundle.build.reference import reference_logits
from model_bundle.errors import ConversionError
from model_bundle.manifest import WIDE_GRAPH_NAME
from model_bundle.signature import PrivateKey
from model_bundle.trust_root import TrustRoot
from model_bundle.verify import verify
from tests.fixtures.tiny_gguf import tiny_gguf

if TYPE_CHECKING:
    from pathlib import Path

PLAN = PrecisionPlan(Precision(8, 32), wide=True)
TEXT = [5, 17, 250, 3, 99, 41, 7, 7, 120]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with both graphs."""
    work = tmp_path_factory.mktemp("wide")
    model = tiny_gguf().write(work / "model.gguf")
    source = Source(model, "tiny", "Apache-2.0", "none")
    key = PrivateKey.generate()
    convert_gguf(source, work / "bundle", key, name="tiny", version=1, plan=PLAN)
    public = key.public()
    assert verify(work / "bundle", TrustRoot({public.key_id: public}, {})).wide_graph_path is not None
    return work / "bundle"


def test_columns_are_restored_within_half_a_step_in_every_group() -> None:
    weights = np.random.default_rng(1).standard_normal((24, 4 * 1024)).astype(np.float32)
    weights[:, 7] *= 100  # an outlier costs its own group only
    stored = quantize_columns(lambda start, end: weights[start:end], *weights.shape)
    groups, width, outputs = stored.values.shape
    assert (groups * width, outputs) == (4096, 24)
    assert width <= MOST_IN_GROUP
    restored = (stored.values * stored.scales[:, None, :]).reshape(-1, outputs).T
    half = np.repeat(stored.scales.T / 2, width, axis=1)
    assert (np.abs(restored - weights) <= half * 1.001).all()
    assert np.abs(restored - weights)[:, 1024:].max() < 0.03


def test_weights_that_are_not_numbers_are_refused() -> None:
    weights = np.ones((4, 64), dtype=np.float32)
    weights[2, 3] = np.nan
    with pytest.raises(ConversionError, match="finite"):
        quantize_columns(lambda start, end: weights[start:end], 4, 64)


def test_both_graphs_compute_what_the_source_says(folder: Path) -> None:
    with GgufFile(folder.parent / "model.gguf") as file:
        config = read_config(file)
        (expected,) = reference_logits(config, GgufWeights(file, config), [TEXT])
    scale = np.abs(expected).max()
    for graph, tolerance in (("decoder.onnx", 0.02), (WIDE_GRAPH_NAME, 0.03)):
        (found,) = Runner(folder, graph=graph).logits([TEXT])
        assert np.abs(found - expected).max() < tolerance * scale, graph


def test_one_graph_goes_on_where_the_other_stopped(folder: Path) -> None:
    whole = Runner(folder).run(TEXT, 0, [len(TEXT) - 1])
    first, second = Runner(folder, graph=WIDE_GRAPH_NAME), Runner(folder)
    first.run(TEXT[:-1], 0, [])
    second._cache = first._cache
    found = second.run(TEXT[-1:], len(TEXT) - 1, [0])
    assert np.abs(found - whole).max() < 0.03 * np.abs(whole).max()


def test_a_row_does_not_depend_on_its_neighbours(folder: Path) -> None:
    """Exactly: what another conversation says must not change a single bit of an answer."""
    runner = Runner(folder, graph=WIDE_GRAPH_NAME)
    alone = runner.run([5, 17, 250, 3], 0, [3])
    beside = [runner.run([5, 17, 250, 3, *rest], 0, [3]) for rest in ([1, 2, 9, 9], [299, 299, 0, 41])]
    np.testing.assert_array_equal(beside[0], beside[1])
    np.testing.assert_allclose(beside[0], alone, atol=1e-4)


def test_embedding_and_head_are_stored_once(folder: Path) -> None:
    model = onnx.load_model(folder / WIDE_GRAPH_NAME, load_external_data=False)
    places: dict[str, set[str]] = {DATA_FILE: set(), WIDE_DATA_FILE: set()}
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                places[entry.value].add(tensor.name)
    assert {"embedding.codes", "rotary.cos"} <= places[DATA_FILE]
    assert places[WIDE_DATA_FILE]
    assert all(name.endswith(("columns", "column_scales")) for name in places[WIDE_DATA_FILE])


def test_a_plan_without_a_second_graph_writes_none(tmp_path: Path) -> None:
    with GgufFile(tiny_gguf().write(tmp_path / "model.gguf")) as file:
        write_graph(GgufWeights(file, read_config(file)), tmp_path, PrecisionPlan(Precision(8, 32)))
    assert not (tmp_path / WIDE_GRAPH_NAME).exists()


def test_a_batch_computes_what_each_row_computes_alone(folder: Path) -> None:
    narrow, wide = (open_session(folder / name, threads=1) for name in ("decoder.onnx", WIDE_GRAPH_NAME))
    with GgufFile(folder.parent / "model.gguf") as file:
        config = read_config(file)
    shape = CacheShape(config.layers, config.kv_heads, 64, config.head_dim)
    prompts = ([5, 17, 250], [3, 99, 41, 7, 7], [120])
    alone = []
    for prompt in prompts:
        executor = OnnxExecutor(Graphs(narrow), KvCache(shape), vocabulary=config.vocabulary, max_chunk=32)
        executor.chunk(0, prompt, rows=0)
        alone.append(executor.chunk(0, [9], rows=1)[0].copy())
    cache = KvCache(shape, slots=3)
    together = OnnxExecutor(Graphs(narrow, wide, 2), cache, vocabulary=config.vocabulary, max_chunk=32)
    for slot, prompt in enumerate(prompts):
        together.chunk(slot, prompt, rows=0)
    found = together.batch([(slot, 9, True) for slot in range(3)])
    assert [cache.length(slot) for slot in range(3)] == [4, 6, 2]
    assert np.abs(found - np.array(alone)).max() < 0.03 * np.abs(alone).max()
