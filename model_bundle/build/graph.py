"""Builds the decoder graph of the qwen2 and llama families for ONNX Runtime.

Inputs (B rows, S tokens per row, K rows of logits wanted):

- ``input_ids`` int64 ``[B, S]``
- ``seqlens_k`` int32 ``[B]``: tokens of the row including this chunk, minus one
- ``total_sequence_length`` int32 scalar: the largest ``seqlens_k + 1``
- ``logit_rows`` int64 ``[K]``: indices into the flattened ``[B * S]`` rows for which the head is computed; K may be 0
- ``past_key_values.{i}.key`` / ``.value`` ``[B, kv_heads, max_len, head_dim]``, float32 or float16

Outputs: ``logits`` ``[K, vocabulary]`` of the same type and ``present.{i}.key`` / ``.value``, to be bound to the memory
of the past. Whoever calls chooses ``max_len``. The operators of the ``com.microsoft`` domain are described in ONNX
Runtime's ContribOperators.md. In the last layer everything after the attention is computed for ``logit_rows`` only,
because nothing else reads the other rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper

from model_bundle.build.decoder_config import DecoderConfig, rotary_tables
from model_bundle.build.external_data import ExternalDataWriter, StoredTensor
from model_bundle.build.graph_model import CONTRIB, Element, decoder_model
from model_bundle.build.own_operators import OwnOperators, attends, eight_bits
from model_bundle.build.records import fits_records
from model_bundle.build.row_quantized import RowQuantizedMatMul
from model_bundle.build.weights import (
    BlockLayout,
    BlockWeight,
    ColumnWeight,
    DenseWeight,
    RecordWeight,
    Weight,
    WeightProvider,
    shape_of,
)
from model_bundle.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

INT8_ACTIVATIONS = 4
"""MatMulNBits ``accuracy_level``: activations are quantised to int8 per block, which is what makes VNNI usable."""


def build_decoder(config: DecoderConfig, weights: WeightProvider, data: BinaryIO, *, location: str) -> ModelProto:
    """Write all weights to ``data`` and return the graph that refers to them as the file ``location``.

    Raises:
        ConversionError: a weight does not have the shape that the configuration demands.
    """
    return build_with(config, weights, ExternalDataWriter(data, location))


def build_with(
    config: DecoderConfig,
    weights: WeightProvider,
    writer: ExternalDataWriter,
    *,
    element: Element = "float32",
    own: bool = False,
) -> ModelProto:
    """The same with a writer that may know tensors of another graph of the same model.

    Args:
        config: the decoder's shape.
        weights: where they come from.
        writer: where they go.
        element: type of activations, scales, keys, values and logits. float16 is what CUDA's attention takes.
        own: use the operators of ``model_bundle/kernels`` for attention, gate and head, too; float32 only.

    Raises:
        ConversionError: a weight does not have the shape that the configuration demands.
    """
    if own and element != "float32":
        message = "The project's own operators compute in float32 only."
        raise ConversionError(message)
    return _Builder(config, weights, writer, element, own=own).build()


class _Builder:
    """Collects nodes and initializers; values are named after the weight that made them."""

    def __init__(
        self,
        config: DecoderConfig,
        weights: WeightProvider,
        writer: ExternalDataWriter,
        element: Element,
        *,
        own: bool,
    ) -> None:
        self._uses_own = own
        self._config = config
        self._element: Element = element
        self._weights = weights
        self._writer = writer
        self._nodes: list[NodeProto] = []
        self._initializers: list[TensorProto] = []
        self._stored: dict[str, StoredTensor] = {}
        self._tied: tuple[BlockLayout, list[str]] | None = None
        self._own = OwnOperators(self._nodes, self._constant)
        self._columns = RowQuantizedMatMul(self._node, self._split, self._constant)

    def build(self) -> ModelProto:
        config = self._config
        cos, sin = rotary_tables(config)
        self._constant("rotary.cos", cos)
        self._constant("rotary.sin", sin)
        residual, hidden = self._embed(), ""
        for layer in range(config.layers):
            residual, hidden = self._layer(layer, residual, hidden, last=layer == config.layers - 1)
        normed, _ = self._skip_norm("final_norm", residual, hidden)
        self._head(normed)
        return decoder_model(self._config, self._element, self._nodes, self._initializers)

    def _layer(self, layer: int, residual: str, hidden: str, *, last: bool) -> tuple[str, str]:
        """One transformer block; takes and returns the residual and the branch that is still to be added to it."""
        prefix = f"layers.{layer}"
        if hidden:
            normed, residual = self._skip_norm(f"{prefix}.attention_norm", residual, hidden)
        else:
            normed = self._norm(f"{prefix}.attention_norm", residual)
        attended = self._attention(layer, normed)
        if last:
            attended = self._wanted_rows(attended, "attended", self._config.attention_width)
            residual = self._wanted_rows(residual, "residual", self._config.hidden)
        projected = self._matmul(f"{prefix}.output", attended, self._config.hidden, self._config.attention_width)
        if layer == 0 and self._columns.is_flat(projected):
            residual = self._columns.flatten(residual, self._config.hidden)
        normed, residual = self._skip_norm(f"{prefix}.mlp_norm", residual, projected)
        gate = self._matmul(f"{prefix}.gate", normed, self._config.ffn, self._config.hidden)
        up = self._matmul(f"{prefix}.up", normed, self._config.ffn, self._config.hidden)
        gated = self._gated(prefix, gate, up)
        return residual, self._matmul(f"{prefix}.down", gated, self._config.hidden, self._config.ffn)

    def _gated(self, prefix: str, gate: str, up: str) -> str:
        if self._uses_own:
            return self._own.gated(prefix, gate, up)
        silu = self._node("QuickGelu", [gate], f"{prefix}.silu", domain=CONTRIB, alpha=1.0)
        return self._node("Mul", [silu, up], f"{prefix}.gated")

    def _attention(self, layer: int, normed: str) -> str:
        config, prefix = self._config, f"layers.{layer}"
        bias = self._vector(f"{prefix}.qkv_bias", config.qkv_rows) if config.qkv_bias else ""
        packed = self._matmul(f"{prefix}.qkv", normed, config.qkv_rows, config.hidden, bias=bias)
        past = [f"past_key_values.{layer}.{part}" for part in ("key", "value")]
        lengths = ["seqlens_k", "total_sequence_length"]
        if self._columns.is_flat(packed):
            packed = self._columns.unflatten(packed, config.qkv_rows)
        attended = f"{prefix}.attended"
        if self._uses_own and attends(config):
            return self._own.attention(attended, packed, past, config)
        self._nodes.append(
            helper.make_node(
                "GroupQueryAttention",
                [packed, "", "", *past, *lengths, "rotary.cos", "rotary.sin"],
                [attended, f"present.{layer}.key", f"present.{layer}.value"],
                name=attended,
                domain=CONTRIB,
                num_heads=config.heads,
                kv_num_heads=config.kv_heads,
                do_rotary=1,
                rotary_interleaved=0,
            )
        )
        return attended

    def _wanted_rows(self, value: str, name: str, width: int) -> str:
        """The rows of ``value`` that ``logit_rows`` names, as ``[K, width]``."""
        shape = self._constant(f"wanted.{name}.shape", np.array([-1, width], dtype=np.int64))
        flat = self._node("Reshape", [value, shape], f"wanted.{name}.flat")
        return self._node("Gather", [flat, "logit_rows"], f"wanted.{name}", axis=0)

    def _embed(self) -> str:
        config = self._config
        weight = self._checked("embedding", config.vocabulary, config.hidden)
        if isinstance(weight, ColumnWeight | RecordWeight):
            message = "An embedding can only be stored dense or in blocks."
            raise ConversionError(message)
        if isinstance(weight, DenseWeight):
            self._constant("embedding", weight.values)
            return self._node("Gather", ["embedding", "input_ids"], "embedded", axis=0)
        flat = weight.packed.reshape(config.vocabulary, -1)
        names = self._block_constants("embedding", weight, flat)
        if config.tied_head and names[0] in self._stored:
            self._tied = (weight.layout, names)
        # Operand order of GatherBlockQuantized: data, indices, scales, zero points.
        operands = [names[0], "input_ids", *names[1:]]
        sizes = {"bits": weight.bits, "block_size": weight.block_size, "gather_axis": 0, "quantize_axis": 1}
        return self._node("GatherBlockQuantized", operands, "embedded", domain=CONTRIB, **sizes)

    def _head(self, normed: str) -> None:
        config = self._config
        if self._tied is not None:
            self._tied_head(normed, *self._tied)
        elif self._uses_own and not config.tied_head and fits_records(config.vocabulary, config.hidden):
            self._refined_head(normed)
        else:
            name = "embedding" if config.tied_head else "head"
            self._matmul(name, normed, config.vocabulary, config.hidden, prefix="head")
        self._nodes[-1].output[0] = "logits"

    def _refined_head(self, normed: str) -> None:
        """Four bits for all tokens, eight for those that may be chosen."""
        fine = eight_bits(self._checked("head", self._config.vocabulary, self._config.hidden))
        operands = self._block_constants("head", fine, fine.packed)
        coarse = self._own.product("head.coarse", normed, self._weights.coarse("head"))
        self._own.refined(normed, coarse, operands, fine.block_size)

    def _tied_head(self, normed: str, layout: BlockLayout, operands: list[str]) -> None:
        """A head over the very bytes of the quantised embedding, seen in the shape that MatMulNBits wants."""
        codes = self._writer.view("head.codes", self._stored[operands[0]], layout.packed_shape)
        self._initializers.append(codes)
        operands = [normed, "head.codes", *operands[1:]]
        self._matmul_blocks("head", operands, layout, bias="")

    def _matmul(
        self, name: str, value: str, outputs: int, inputs: int, *, bias: str = "", prefix: str | None = None
    ) -> str:
        weight = self._checked(name, outputs, inputs)
        prefix = prefix or name
        if isinstance(weight, BlockWeight):
            names = self._block_constants(prefix, weight, weight.packed)
            return self._matmul_blocks(prefix, [value, *names], weight.layout, bias=bias)
        if isinstance(weight, ColumnWeight):
            return self._columns.product(prefix, value, weight, bias=bias)
        if isinstance(weight, RecordWeight):
            return self._own.product(prefix, value, weight, bias=bias)
        # A view in Fortran order would be copied anyway when it is written; the copy is one matrix at a time.
        self._constant(f"{prefix}.transposed", weight.values.T)
        product = self._node("MatMul", [value, f"{prefix}.transposed"], f"{prefix}.product")
        return self._node("Add", [product, bias], f"{prefix}.biased") if bias else product

    def _matmul_blocks(self, prefix: str, operands: list[str], layout: BlockLayout, *, bias: str) -> str:
        if bias and self._element != "float32":  # added by an operator of its own, which every provider has
            product = self._matmul_blocks(prefix, operands, layout, bias="")
            return self._node("Add", [product, bias], f"{prefix}.biased")
        if bias:
            # Operands: A, B, scales, zero points, group index (deprecated, unused), bias.
            operands = [*operands, *[""] * (5 - len(operands)), bias]
        attributes = {
            "K": layout.inputs,
            "N": layout.outputs,
            "bits": layout.bits,
            "block_size": layout.block_size,
            "accuracy_level": INT8_ACTIVATIONS,
        }
        return self._node("MatMulNBits", operands, f"{prefix}.product", domain=CONTRIB, **attributes)

    def _norm(self, name: str, value: str) -> str:
        scale = self._vector(name, self._config.hidden)
        epsilon = self._config.rms_epsilon
        attributes = {"axis": -1, "epsilon": epsilon, "stash_type": 1}
        return self._node("SimplifiedLayerNormalization", [value, scale], f"{name}.normed", **attributes)

    def _skip_norm(self, name: str, residual: str, hidden: str) -> tuple[str, str]:
        """RMS norm of the sum, and the sum."""
        scale = self._vector(name, self._config.hidden)
        normed, total = f"{name}.normed", f"{name}.sum"
        node = helper.make_node(
            "SkipSimplifiedLayerNormalization",
            [residual, hidden, scale],
            [normed, "", "", total],
            name=normed,
            domain=CONTRIB,
            epsilon=self._config.rms_epsilon,
        )
        self._nodes.append(node)
        return normed, total

    def _checked(self, name: str, outputs: int, inputs: int) -> Weight:
        weight = self._weights.matrix(name)
        shape = shape_of(weight)
        if shape != (outputs, inputs):
            message = f"The weight {name!r} has the wrong shape."
            raise ConversionError(message, cause=f"expected {(outputs, inputs)}, found {shape}")
        return weight

    def _vector(self, name: str, length: int) -> str:
        values = self._weights.vector(name)
        if values.shape != (length,):
            message = f"The weight {name!r} has the wrong shape."
            raise ConversionError(message, cause=f"expected {(length,)}, found {values.shape}")
        return self._constant(name, values.astype(np.float32, copy=False))

    def _block_constants(self, prefix: str, weight: BlockWeight, codes: NDArray[np.uint8]) -> list[str]:
        names = [self._constant(f"{prefix}.codes", codes), self._constant(f"{prefix}.scales", weight.scales)]
        if weight.zero_points is not None:
            names.append(self._constant(f"{prefix}.zero_points", weight.zero_points))
        return names

    def _constant(self, name: str, array: NDArray[Any]) -> str:
        if array.dtype == np.float32:
            array = array.astype(self._element, copy=False)
        tensor, stored = self._writer.add(name, array)
        self._initializers.append(tensor)
        if stored is not None:
            self._stored[name] = stored
        return name

    def _split(self, value: str, outputs: list[str]) -> list[str]:
        """Equal parts along the last axis."""
        node = helper.make_node("Split", [value], outputs, name=f"{value}.split", axis=-1, num_outputs=len(outputs))
        self._nodes.append(node)
        return outputs

    def _node(self, kind: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output
