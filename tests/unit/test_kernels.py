"""The project's own operators inside ONNX Runtime, against NumPy and against ONNX Runtime's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper
from onnx.numpy_helper import from_array

from model_bundle.build.gguf_types import TENSOR_TYPES
from model_bundle.build.records import AffineCodes, fit, fits_records, from_q4_k, to_records
from model_bundle.errors import ConversionError
from model_bundle.kernels.library import KernelsMissing, library, supported

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.skipif(not supported(), reason="this processor has no AVX-512 with VNNI")
Floats = "NDArray[np.float32]"
KINDS = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int32): TensorProto.INT32}


def session(
    kind: str,
    inputs: Mapping[str, NDArray[Any]],
    constants: Mapping[str, NDArray[Any]],
    outputs: list[str],
    *,
    domain: str = "intramural",
    order: list[str] | None = None,
    threads: int = 2,
    **attributes: Any,
) -> ort.InferenceSession:
    """A graph of one node."""
    node = helper.make_node(kind, order or [*inputs, *constants], outputs, domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(name, KINDS[array.dtype], [None] * array.ndim)
            for name, array in inputs.items()
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(domain, 1)]
    options = ort.SessionOptions()
    options.register_custom_ops_library(str(library()))
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    content = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def codes_of(outputs: int, inputs: int, seed: int = 1) -> AffineCodes:
    values = np.random.default_rng(seed).standard_normal((outputs, inputs)).astype(np.float32)
    return fit(0.05 * values)


def product(codes: AffineCodes, bias: NDArray[np.float32] | None = None, threads: int = 2) -> ort.InferenceSession:
    outputs, inputs = codes.codes.shape
    constants = {"weights": to_records(codes.rows, outputs, inputs).records}
    if bias is not None:
        constants["bias"] = bias
    x = {"x": np.zeros((1, inputs), np.float32)}
    return session("Product4", x, constants, ["y"], N=outputs, K=inputs, threads=threads)


def as_bytes(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Inputs as the operator sees them: int8 with one scale for every 32."""
    blocks = x.reshape(x.shape[0], -1, 32).astype(np.float64)
    scales = np.maximum(np.abs(blocks).max(axis=2, keepdims=True) / 127, 1e-30)
    return (np.rint(blocks / scales) * scales).reshape(x.shape)


@pytest.mark.parametrize(("outputs", "inputs"), [(128, 256), (384, 512), (1280, 768)])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 16, 19])
def test_a_product_is_that_of_the_stored_weights(outputs: int, inputs: int, rows: int) -> None:
    codes = codes_of(outputs, inputs)
    random = np.random.default_rng(rows)
    x = random.standard_normal((rows, inputs)).astype(np.float32)
    bias = random.standard_normal(outputs).astype(np.float32)
    found = product(codes, bias).run(None, {"x": x})[0]
    expected = as_bytes(x) @ codes.values().astype(np.float64).T + bias
    assert found.shape == (rows, outputs)
    # The sums that minimums are multiplied with have fifteen bits.
    assert np.abs(found - expected).max() < 3e-4 * np.abs(expected).max()


def test_a_row_gives_the_same_alone_among_others_and_on_any_number_of_threads() -> None:
    codes = codes_of(640, 512)
    x = np.random.default_rng(3).standard_normal((13, 512)).astype(np.float32)
    together = product(codes).run(None, {"x": x})[0]
    for threads in (1, 2, 3):
        one = product(codes, threads=threads)
        for row in range(13):
            np.testing.assert_array_equal(one.run(None, {"x": x[row : row + 1]})[0][0], together[row])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_shows_and_stays_in_its_row(bad: float) -> None:
    x = np.ones((3, 256), np.float32)
    x[1, 200] = bad
    found = product(codes_of(128, 256)).run(None, {"x": x})[0]
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()


def test_zeros_and_very_large_and_small_inputs() -> None:
    codes = codes_of(128, 256)
    x = np.zeros((4, 256), np.float32)
    x[1], x[2] = 1e-30, 1e30
    x[3, 17] = 1000
    found = product(codes).run(None, {"x": x})[0]
    assert not found[0].any()
    expected = as_bytes(x) @ codes.values().astype(np.float64).T
    for row in (2, 3):
        assert np.abs(found[row] - expected[row]).max() < 3e-4 * np.abs(expected[row]).max()


def test_rows_of_q4_k_are_kept_to_the_bit() -> None:
    random = np.random.default_rng(5)
    raw = random.integers(0, 256, (4, 2 * 144), dtype=np.uint8)
    raw.reshape(-1, 144)[:, :4] = random.uniform(0.001, 0.1, (8, 2)).astype(np.float16).view(np.uint8)
    np.testing.assert_array_equal(from_q4_k(raw).values(), TENSOR_TYPES[12].rows(raw))


def test_a_fit_is_close_and_keeps_what_four_bits_can_hold() -> None:
    values = 0.05 * np.random.default_rng(6).standard_normal((64, 512)).astype(np.float32)
    error = np.square(fit(values).values() - values).mean() / np.square(values).mean()
    assert error < 0.0065  # of normal numbers, in blocks of 32
    assert not fit(np.zeros((2, 256), np.float32)).values().any()
    positive = fit(np.full((2, 256), 3.0, np.float32)).values()
    np.testing.assert_allclose(positive, 3.0, rtol=0.01)


def test_weights_that_are_no_numbers_or_do_not_fit_are_refused() -> None:
    bad = np.zeros((128, 256), np.float32)
    bad[3, 4] = np.nan
    with pytest.raises(ConversionError, match="finite"):
        fit(bad)
    assert not fits_records(128, 128)
    assert not fits_records(100, 256)
    with pytest.raises(ConversionError, match="records"):
        to_records(lambda _start, _end: codes_of(128, 256), 100, 256)


def test_records_of_another_size_or_inputs_of_another_width_are_refused() -> None:
    records = to_records(codes_of(128, 256).rows, 128, 256).records
    x = {"x": np.zeros((1, 256), np.float32)}
    with pytest.raises(Exception, match="not of the size"):
        session("Product4", x, {"weights": records}, ["y"], N=256, K=256)
    with pytest.raises(Exception, match="out of range"):
        session("Product4", x, {"weights": records}, ["y"], N=100, K=256)
    with pytest.raises(Exception, match="do not fit"):
        product(codes_of(128, 256)).run(None, {"x": np.zeros((1, 512), np.float32)})


HEADS, KV_HEADS, WIDTH, ROOM = 6, 2, 64, 80


def attention(kind: str, rows: int, tokens: int, heads: int = HEADS) -> ort.InferenceSession:
    """CachedAttention, or ONNX Runtime's operator for the same."""
    angles = np.arange(ROOM)[:, None] * 10_000.0 ** (-np.arange(WIDTH // 2) / (WIDTH // 2))
    tables = {"cos": np.cos(angles).astype(np.float32), "sin": np.sin(angles).astype(np.float32)}
    inputs = {
        "packed": np.zeros((rows, tokens, 1), np.float32),
        "keys": np.zeros((rows, 1, 1, 1), np.float32),
        "values": np.zeros((rows, 1, 1, 1), np.float32),
        "last": np.zeros(rows, np.int32),
    }
    sizes = {"num_heads": heads, "kv_num_heads": KV_HEADS}
    if kind == "CachedAttention":
        return session(kind, inputs, tables, ["y", "new_keys", "new_values"], **sizes)
    total = {"total": np.zeros((), np.int32)}
    order = ["packed", "", "", "keys", "values", "last", "total", "cos", "sin"]
    outputs = ["y", "new_keys", "new_values"]
    return session(
        kind,
        inputs | total,
        tables,
        outputs,
        domain="com.microsoft",
        order=order,
        do_rotary=1,
        rotary_interleaved=0,
        **sizes,
    )


@pytest.mark.parametrize("heads", [2, 6, 10, 14])
@pytest.mark.parametrize(
    ("rows", "tokens", "past"), [(1, 1, 0), (1, 1, 40), (3, 1, 33), (1, 5, 17), (1, 16, 63), (1, 40, 33)]
)
def test_attention_is_that_of_onnxruntime(rows: int, tokens: int, past: int, heads: int) -> None:
    random = np.random.default_rng(rows + tokens + past)
    kept = np.zeros((2, rows, KV_HEADS, ROOM, WIDTH), np.float32)
    kept[..., :past, :] = random.standard_normal(kept[..., :past, :].shape)
    last = np.full(rows, past + tokens - 1, np.int32) - np.arange(rows, dtype=np.int32) * (tokens == 1)
    packed = random.standard_normal((rows, tokens, (heads + 2 * KV_HEADS) * WIDTH)).astype(np.float32)
    feed = {"packed": packed, "keys": kept[0], "values": kept[1], "last": last}
    ours = attention("CachedAttention", rows, tokens, heads).run(None, feed)
    theirs = attention("GroupQueryAttention", rows, tokens, heads).run(
        None, feed | {"total": np.array(last.max() + 1, np.int32)}
    )
    np.testing.assert_allclose(ours[0], theirs[0], atol=2e-5)
    for row in range(rows):
        for part in (1, 2):
            end = last[row] + 1
            np.testing.assert_allclose(ours[part][row, :, :end], theirs[part][row, :, :end], atol=2e-5)


def test_a_position_outside_the_cache_is_refused() -> None:
    packed = np.zeros((1, 1, (HEADS + 2 * KV_HEADS) * WIDTH), np.float32)
    kept = np.zeros((1, KV_HEADS, ROOM, WIDTH), np.float32)
    for last in (ROOM, -1):
        feed = {"packed": packed, "keys": kept, "values": kept, "last": np.array([last], np.int32)}
        with pytest.raises(Exception, match="outside the cache"):
            attention("CachedAttention", 1, 1).run(None, feed)


def test_logits_near_the_best_are_exact_and_the_others_stay_coarse() -> None:
    random = np.random.default_rng(8)
    vocabulary, inputs, block = 4096, 256, 128
    codes = random.integers(0, 256, (vocabulary, inputs // block, block), dtype=np.uint8)
    scales = random.uniform(0.001, 0.002, (vocabulary, inputs // block)).astype(np.float32)
    zeros = random.integers(100, 150, (vocabulary, inputs // block), dtype=np.uint8)
    hidden = random.standard_normal((3, inputs)).astype(np.float32)
    dense = ((codes.astype(np.float32) - zeros[:, :, None]) * scales[:, :, None]).reshape(vocabulary, inputs)
    exact = hidden @ dense.T
    coarse = exact + 0.2 * random.standard_normal(exact.shape).astype(np.float32)
    constants = {"codes": codes, "scales": scales, "zeros": zeros}
    refined = session("RefinedLogits", {"h": hidden, "c": coarse}, constants, ["y"], block_size=block, margin=1.5)
    found = refined.run(None, {"h": hidden, "c": coarse})[0]
    near = coarse >= coarse.max(axis=1, keepdims=True) - 1.5
    assert 3 < near.sum() < 1000
    np.testing.assert_allclose(found[near], exact[near], atol=1e-3)
    np.testing.assert_array_equal(found[~near], coarse[~near])


def test_the_gate_is_that_of_swiglu() -> None:
    gate = np.concatenate([np.linspace(-100, 100, 2001), [0.0, -1e4, 1e4]]).astype(np.float32)[None].repeat(2, axis=0)
    up = np.random.default_rng(9).standard_normal(gate.shape).astype(np.float32)
    found = session("GatedUnit", {"g": gate, "u": up}, {}, ["y"]).run(None, {"g": gate, "u": up})[0]
    wide = gate.astype(np.float64)
    expected = wide / (1 + np.exp(np.clip(-wide, None, 700))) * up
    np.testing.assert_allclose(found, expected, rtol=3e-6, atol=1e-30)


def test_another_processor_and_a_missing_library_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpuinfo").write_text("flags: fpu sse2 avx2 fma f16c avx512f avx512bw\n")
    assert not supported(tmp_path / "cpuinfo", "x86_64")
    assert not supported(machine="aarch64")
    assert not supported(tmp_path / "nothing", "x86_64")
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    with pytest.raises(KernelsMissing) as missing:
        library()
    assert "kernels.build" in missing.value.action
