"""The shape of a decoder of the qwen2 and llama families, and its rotary tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from model_bundle.errors import ConversionError

if TYPE_CHECKING:
    from model_bundle.build.weights import Floats


@dataclass(frozen=True)
class DecoderConfig:
    """The shape of a decoder.

    Attributes:
        context_length: tokens for which rotary tables are stored.
        rope_theta: base of the rotary frequencies.
        rope_factors: divisors of the ``head_dim / 2`` rotary frequencies (Llama 3), or None.
        qkv_bias: whether the query, key and value projections have a bias (qwen2).
        tied_head: whether the head is the embedding.
    """

    architecture: Literal["qwen2", "llama"]
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int
    context_length: int
    rms_epsilon: float
    rope_theta: float
    qkv_bias: bool
    tied_head: bool
    rope_factors: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        sizes = (self.layers, self.hidden, self.heads, self.kv_heads, self.head_dim, self.ffn, self.vocabulary)
        sound = min(*sizes, self.context_length) >= 1 and self.heads % self.kv_heads == 0 and self.head_dim % 2 == 0
        if not sound or (self.rope_factors is not None and len(self.rope_factors) != self.head_dim // 2):
            message = "The model's dimensions do not fit together."
            raise ConversionError(message, cause=repr(self), action="Use an unmodified model file.")

    @property
    def qkv_rows(self) -> int:
        """Outputs of the packed query, key and value projection."""
        return (self.heads + 2 * self.kv_heads) * self.head_dim

    @property
    def attention_width(self) -> int:
        """Width of the attention's output, before its projection back to ``hidden``."""
        return self.heads * self.head_dim


def rotary_tables(config: DecoderConfig) -> tuple[Floats, Floats]:
    """Cosines and sines ``[context_length, head_dim / 2]`` (RoFormer, arXiv:2104.09864), computed in float64."""
    half = config.head_dim // 2
    frequencies = config.rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    if config.rope_factors is not None:
        frequencies /= np.asarray(config.rope_factors, dtype=np.float64)
    angles = np.outer(np.arange(config.context_length, dtype=np.float64), frequencies)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
