"""Weights as values on their way into a graph: dense, or quantised in blocks along the input dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from model_bundle.errors import ConversionError

Floats: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]


@dataclass(frozen=True)
class DenseWeight:
    """A float32 matrix ``[outputs, inputs]``; a row holds the weights of one output."""

    values: Floats


@dataclass(frozen=True)
class BlockLayout:
    """How the codes of a :class:`BlockWeight` are laid out."""

    bits: Literal[4, 8]
    block_size: int
    outputs: int
    inputs: int

    @property
    def packed_shape(self) -> tuple[int, int, int]:
        """``[outputs, blocks, bytes per block]``."""
        return self.outputs, -(-self.inputs // self.block_size), self.block_size * self.bits // 8


@dataclass(frozen=True)
class BlockWeight:
    """A matrix in the layout of ONNX Runtime's MatMulNBits.

    Element = ``(code - zero_point) * scale``, one scale per ``block_size`` inputs of one output.

    Attributes:
        packed: uint8 ``[outputs, blocks, block_size * bits / 8]``, low bits first.
        scales: float32 ``[outputs, blocks]``.
        zero_points: uint8 ``[outputs, ceil(blocks * bits / 8)]``, packed like the codes; None stands for
            ``2 ** (bits - 1)`` everywhere.
    """

    bits: Literal[4, 8]
    block_size: int
    inputs: int
    packed: Bytes
    scales: Floats
    zero_points: Bytes | None

    def __post_init__(self) -> None:
        expected = self.layout.packed_shape
        if self.packed.shape != expected or self.scales.shape != expected[:2]:
            message = "A quantised weight has parts that do not fit together."
            raise ConversionError(
                message, cause=f"codes {self.packed.shape}, scales {self.scales.shape}, {self.layout}"
            )
        packed_zeros = (expected[0], -(-expected[1] * self.bits // 8))
        if self.zero_points is not None and self.zero_points.shape != packed_zeros:
            message = "A quantised weight has zero points of the wrong shape."
            raise ConversionError(message, cause=f"{self.zero_points.shape} for {self.layout}")

    @property
    def layout(self) -> BlockLayout:
        """The sizes without the bytes."""
        return BlockLayout(self.bits, self.block_size, self.packed.shape[0], self.inputs)


@dataclass(frozen=True)
class ColumnWeight:
    """A matrix of int8 for products with activations that are int8 too (W8A8).

    The inputs are cut into equal groups; element of output ``n`` in group ``g`` = ``values[g, :, n] * scales[g, n]``.

    Attributes:
        values: int8 ``[groups, inputs per group, outputs]``, between -127 and 127.
        scales: float32 ``[groups, outputs]``.
    """

    values: NDArray[np.int8]
    scales: Floats

    @property
    def inputs(self) -> int:
        """Of all groups."""
        return int(self.values.shape[0] * self.values.shape[1])

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.scales.shape != (self.values.shape[0], self.values.shape[2]):
            message = "A quantised weight has parts that do not fit together."
            raise ConversionError(message, cause=f"codes {self.values.shape}, scales {self.scales.shape}")


@dataclass(frozen=True)
class RecordWeight:
    """A matrix in the records of the operator Product4 (``model_bundle/kernels/source/product.h``).

    Attributes:
        records: uint8 ``[outputs / 128, inputs / 256, bytes of a record]``.
        outputs: a multiple of 128.
        inputs: a multiple of 256.
    """

    records: Bytes
    outputs: int
    inputs: int


Weight: TypeAlias = DenseWeight | BlockWeight | ColumnWeight | RecordWeight


def shape_of(weight: Weight) -> tuple[int, int]:
    """Outputs and inputs."""
    if isinstance(weight, DenseWeight):
        return weight.values.shape[0], weight.values.shape[1]
    if isinstance(weight, ColumnWeight):
        return weight.values.shape[2], weight.inputs
    if isinstance(weight, RecordWeight):
        return weight.outputs, weight.inputs
    return weight.packed.shape[0], weight.inputs


class WeightProvider(Protocol):
    """Where a graph takes its weights from; each is asked for once, in graph order, so one at a time is in memory.

    Matrices: ``embedding`` (``[vocabulary, hidden]``), ``head`` (same shape, not asked for when tied), and for each
    layer ``layers.{i}.qkv`` (query, key and value rows one after the other), ``.output``, ``.gate``, ``.up``,
    ``.down``. Vectors: ``layers.{i}.attention_norm``, ``layers.{i}.qkv_bias`` (only if configured),
    ``layers.{i}.mlp_norm``, ``final_norm``.
    """

    def matrix(self, name: str) -> Weight:
        """The matrix called ``name``."""
        ...

    def coarse(self, name: str) -> RecordWeight:
        """The matrix in records of four bits, whatever :meth:`matrix` gives."""
        ...

    def vector(self, name: str) -> Floats:
        """The float32 vector called ``name``."""
        ...
