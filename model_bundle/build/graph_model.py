"""A decoder as a model with the inputs and outputs of the contract that ``model_bundle.build.graph`` documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from model_bundle.build import own_operators

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model_bundle.build.decoder_config import DecoderConfig

CONTRIB = "com.microsoft"
OPSET = 21
IR_VERSION = 10
Element: TypeAlias = Literal["float32", "float16"]


def decoder_model(
    config: DecoderConfig, element: Element, nodes: Sequence[NodeProto], initializers: Sequence[TensorProto]
) -> ModelProto:
    """The model; opsets are those that its nodes need."""
    cache: list[int | str] = ["B", config.kv_heads, "max_len", config.head_dim]
    inputs = [
        _tensor("input_ids", TensorProto.INT64, ["B", "S"]),
        _tensor("seqlens_k", TensorProto.INT32, ["B"]),
        _tensor("total_sequence_length", TensorProto.INT32, []),
        _tensor("logit_rows", TensorProto.INT64, ["K"]),
    ]
    kind = TensorProto.FLOAT if element == "float32" else TensorProto.FLOAT16
    outputs = [_tensor("logits", kind, ["K", config.vocabulary])]
    for layer in range(config.layers):
        for part in ("key", "value"):
            inputs.append(_tensor(f"past_key_values.{layer}.{part}", kind, cache))
            outputs.append(_tensor(f"present.{layer}.{part}", kind, cache))
    graph: GraphProto = helper.make_graph(nodes, "decoder", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    if any(node.domain == own_operators.DOMAIN for node in nodes):
        opsets.append(helper.make_opsetid(own_operators.DOMAIN, 1))
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="intramural")


def _tensor(name: str, data_type: int, shape: Sequence[int | str]) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, data_type, shape)
