"""A decoder graph as onnxruntime-genai wants it: the same nodes and the same weights behind other inputs.

onnxruntime-genai knows a decoder by these names: ``input_ids`` int64 ``[B, S]``, ``attention_mask`` int64 ``[B, T]``
(ones, one for each token so far), the past, ``logits`` ``[B, 1, vocabulary]`` of the last token, and the present. A few
nodes compute what the graph of ``model_bundle.build.graph`` takes instead. ``last_logits`` ``[min(S, 16), vocabulary]``
is an output of our own, for tokens that are verified in one step. One row at a time: B is 1.

The weights stay where they are: the initializers go on naming the bundle's data file. What the configuration may say:
"Configuration reference" of ONNX Runtime's generate() API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from model_bundle.errors import ConversionError

if TYPE_CHECKING:
    from model_bundle.manifest import GraphDescription

LAST_LOGITS = "last_logits"
ROWS = 16
"""Of :data:`LAST_LOGITS`, at most."""

_REPLACED = frozenset({"seqlens_k", "total_sequence_length", "logit_rows"})
_KNOWN_DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})
_NEVER = np.iinfo(np.int64).max


def genai_graph(model: ModelProto) -> ModelProto:
    """The derived graph; ``model`` is not changed.

    Raises:
        ConversionError: it is not a graph of the contract ``decoder/1``, or has operators that onnxruntime-genai lacks.
    """
    derived = ModelProto()
    derived.CopyFrom(model)
    graph = derived.graph
    foreign = {node.domain for node in graph.node} - _KNOWN_DOMAINS
    if foreign:
        message = "This model's graph has operators of its own, which onnxruntime-genai cannot run."
        action = "Run it with model.executor = onnxruntime, or convert the model without them."
        raise ConversionError(message, cause=f"domains {sorted(foreign)}", action=action)
    if not {one.name for one in graph.input} >= {"input_ids", *_REPLACED} or graph.output[0].name != "logits":
        message = "This model's graph is not of the kind that can be handed to onnxruntime-genai."
        raise ConversionError(message, cause=f"inputs {[one.name for one in graph.input][:4]}")
    logits = graph.output[0].type.tensor_type
    vocabulary, kind = logits.shape.dim[1].dim_value, logits.elem_type
    before, after = _before(), _after()
    for node in graph.node:
        for index, name in enumerate(node.output):
            if name == "logits":
                node.output[index] = LAST_LOGITS
    nodes = [*before, *graph.node, *after]
    kept = [one for one in graph.input if one.name not in _REPLACED]
    mask = helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["B", "T"])
    presents = list(graph.output)[1:]
    for field in (graph.node, graph.input, graph.output):
        del field[:]
    graph.node.extend(nodes)
    graph.input.extend([kept[0], mask, *kept[1:]])
    graph.output.append(helper.make_tensor_value_info("logits", kind, ["B", 1, vocabulary]))
    graph.output.append(helper.make_tensor_value_info(LAST_LOGITS, kind, ["K", vocabulary]))
    graph.output.extend(presents)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in _CONSTANTS.items())
    return derived


_CONSTANTS = {
    "genai.zero": np.array(0, dtype=np.int64),
    "genai.one": np.array(1, dtype=np.int64),
    "genai.rows": np.array(ROWS, dtype=np.int64),
    "genai.first": np.array([0], dtype=np.int64),
    "genai.second": np.array([1], dtype=np.int64),
    "genai.last": np.array([-1], dtype=np.int64),
    "genai.end": np.array([_NEVER], dtype=np.int64),
}


def _before() -> list[NodeProto]:
    """Lengths from the mask, and which rows the head is computed for."""
    make = helper.make_node
    return [
        make("ReduceSum", ["attention_mask", "genai.second"], ["genai.tokens"], keepdims=0),
        make("Sub", ["genai.tokens", "genai.one"], ["genai.position"]),
        make("Cast", ["genai.position"], ["seqlens_k"], to=TensorProto.INT32),
        make("Shape", ["attention_mask"], ["genai.mask_shape"]),
        make("Gather", ["genai.mask_shape", "genai.one"], ["genai.total"]),
        make("Cast", ["genai.total"], ["total_sequence_length"], to=TensorProto.INT32),
        make("Shape", ["input_ids"], ["genai.ids_shape"]),
        make("Gather", ["genai.ids_shape", "genai.one"], ["genai.count"]),
        make("Sub", ["genai.count", "genai.rows"], ["genai.from"]),
        make("Max", ["genai.from", "genai.zero"], ["genai.from_row"]),
        make("Range", ["genai.from_row", "genai.count", "genai.one"], ["logit_rows"]),
    ]


def _after() -> list[NodeProto]:
    """The last row alone, in the shape that onnxruntime-genai reserves for it."""
    make = helper.make_node
    return [
        make("Slice", [LAST_LOGITS, "genai.last", "genai.end", "genai.first"], ["genai.last_row"]),
        make("Unsqueeze", ["genai.last_row", "genai.first"], ["logits"]),
    ]


def genai_config(
    graph: GraphDescription,
    *,
    file: str,
    weights: str,
    end_token: int,
    context_tokens: int,
    threads: int,
) -> dict[str, Any]:
    """The content of ``genai_config.json``.

    Args:
        graph: of the bundle.
        file: name of the derived graph.
        weights: folder of the data files, relative to the folder of the configuration.
        end_token: one that ends a turn; the engine itself looks for all of them.
        context_tokens: memory is reserved for so many keys and values.
        threads: inside one operator.
    """
    return {
        "model": {
            "type": graph.architecture,
            "context_length": context_tokens,
            "vocab_size": graph.vocabulary,
            "bos_token_id": end_token,
            "eos_token_id": end_token,
            # A number that no token has: padding is not attended to, and no token may be taken for it.
            "pad_token_id": graph.vocabulary,
            "decoder": {
                "filename": file,
                "head_size": graph.head_dim,
                "hidden_size": graph.heads * graph.head_dim,
                "num_attention_heads": graph.heads,
                "num_hidden_layers": graph.layers,
                "num_key_value_heads": graph.kv_heads,
                "session_options": {
                    "log_id": "intramural",
                    "intra_op_num_threads": threads,
                    "session.model_external_initializers_file_folder_path": weights,
                    "provider_options": [],
                },
                "inputs": {
                    "input_ids": "input_ids",
                    "attention_mask": "attention_mask",
                    "past_key_names": "past_key_values.%d.key",
                    "past_value_names": "past_key_values.%d.value",
                },
                "outputs": {
                    "logits": "logits",
                    "present_key_names": "present.%d.key",
                    "present_value_names": "present.%d.value",
                },
            },
        },
        "search": {
            "do_sample": False,
            "num_beams": 1,
            "batch_size": 1,
            "max_length": context_tokens,
            "past_present_share_buffer": True,
        },
    }
