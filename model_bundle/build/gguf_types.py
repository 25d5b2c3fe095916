"""Tensor types of GGUF and their dequantisation to float32 (layouts: ggml's block structures, ggml-common.h)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from model_bundle.build.weights import Bytes, Floats

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True)
class TensorType:
    """``block_elements`` weights in ``block_bytes``; ``decode`` maps ``[blocks, bytes]`` to ``[blocks, elements]``."""

    name: str
    block_elements: int
    block_bytes: int
    decode: Callable[[Bytes], Floats]

    def rows(self, raw: Bytes) -> Floats:
        """Dequantise ``[rows, bytes per row]`` to float32 ``[rows, elements per row]``."""
        blocks = raw.reshape(-1, self.block_bytes)
        return self.decode(blocks).reshape(raw.shape[0], -1)


def _half(blocks: Bytes, start: int) -> Floats:
    """The float16 at byte ``start`` of every block, as a column."""
    column: NDArray[np.float16] = np.ascontiguousarray(blocks[:, start : start + 2]).view("<f2")
    return column.astype(np.float32)


def _f32(blocks: Bytes) -> Floats:
    return np.ascontiguousarray(blocks).view("<f4").astype(np.float32)


def _f16(blocks: Bytes) -> Floats:
    return np.ascontiguousarray(blocks).view("<f2").astype(np.float32)


def _bf16(blocks: Bytes) -> Floats:
    wide = np.ascontiguousarray(blocks).view("<u2").astype(np.uint32) << np.uint32(16)
    return wide.view(np.float32)


def _q4_0(blocks: Bytes) -> Floats:
    """Half ``d``; 32 codes, low nibbles first; ``d * (code - 8)``."""
    codes = blocks[:, 2:]
    values = np.concatenate([codes & 0x0F, codes >> 4], axis=1).astype(np.float32)
    values -= 8
    values *= _half(blocks, 0)
    return values


def _q8_0(blocks: Bytes) -> Floats:
    """Half ``d``; 32 int8 codes; ``d * code``."""
    values = blocks[:, 2:].view(np.int8).astype(np.float32)
    values *= _half(blocks, 0)
    return values


def _scales_and_minimums(packed: Bytes) -> tuple[Bytes, Bytes]:
    """Eight 6-bit scales and eight 6-bit minimums out of the 12 bytes of Q4_K and Q5_K."""
    first, second, third = packed[:, 0:4], packed[:, 4:8], packed[:, 8:12]
    scales = np.concatenate([first & 63, (third & 0x0F) | ((first >> 6) << 4)], axis=1)
    minimums = np.concatenate([second & 63, (third >> 4) | ((second >> 6) << 4)], axis=1)
    return scales, minimums


def _nibbles_of_64(codes: Bytes) -> Bytes:
    """Per 32 bytes: 32 low nibbles, then 32 high nibbles; ``[blocks, 8, 32]``."""
    quarters = codes.reshape(-1, 4, 1, 32)
    return np.concatenate([quarters & 0x0F, quarters >> 4], axis=2).reshape(-1, 8, 32)


def _affine(blocks: Bytes, codes: Bytes) -> Floats:
    """``d * scale * code - dmin * minimum`` for the eight sub-blocks of Q4_K and Q5_K."""
    scales, minimums = _scales_and_minimums(blocks[:, 4:16])
    values = codes.astype(np.float32)
    values *= (_half(blocks, 0) * scales)[:, :, None]
    values -= (_half(blocks, 2) * minimums)[:, :, None]
    return values.reshape(-1, 256)


def affine_parts(blocks: Bytes) -> tuple[Bytes, Bytes, Bytes, NDArray[np.float16], NDArray[np.float16]]:
    """Q4_K blocks of 144 bytes without their arithmetic.

    Returns:
        Codes ``[blocks, 256]``, scales and minimums ``[blocks, 8]``, ``d`` and ``dmin`` ``[blocks]``.
    """
    scales, minimums = _scales_and_minimums(blocks[:, 4:16])
    halves: NDArray[np.float16] = np.ascontiguousarray(blocks[:, :4]).view("<f2")
    return _nibbles_of_64(blocks[:, 16:144]).reshape(-1, 256), scales, minimums, halves[:, 0], halves[:, 1]


def _q4_k(blocks: Bytes) -> Floats:
    """Halves ``d``, ``dmin``; 12 bytes of scales and minimums; 256 four-bit codes."""
    return _affine(blocks, _nibbles_of_64(blocks[:, 16:144]))


def _q5_k(blocks: Bytes) -> Floats:
    """Like Q4_K with a fifth bit: bit ``i`` of 32 bytes belongs to sub-block ``i``."""
    high = (blocks[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[:, None]) & 1
    codes = _nibbles_of_64(blocks[:, 48:176])
    codes |= (high << 4).astype(np.uint8)
    return _affine(blocks, codes)


def _q6_k(blocks: Bytes) -> Floats:
    """128 bytes of low nibbles, 64 of high bit pairs, 16 int8 scales, half ``d``; ``d * scale * (code - 32)``."""
    low = blocks[:, :128].reshape(-1, 2, 1, 64)
    nibbles = np.concatenate([low & 0x0F, low >> 4], axis=2).reshape(-1, 2, 4, 32)
    shifts = np.arange(0, 8, 2, dtype=np.uint8)[:, None]
    pairs = (blocks[:, 128:192].reshape(-1, 2, 1, 32) >> shifts) & 3
    values = (nibbles | (pairs << 4)).astype(np.float32).reshape(-1, 16, 16)
    values -= 32
    scales = blocks[:, 192:208].view(np.int8).astype(np.float32)
    values *= (_half(blocks, 208) * scales)[:, :, None]
    flat: Floats = values.reshape(-1, 256)
    return flat


TENSOR_TYPES: dict[int, TensorType] = {
    0: TensorType("F32", 1, 4, _f32),
    1: TensorType("F16", 1, 2, _f16),
    2: TensorType("Q4_0", 32, 18, _q4_0),
    8: TensorType("Q8_0", 32, 34, _q8_0),
    12: TensorType("Q4_K", 256, 144, _q4_k),
    13: TensorType("Q5_K", 256, 176, _q5_k),
    14: TensorType("Q6_K", 256, 210, _q6_k),
    30: TensorType("BF16", 1, 2, _bf16),
}
"""By the number that GGUF gives them."""
