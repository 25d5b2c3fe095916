"""Dequantisation against scalar code written straight from the description of each format, and quantisation bounds."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_strategies

from model_bundle.build.gguf_types import TENSOR_TYPES
from model_bundle.build.quantize import Precision, dequantize, pack, quantize, unpack
from tests.fixtures.tiny_gguf import random_blocks

BY_NAME = {kind.name: kind for kind in TENSOR_TYPES.values()}


def half(block: bytes, start: int) -> float:
    return float(struct.unpack_from("<e", block, start)[0])


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def scalar_q4_0(block: bytes) -> list[float]:
    codes = [block[2 + i] & 15 for i in range(16)] + [block[2 + i] >> 4 for i in range(16)]
    return [half(block, 0) * (code - 8) for code in codes]


def scalar_q8_0(block: bytes) -> list[float]:
    return [half(block, 0) * signed(block[2 + i]) for i in range(32)]


def six_bits(packed: bytes, index: int) -> tuple[int, int]:
    """Scale and minimum of sub-block ``index`` out of the twelve bytes shared by Q4_K and Q5_K."""
    if index < 4:
        return packed[index] & 63, packed[index + 4] & 63
    low = packed[index + 4]
    return (low & 15) | (packed[index - 4] >> 6) << 4, (low >> 4) | (packed[index] >> 6) << 4


def scalar_k(block: bytes, code_of: dict[str, int]) -> list[float]:
    values = []
    for position in range(256):
        sub, inside = divmod(position, 32)
        scale, minimum = six_bits(block[4:16], sub)
        byte = block[code_of["low"] + sub // 2 * 32 + inside]
        code = byte >> 4 if sub % 2 else byte & 15
        if "high" in code_of:
            code |= (block[code_of["high"] + inside] >> sub & 1) << 4
        values.append(half(block, 0) * scale * code - half(block, 2) * minimum)
    return values


def scalar_q4_k(block: bytes) -> list[float]:
    return scalar_k(block, {"low": 16})


def scalar_q5_k(block: bytes) -> list[float]:
    return scalar_k(block, {"high": 16, "low": 48})


def scalar_q6_k(block: bytes) -> list[float]:
    values = []
    for position in range(256):
        side, inside = divmod(position, 128)
        quarter, lane = divmod(inside, 32)
        byte = block[side * 64 + (quarter % 2) * 32 + lane]
        low = byte >> 4 if quarter >= 2 else byte & 15
        high = block[128 + side * 32 + lane] >> (2 * quarter) & 3
        scale = signed(block[192 + position // 16])
        values.append(half(block, 208) * scale * ((low | high << 4) - 32))
    return values


SCALAR = {"Q4_0": scalar_q4_0, "Q8_0": scalar_q8_0, "Q4_K": scalar_q4_k, "Q5_K": scalar_q5_k, "Q6_K": scalar_q6_k}
NUMBERS = {"Q4_0": 2, "Q8_0": 8, "Q4_K": 12, "Q5_K": 13, "Q6_K": 14}


@pytest.mark.parametrize("name", sorted(SCALAR))
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_every_block_type_matches_its_scalar_description(name: str, seed: int) -> None:
    blocks = random_blocks(np.random.default_rng(seed), NUMBERS[name], 3, 1.0)
    found = BY_NAME[name].rows(blocks.reshape(1, -1))
    expected = np.array([SCALAR[name](bytes(block)) for block in blocks]).reshape(1, -1)
    # The products are rounded to float32 in another order than here.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("name", "dtype"), [("F32", "<f4"), ("F16", "<f2")])
def test_plain_types_are_read_as_they_are(name: str, dtype: str) -> None:
    values = np.array([[0.0, 1.5, -2.25], [3.0, -0.125, 6.5]], dtype=dtype)
    np.testing.assert_array_equal(BY_NAME[name].rows(values.view(np.uint8).reshape(2, -1)), values.astype(np.float32))


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    values = np.array([[1.0, -2.5, 0.15625]], dtype=np.float32)
    upper = np.ascontiguousarray(values.view("<u2")[:, 1::2])
    np.testing.assert_array_equal(BY_NAME["BF16"].rows(upper.view(np.uint8).reshape(1, -1)), values)


WEIGHTS = numpy_strategies.arrays(np.float32, (3, 128), elements=st.floats(-10, 10, width=32, allow_subnormal=False))


@given(weights=WEIGHTS, bits=st.sampled_from([4, 8]), size=st.sampled_from([16, 32, 64, 128]))
@settings(max_examples=60, deadline=None)
def test_min_max_quantisation_is_off_by_at_most_a_step(weights: np.ndarray, bits: int, size: int) -> None:
    stored = quantize(weights, Precision(bits=bits, block_size=size))  # type: ignore[arg-type]
    blocks = weights.reshape(3, -1, size)
    step = (np.maximum(blocks.max(-1), 0) - np.minimum(blocks.min(-1), 0)) / ((1 << bits) - 1)
    error = np.abs(dequantize(stored).reshape(blocks.shape) - blocks).max(-1)
    # Half a step of rounding, and half a step because the zero point is rounded too.
    assert (error <= step * 1.01 + 1e-6).all()


@given(weights=WEIGHTS, symmetric=st.booleans())
@settings(max_examples=30, deadline=None)
def test_fitting_never_makes_the_squared_error_larger(weights: np.ndarray, symmetric: bool) -> None:
    plain = dequantize(quantize(weights, Precision(4, 32, symmetric=symmetric)))
    fitted = dequantize(quantize(weights, Precision(4, 32, symmetric=symmetric, fitted=True)))
    assert np.square(fitted - weights).sum() <= np.square(plain - weights).sum() * (1 + 1e-5) + 1e-9


@given(codes=numpy_strategies.arrays(np.uint8, (2, 7), elements=st.integers(0, 15)))
def test_packing_is_reversible(codes: np.ndarray) -> None:
    np.testing.assert_array_equal(unpack(pack(codes, 4), 4)[:, :7], codes)
    np.testing.assert_array_equal(unpack(pack(codes, 8), 8), codes)


def test_an_all_zero_block_stays_zero() -> None:
    zero = np.zeros((2, 64), dtype=np.float32)
    for symmetric in (False, True):
        np.testing.assert_array_equal(
            dequantize(quantize(zero, Precision(4, 32, symmetric=symmetric, fitted=True))), zero
        )
