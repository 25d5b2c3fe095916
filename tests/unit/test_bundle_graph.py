"""The ONNX graph against the NumPy forward pass, and the parts of its contract that an engine relies on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort
import pytest

from model_bundle.build.decoder_config import DecoderConfig
from model_bundle.build.evaluate import Runner
from model_bundle.build.gguf_model import _half_split
from model_bundle.build.graph import build_decoder
from model_bundle.build.quantize import Precision, dequantize, quantize
from model_bundle.build.reference import reference_logits
from model_bundle.build.weights import BlockWeight, DenseWeight, Weight
from model_bundle.errors import ConversionError
from tests.fixtures.tiny_bundle import RandomWeights, tiny_config, write_graph

if TYPE_CHECKING:
    from pathlib import Path

    from model_bundle.build.weights import Floats

VOCABULARY = 300
TEXTS = [[5, 17, 250, 3, 99, 41, 7, 7, 120], [299, 0, 1], [12]]
VARIANTS = {
    "qwen2, tied": {},
    "qwen2, untied": {"tied_head": False},
    "llama": {"architecture": "llama", "qkv_bias": False, "tied_head": False},
    "llama 3 rotary factors": {
        "architecture": "llama",
        "qkv_bias": False,
        "rope_factors": (1.0, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0),
    },
    "one key head, wide heads": {"kv_heads": 1, "head_dim": 32},
}


@dataclass(frozen=True)
class AsStored:
    """The weights that the quantised graph holds, for the reference."""

    weights: RandomWeights

    def matrix(self, name: str) -> Floats:
        stored = self.weights.matrix(name)
        return stored.values if isinstance(stored, DenseWeight) else dequantize(stored)

    def vector(self, name: str) -> Floats:
        return self.weights.vector(name)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_float_graph_computes_what_the_papers_say(variant: str, tmp_path: Path) -> None:
    config = tiny_config(VOCABULARY, **VARIANTS[variant])
    weights = RandomWeights(config, precision=None)
    write_graph(tmp_path, weights)
    runner = Runner(tmp_path)
    for found, expected in zip(runner.logits(TEXTS), reference_logits(config, AsStored(weights), TEXTS), strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-5)


@pytest.mark.parametrize("precision", [Precision(4, 32), Precision(4, 16, symmetric=True), Precision(8, 32)])
@pytest.mark.parametrize("tied", [True, False])
def test_a_quantised_graph_is_off_only_by_the_rounding_of_activations(
    precision: Precision, tied: bool, tmp_path: Path
) -> None:
    config = tiny_config(VOCABULARY, tied_head=tied)
    weights = RandomWeights(config, precision)
    write_graph(tmp_path, weights)
    found = np.concatenate(Runner(tmp_path).logits(TEXTS))
    expected = np.concatenate(reference_logits(config, AsStored(weights), TEXTS))
    # Int8 activations have steps of 1/127 of their block's largest value; logits have a deviation of one.
    assert np.sqrt(np.square(found - expected).mean()) < 0.03


def test_chunks_give_the_same_as_one_piece_and_rows_are_chosen(tmp_path: Path) -> None:
    write_graph(tmp_path, RandomWeights(tiny_config(VOCABULARY)))
    runner = Runner(tmp_path)
    text = TEXTS[0]
    whole = runner.run(text, 0, range(len(text)))
    assert runner.run(text[:4], 0, []).shape == (0, VOCABULARY)
    np.testing.assert_allclose(runner.run(text[4:8], 4, [3, 0]), whole[[7, 4]], atol=1e-5)
    np.testing.assert_allclose(runner.run(text[8:], 8, [0]), whole[[8]], atol=1e-5)


def test_rows_of_different_length_are_decoded_together(tmp_path: Path) -> None:
    config = tiny_config(VOCABULARY)
    write_graph(tmp_path, RandomWeights(config))
    runner = Runner(tmp_path)
    expected = [runner.run(text, 0, [len(text) - 1])[0] for text in TEXTS[:2]]
    session = ort.InferenceSession(tmp_path / "decoder.onnx", providers=["CPUExecutionProvider"])
    shape = (1, config.kv_heads, 32, config.head_dim)
    names = [f"past_key_values.{layer}.{part}" for layer in range(config.layers) for part in ("key", "value")]
    caches = []
    for text in TEXTS[:2]:
        feeds = _feeds([text[:-1]], [len(text) - 1], [])
        feeds |= {name: np.zeros(shape, np.float32) for name in names}
        caches.append(session.run([name.replace("past_key_values", "present") for name in names], feeds))
    feeds = _feeds([[text[-1]] for text in TEXTS[:2]], [len(text) for text in TEXTS[:2]], [0, 1])
    feeds |= {name: np.concatenate(pair) for name, *pair in zip(names, *caches, strict=True)}
    np.testing.assert_allclose(session.run(["logits"], feeds)[0], expected, atol=1e-5)


def test_a_tied_head_shares_the_bytes_of_the_embedding(tmp_path: Path) -> None:
    tied, untied = tmp_path / "tied", tmp_path / "untied"
    for folder, is_tied in ((tied, True), (untied, False)):
        folder.mkdir()
        write_graph(folder, RandomWeights(tiny_config(VOCABULARY, tied_head=is_tied)))
    saved = (untied / "decoder.onnx.data").stat().st_size - (tied / "decoder.onnx.data").stat().st_size
    assert saved >= VOCABULARY * 64 // 2


def test_a_weight_of_the_wrong_shape_is_refused(tmp_path: Path) -> None:
    config = tiny_config(VOCABULARY)

    class Wrong:
        def matrix(self, name: str) -> Weight:
            good = RandomWeights(config, None).dense(name)
            return DenseWeight(good[:-1] if name.endswith("up") else good)

        def vector(self, name: str) -> Floats:
            return RandomWeights(config).vector(name)

    with (tmp_path / "data").open("wb") as data, pytest.raises(ConversionError, match=r"layers\.0\.up"):
        build_decoder(config, Wrong(), data, location="data")


def test_parts_of_a_block_weight_must_fit_together() -> None:
    good = quantize(np.ones((4, 64), np.float32), Precision(4, 32))
    with pytest.raises(ConversionError):
        BlockWeight(4, 32, 64, good.packed[:3], good.scales, good.zero_points)
    with pytest.raises(ConversionError):
        BlockWeight(4, 32, 64, good.packed, good.scales, good.scales.astype(np.uint8)[:, :0])


@pytest.mark.parametrize(
    "changes", [{"heads": 3}, {"layers": 0}, {"head_dim": 15}, {"rope_factors": (1.0,)}, {"context_length": 0}]
)
def test_impossible_dimensions_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(ConversionError):
        tiny_config(VOCABULARY, **changes)


def test_blocks_must_divide_the_inputs_and_weights_must_be_finite() -> None:
    with pytest.raises(ConversionError, match="smaller block"):
        quantize(np.ones((2, 48), np.float32), Precision(4, 32))
    with pytest.raises(ConversionError, match="finite"):
        quantize(np.full((2, 64), np.nan, np.float32), Precision(4, 32))


def test_undoing_the_interleaving_keeps_attention_scores() -> None:
    """Interleaved rotation of the file's rows and half-split rotation of ours must give equal scores."""
    random = np.random.default_rng(1)
    heads, dim, width = 2, 8, 5
    stored = [random.standard_normal((heads * dim, width)).astype(np.float32) for _ in range(2)]
    inputs = random.standard_normal((2, width)).astype(np.float32)
    angles = {position: position * 10.0 ** -np.arange(dim // 2) for position in (3, 11)}

    def interleaved(vector: Floats, position: int) -> Floats:
        pairs = vector.reshape(heads, dim // 2, 2)
        turned = (pairs[..., 0] + 1j * pairs[..., 1]) * np.exp(1j * angles[position])
        return np.stack([turned.real, turned.imag], axis=-1).reshape(heads, dim)

    def half_split(vector: Floats, position: int) -> Floats:
        halves = vector.reshape(heads, 2, dim // 2)
        turned = (halves[:, 0] + 1j * halves[:, 1]) * np.exp(1j * angles[position])
        return np.concatenate([turned.real, turned.imag], axis=-1)

    queries, keys = (interleaved(rows @ x, p) for rows, x, p in zip(stored, inputs, (11, 3), strict=True))
    ours = [_half_split(rows, heads) for rows in stored]
    our_queries, our_keys = (half_split(rows @ x, p) for rows, x, p in zip(ours, inputs, (11, 3), strict=True))
    np.testing.assert_allclose((queries * keys).sum(-1), (our_queries * our_keys).sum(-1), rtol=1e-5)


def test_rotary_tables_start_at_no_rotation() -> None:
    from model_bundle.build.decoder_config import rotary_tables

    cos, sin = rotary_tables(tiny_config(VOCABULARY))
    assert isinstance(tiny_config(VOCABULARY), DecoderConfig)
    np.testing.assert_array_equal(cos[0], np.ones(8))
    np.testing.assert_allclose(sin[5, 0], np.sin(5.0), rtol=1e-6)
    np.testing.assert_allclose(np.square(cos) + np.square(sin), 1, atol=1e-6)


def _feeds(rows: list[list[int]], totals: list[int], wanted: list[int]) -> dict[str, np.ndarray]:
    return {
        "input_ids": np.array(rows, np.int64),
        "seqlens_k": np.array([total - 1 for total in totals], np.int32),
        "total_sequence_length": np.array(max(totals), np.int32),
        "logit_rows": np.array(wanted, np.int64),
    }
