"""Quantisation of float32 matrices into the blocks of MatMulNBits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from model_bundle.build.weights import BlockWeight, Bytes, ColumnWeight, Floats
from model_bundle.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable

ELEMENTS_AT_A_TIME = 1 << 18
"""Weights that are quantised together: the temporary arrays stay in the processor's cache."""

WORKERS = 2

MOST_IN_GROUP = 1536
"""Inputs that share a scale in a product of int8 by int8."""

FIT_FACTORS = (1.05, 1.0, 0.95, 0.9)
"""Shares of the min-max scale that a fit starts from; more of them lowered the error of the default model's weights by
less than one percent."""

SMALLEST_SCALE = 1e-30
"""Blocks whose scale would be smaller hold nothing that a float32 sum could notice; they are stored as zero."""


@dataclass(frozen=True)
class Precision:
    """How one kind of weight is stored.

    Attributes:
        bits: bits per weight.
        block_size: weights of one output that share a scale.
        symmetric: no zero points; half of the code range lies on either side of zero.
        fitted: choose the scale of each block for the least squared error instead of from its extremes.
    """

    bits: Literal[4, 8]
    block_size: int
    symmetric: bool = False
    fitted: bool = False

    def label(self) -> str:
        """Short name for tables, for example ``int4/32 asym, fitted``."""
        kind = "sym" if self.symmetric else "asym"
        return f"int{self.bits}/{self.block_size} {kind}" + (", fitted" if self.fitted else "")


def quantize(weights: Floats, precision: Precision) -> BlockWeight:
    """Quantise ``[outputs, inputs]``.

    Raises:
        ConversionError: the inputs are not a multiple of the block size, or a weight is not finite.
    """
    outputs, inputs = weights.shape
    return quantize_rows(lambda start, end: weights[start:end], outputs, inputs, precision)


def quantize_rows(read: Callable[[int, int], Floats], outputs: int, inputs: int, precision: Precision) -> BlockWeight:
    """Quantise a matrix whose rows ``start`` to ``end`` come from ``read``, called from several threads.

    Raises:
        ConversionError: the inputs are not a multiple of the block size, or a weight is not finite.
    """
    size, bits = precision.block_size, precision.bits
    if inputs % size:
        message = f"A weight with {inputs} inputs cannot be cut into blocks of {size}."
        raise ConversionError(message, action="Choose a smaller block size.")
    blocks = inputs // size
    packed = np.empty((outputs, blocks, size * bits // 8), dtype=np.uint8)
    scales = np.empty((outputs, blocks), dtype=np.float32)
    zeros = np.empty((outputs, blocks), dtype=np.uint8)
    step = max(1, ELEMENTS_AT_A_TIME // inputs)

    def quantize_part(start: int) -> None:
        rows = slice(start, min(start + step, outputs))
        part = np.ascontiguousarray(read(rows.start, rows.stop), dtype=np.float32).reshape(-1, blocks, size)
        if not np.isfinite(part).all():
            message = "The model has weights that are not finite numbers."
            raise ConversionError(message, action="Use an undamaged model file.")
        scales[rows], zeros[rows] = _best_grid(part, precision)
        packed[rows] = pack(_codes(part, scales[rows], zeros[rows], bits), bits)

    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(quantize_part, range(0, outputs, step)):
            pass
    return BlockWeight(bits, size, inputs, packed, scales, None if precision.symmetric else pack(zeros, bits))


def quantize_columns(read: Callable[[int, int], Floats], outputs: int, inputs: int) -> ColumnWeight:
    """Quantise to int8 with one scale per output and group of inputs; ``read`` as for :func:`quantize_rows`.

    Groups keep an outlier among the activations, which share the groups, from costing all other inputs their precision.

    Raises:
        ConversionError: a weight is not finite.
    """
    groups = next(count for count in range(1, inputs + 1) if inputs % count == 0 and inputs // count <= MOST_IN_GROUP)
    values = np.empty((groups, inputs // groups, outputs), dtype=np.int8)
    scales = np.empty((groups, outputs), dtype=np.float32)
    step = max(1, ELEMENTS_AT_A_TIME // inputs)

    def quantize_part(start: int) -> None:
        part = read(start, min(start + step, outputs))
        rows = slice(start, start + len(part))
        part = part.reshape(len(part), groups, -1)
        largest = np.abs(part).max(axis=2)
        if not np.isfinite(largest).all():
            message = "The model contains weights that are not finite numbers."
            raise ConversionError(message, action="Use an undamaged model file.")
        steps = np.maximum(largest, SMALLEST_SCALE) / np.float32(127)
        scales[:, rows] = steps.T
        values[:, :, rows] = np.rint(part / steps[..., None]).astype(np.int8).transpose(1, 2, 0)

    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(quantize_part, range(0, outputs, step)):
            pass
    return ColumnWeight(values, scales)


def dequantize(weight: BlockWeight) -> Floats:
    """The float32 matrix that the runtime sees, ``[outputs, inputs]``."""
    codes = unpack(weight.packed, weight.bits).astype(np.float32)
    if weight.zero_points is None:
        zeros: Floats = np.full(weight.scales.shape, 1 << (weight.bits - 1), dtype=np.float32)
    else:
        zeros = unpack(weight.zero_points, weight.bits)[:, : weight.scales.shape[1]].astype(np.float32)
    values = (codes - zeros[..., None]) * weight.scales[..., None]
    return values.reshape(values.shape[0], -1)[:, : weight.inputs]


def pack(codes: Bytes, bits: int) -> Bytes:
    """Pack codes along the last axis, low bits first; an odd end is padded with zero."""
    if bits == 8:
        return codes
    if codes.shape[-1] % 2:
        codes = np.concatenate([codes, np.zeros((*codes.shape[:-1], 1), dtype=np.uint8)], axis=-1)
    packed: Bytes = codes[..., 0::2] | (codes[..., 1::2] << np.uint8(4))
    return packed


def unpack(packed: Bytes, bits: int) -> Bytes:
    """The reverse of :func:`pack`; may end with the padding code."""
    if bits == 8:
        return packed
    codes = np.empty((*packed.shape[:-1], packed.shape[-1] * 2), dtype=np.uint8)
    codes[..., 0::2] = packed & 0x0F
    codes[..., 1::2] = packed >> 4
    return codes


def _codes(part: Floats, scales: Floats, zeros: Bytes, bits: int) -> Bytes:
    return _levels(part, scales, zeros, bits).astype(np.uint8)


def _levels(part: Floats, scales: Floats, zeros: Bytes, bits: int) -> Floats:
    """Codes as floats."""
    inverse = np.divide(1.0, scales, out=np.zeros_like(scales), where=scales != 0)
    levels = part * inverse[..., None]
    np.rint(levels, out=levels)
    levels += zeros[..., None]
    return np.clip(levels, 0, (1 << bits) - 1, out=levels)


def _best_grid(part: Floats, precision: Precision) -> tuple[Floats, Bytes]:
    """Scale and zero point of every block ``[rows, blocks]``."""
    scales, zeros = _min_max_grid(part, precision, 1.0)
    if not precision.fitted:
        return scales, zeros
    least = _squared_error(part, scales, zeros, precision.bits)
    for factor in FIT_FACTORS:
        start, candidate_zeros = _min_max_grid(part, precision, factor)
        candidate = _least_squares_scales(part, start, candidate_zeros, precision.bits)
        error = _squared_error(part, candidate, candidate_zeros, precision.bits)
        better = error < least
        np.copyto(least, error, where=better)
        np.copyto(scales, candidate, where=better)
        np.copyto(zeros, candidate_zeros, where=better)
    return scales, zeros


def _least_squares_scales(part: Floats, scales: Floats, zeros: Bytes, bits: int) -> Floats:
    """The scales that fit best when the codes that ``scales`` give are kept: sum(w * level) / sum(level ** 2)."""
    levels = _levels(part, scales, zeros, bits)
    levels -= zeros[..., None]
    squares = np.einsum("rbs,rbs->rb", levels, levels)
    products = np.einsum("rbs,rbs->rb", part, levels)
    fitted: Floats = np.divide(products, squares, out=scales.copy(), where=squares > 0)
    return fitted


def _min_max_grid(part: Floats, precision: Precision, factor: float) -> tuple[Floats, Bytes]:
    top = (1 << precision.bits) - 1
    if precision.symmetric:
        middle = 1 << (precision.bits - 1)
        # The signed extreme lands on the code that has one more step: -8 reaches further than +7.
        extremes = np.take_along_axis(part, np.abs(part).argmax(axis=-1)[..., None], axis=-1)[..., 0]
        scales = (extremes * np.float32(-factor / middle)).astype(np.float32)
        scales[np.abs(scales) < SMALLEST_SCALE] = 0
        return scales, np.full(scales.shape, middle, dtype=np.uint8)
    low = np.minimum(part.min(axis=-1), 0)
    high = np.maximum(part.max(axis=-1), 0)
    scales = ((high - low) * np.float32(factor / top)).astype(np.float32)
    scales[scales < SMALLEST_SCALE] = 0
    ratio = np.divide(-low * np.float32(factor), scales, out=np.zeros_like(scales), where=scales != 0)
    return scales, np.clip(np.rint(ratio), 0, top).astype(np.uint8)


def _squared_error(part: Floats, scales: Floats, zeros: Bytes, bits: int) -> Floats:
    codes = _levels(part, scales, zeros, bits)
    codes -= zeros[..., None]
    codes *= scales[..., None]
    codes -= part
    error: Floats = np.einsum("rbs,rbs->rb", codes, codes)
    return error
