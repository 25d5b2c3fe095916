"""Four-bit weights in the records of the operator Product4 (``model_bundle/kernels/source/product.h``).

GGML's Q4_K has the very form that the operator computes with, so such weights are only put in another order. Other
sources are fitted to it, with eight instead of six bits for scales and minimums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from model_bundle.build.gguf_types import affine_parts
from model_bundle.build.weights import Bytes, Floats, RecordWeight
from model_bundle.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from model_bundle.build.gguf_reader import GgufFile, TensorInfo

BLOCK: Final = 32
SUPER: Final = 256
OUTPUTS: Final = 128
RECORD_BYTES: Final = 148 * OUTPUTS
_EIGHT: Final = SUPER // BLOCK
_SMALLEST: Final = np.float32(1e-12)


@dataclass(frozen=True)
class AffineCodes:
    """N outputs by K inputs: value = ``d * scale * code - dmin * minimum``.

    Attributes:
        codes: uint8 ``[N, K]``, 0 to 15.
        scales: uint8 ``[N, K / 32]``.
        minimums: uint8 ``[N, K / 32]``.
        d: float16 ``[N, K / 256]``.
        dmin: float16 ``[N, K / 256]``.
    """

    codes: Bytes
    scales: Bytes
    minimums: Bytes
    d: NDArray[np.float16]
    dmin: NDArray[np.float16]

    def values(self) -> Floats:
        """Float32 ``[N, K]``."""
        blocks = self.codes.reshape(self.codes.shape[0], -1, BLOCK).astype(np.float32)
        blocks *= (np.repeat(self.d.astype(np.float32), _EIGHT, axis=1) * self.scales)[:, :, None]
        blocks -= (np.repeat(self.dmin.astype(np.float32), _EIGHT, axis=1) * self.minimums)[:, :, None]
        return blocks.reshape(self.codes.shape)

    def rows(self, start: int, end: int) -> AffineCodes:
        """Outputs ``start`` to ``end``."""
        return self.in_order(slice(start, end))

    def in_order(self, order: slice | NDArray[np.int64]) -> AffineCodes:
        """Some outputs, or all of them in another order."""
        return AffineCodes(self.codes[order], self.scales[order], self.minimums[order], self.d[order], self.dmin[order])


def stacked(parts: Sequence[AffineCodes]) -> AffineCodes:
    """Matrices of the same inputs, one below the other."""
    return AffineCodes(
        np.concatenate([part.codes for part in parts]),
        np.concatenate([part.scales for part in parts]),
        np.concatenate([part.minimums for part in parts]),
        np.concatenate([part.d for part in parts]),
        np.concatenate([part.dmin for part in parts]),
    )


def affine_rows(file: GgufFile, info: TensorInfo, start: int, end: int) -> AffineCodes:
    """Rows of a tensor in four bits: as the file has them, or fitted."""
    if info.kind.name == "Q4_K":
        return from_q4_k(file.raw_rows(info, start, end))
    return fit(file.rows(info, start, end))


def from_q4_k(raw: Bytes) -> AffineCodes:
    """The parts of Q4_K rows: uint8 ``[N, K / 256 * 144]``."""
    outputs = raw.shape[0]
    codes, scales, minimums, d, dmin = affine_parts(raw.reshape(-1, 144))
    return AffineCodes(
        codes.reshape(outputs, -1),
        scales.reshape(outputs, -1),
        minimums.reshape(outputs, -1),
        d.reshape(outputs, -1),
        dmin.reshape(outputs, -1),
    )


def fit(values: Floats) -> AffineCodes:
    """Four bits for float32 ``[N, K]``: from the smallest (at most zero) to the largest value of a block; scale and
    minimum are then refitted to the codes by least squares.

    Raises:
        ConversionError: a weight is not finite.
    """
    if not np.isfinite(values).all():
        message = "A weight is not a finite number."
        raise ConversionError(message)
    outputs, inputs = values.shape
    blocks = values.reshape(outputs, -1, BLOCK)
    low = np.minimum(blocks.min(axis=2), 0)
    steps = np.maximum((blocks.max(axis=2) - low) / 15, _SMALLEST)
    for _ in range(3):
        codes = np.clip(np.rint((blocks - low[:, :, None]) / steps[:, :, None]), 0, 15)
        steps, low = _least_squares(blocks, codes, steps, low)
    d, scales = _eighths(steps)
    dmin, minimums = _eighths(-low)
    step = np.repeat(d.astype(np.float32), _EIGHT, axis=1) * scales
    shift = np.repeat(dmin.astype(np.float32), _EIGHT, axis=1) * minimums
    codes = np.clip(np.rint((blocks + shift[:, :, None]) / np.maximum(step, _SMALLEST)[:, :, None]), 0, 15)
    return AffineCodes(codes.reshape(outputs, inputs).astype(np.uint8), scales, minimums, d, dmin)


def _least_squares(blocks: Floats, codes: Floats, steps: Floats, low: Floats) -> tuple[Floats, Floats]:
    """The line through (code, value) of every block; the old one where slope or minimum has the wrong sign."""
    mean_code, mean_value = codes.mean(axis=2), blocks.mean(axis=2)
    centred = codes - mean_code[:, :, None]
    together = (centred * blocks).sum(axis=2)
    slope = together / np.maximum(np.square(centred).sum(axis=2), _SMALLEST)
    start = mean_value - slope * mean_code
    usable = (slope > 0) & (start <= 0)
    return np.where(usable, slope, steps), np.where(usable, start, low)


def _eighths(values: Floats) -> tuple[NDArray[np.float16], Bytes]:
    """A float16 for eight numbers that are not negative, and the numbers as multiples of it in eight bits."""
    eights = values.reshape(values.shape[0], -1, _EIGHT)
    unit = (eights.max(axis=2) / 255).astype(np.float16)
    multiples = np.rint(eights / np.maximum(unit.astype(np.float32), _SMALLEST)[:, :, None])
    return unit, np.clip(multiples, 0, 255).reshape(values.shape).astype(np.uint8)


def fits_records(outputs: int, inputs: int) -> bool:
    """Whether a matrix can be cut into records."""
    return outputs % OUTPUTS == 0 and inputs % SUPER == 0


def to_records(read: Callable[[int, int], AffineCodes], outputs: int, inputs: int) -> RecordWeight:
    """Put a matrix into records.

    Args:
        read: gives the rows from the first to before the last.
        outputs: number of rows.
        inputs: number of columns.

    Raises:
        ConversionError: the matrix cannot be cut into records.
    """
    if not fits_records(outputs, inputs):
        message = "A weight cannot be stored in records."
        raise ConversionError(message, cause=f"{outputs} by {inputs} is not a multiple of {OUTPUTS} by {SUPER}")
    records = np.empty((outputs // OUTPUTS, inputs // SUPER, RECORD_BYTES), dtype=np.uint8)
    step = max(OUTPUTS, (1 << 22) // inputs // OUTPUTS * OUTPUTS)
    for start in range(0, outputs, step):
        end = min(start + step, outputs)
        records[start // OUTPUTS : end // OUTPUTS] = _records(read(start, end))
    return RecordWeight(records, outputs, inputs)


def _records(part: AffineCodes) -> Bytes:
    groups, supers = part.codes.shape[0] // OUTPUTS, part.codes.shape[1] // SUPER
    # [group, line, half, output, superblock, block, quad, input]
    codes = part.codes.reshape(groups, 4, 2, 16, supers, _EIGHT, 8, 4)
    lines = (codes[:, :, 0] | codes[:, :, 1] << 4).transpose(0, 3, 4, 5, 1, 2, 6).reshape(groups, supers, _EIGHT, -1)
    scales = part.scales.reshape(groups, OUTPUTS, supers, _EIGHT).transpose(0, 2, 3, 1)
    minimums = part.minimums.reshape(groups, OUTPUTS, supers, 2, 4).transpose(0, 2, 3, 1, 4)
    halves = np.stack([part.d, part.dmin], axis=-1).reshape(groups, OUTPUTS, supers, 2).transpose(0, 2, 3, 1)
    fields = (np.concatenate([scales, lines], axis=3), minimums, np.ascontiguousarray(halves).view(np.uint8))
    return np.concatenate([field.reshape(groups, supers, -1) for field in fields], axis=2)
