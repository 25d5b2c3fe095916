"""Nodes of the project's own operators (``model_bundle/kernels``), which run on processors with AVX-512 and VNNI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from onnx import NodeProto, helper

from model_bundle.build.weights import BlockWeight
from model_bundle.errors import ConversionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_bundle.build.decoder_config import DecoderConfig
    from model_bundle.build.weights import RecordWeight, Weight

DOMAIN = "intramural"
REFINED_MARGIN = 10.0
"""Nats below the best coarse logit down to which a token's logit is computed from eight bits."""
_SMALLEST_WIDTH = 32
"""The width of a head must be a multiple of it."""


class _Constant(Protocol):
    def __call__(self, name: str, array: NDArray[Any]) -> str: ...


def attends(config: DecoderConfig) -> bool:
    """Whether CachedAttention takes heads of this width."""
    return config.head_dim % _SMALLEST_WIDTH == 0


def eight_bits(weight: Weight) -> BlockWeight:
    """A head that coarse logits can be refined with.

    Raises:
        ConversionError: it is stored in another form.
    """
    if isinstance(weight, BlockWeight) and weight.bits == 8 and weight.zero_points is not None:
        return weight
    message = "The head cannot be refined."
    raise ConversionError(message, cause="it is not stored in eight bits with zero points")


class OwnOperators:
    """Adds such nodes to ``nodes``."""

    def __init__(self, nodes: list[NodeProto], constant: _Constant) -> None:
        self._nodes = nodes
        self._constant = constant

    def product(self, prefix: str, value: str, weight: RecordWeight, *, bias: str = "") -> str:
        """``value`` by a matrix in records."""
        operands = [value, self._constant(f"{prefix}.records", weight.records), *([bias] if bias else [])]
        return self._add("Product4", operands, [f"{prefix}.product"], N=weight.outputs, K=weight.inputs)

    def gated(self, prefix: str, gate: str, up: str) -> str:
        """SwiGLU."""
        return self._add("GatedUnit", [gate, up], [f"{prefix}.gated"])

    def attention(self, name: str, packed: str, past: list[str], config: DecoderConfig) -> str:
        """What GroupQueryAttention computes, for a few new tokens."""
        present = [value.replace("past_key_values", "present") for value in past]
        operands = [packed, *past, "seqlens_k", "rotary.cos", "rotary.sin"]
        heads = {"num_heads": config.heads, "kv_num_heads": config.kv_heads}
        return self._add("CachedAttention", operands, [name, *present], **heads)

    def refined(self, normed: str, coarse: str, head: list[str], block_size: int) -> str:
        """Logits of eight bits for the tokens that may be chosen."""
        attributes = {"block_size": block_size, "margin": REFINED_MARGIN}
        return self._add("RefinedLogits", [normed, coarse, *head], ["head.product"], **attributes)

    def _add(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        node = helper.make_node(kind, inputs, outputs, name=outputs[0], domain=DOMAIN, **attributes)
        self._nodes.append(node)
        return outputs[0]
