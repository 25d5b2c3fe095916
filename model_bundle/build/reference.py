"""A float32 forward pass in NumPy, written from the papers and independent of ONNX Runtime.

RMSNorm: arXiv:1910.07467. Rotary embedding, half-split form: arXiv:2104.09864. Grouped-query attention:
arXiv:2305.13245. SwiGLU: arXiv:2002.05202. Weights are read one layer at a time and used for all texts, so a model
that is larger than memory in float32 can be a reference.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model_bundle.build.decoder_config import DecoderConfig
    from model_bundle.build.weights import Floats


class DenseWeights(Protocol):
    """Float32 weights under the names of ``model_bundle.build.weights.WeightProvider``."""

    def matrix(self, name: str) -> Floats:
        """``[outputs, inputs]``."""
        ...

    def vector(self, name: str) -> Floats:
        """One dimension."""
        ...


def reference_logits(config: DecoderConfig, weights: DenseWeights, texts: Sequence[Sequence[int]]) -> list[Floats]:
    """For every text (token ids) the logits ``[tokens, vocabulary]`` after each of its tokens."""
    lengths = [len(text) for text in texts]
    tokens = np.concatenate([np.asarray(text, dtype=np.int64) for text in texts])
    bounds = np.cumsum([0, *lengths])
    hidden: Floats = weights.matrix("embedding")[tokens]
    for layer in range(config.layers):
        name = f"layers.{layer}"
        normed = _rms_norm(hidden, weights.vector(f"{name}.attention_norm"), config.rms_epsilon)
        packed = normed @ weights.matrix(f"{name}.qkv").T
        if config.qkv_bias:
            packed += weights.vector(f"{name}.qkv_bias")
        parts = [_attention(config, packed[start:end]) for start, end in pairwise(bounds)]
        hidden = hidden + np.concatenate(parts) @ weights.matrix(f"{name}.output").T
        normed = _rms_norm(hidden, weights.vector(f"{name}.mlp_norm"), config.rms_epsilon)
        gate: Floats = normed @ weights.matrix(f"{name}.gate").T
        gate /= np.float32(1) + np.exp(-gate)
        gate *= normed @ weights.matrix(f"{name}.up").T
        hidden = hidden + gate @ weights.matrix(f"{name}.down").T
    normed = _rms_norm(hidden, weights.vector("final_norm"), config.rms_epsilon)
    logits = normed @ weights.matrix("embedding" if config.tied_head else "head").T
    return [logits[start:end] for start, end in pairwise(bounds)]


def _rms_norm(hidden: Floats, scale: Floats, epsilon: float) -> Floats:
    mean_square = np.mean(np.square(hidden), axis=-1, keepdims=True)
    normed: Floats = hidden / np.sqrt(mean_square + np.float32(epsilon)) * scale
    return normed


def _attention(config: DecoderConfig, packed: Floats) -> Floats:
    """Causal attention over one text from its packed queries, keys and values."""
    count, dim = packed.shape[0], config.head_dim
    split = packed.reshape(count, -1, dim).swapaxes(0, 1)
    queries = _rotate(config, split[: config.heads])
    keys = _rotate(config, split[config.heads : config.heads + config.kv_heads])
    values = split[config.heads + config.kv_heads :]
    shared = config.heads // config.kv_heads
    keys, values = np.repeat(keys, shared, axis=0), np.repeat(values, shared, axis=0)
    scores = queries @ keys.swapaxes(1, 2) / np.sqrt(np.float32(dim))
    scores[:, np.triu(np.ones((count, count), dtype=bool), 1)] = -np.inf
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    attended: Floats = (scores @ values).swapaxes(0, 1).reshape(count, -1)
    return attended


def _rotate(config: DecoderConfig, heads: Floats) -> Floats:
    """Rotate pair ``(i, i + head_dim / 2)`` of the token at position ``p`` by ``p * theta ** (-2 i / head_dim)``."""
    half = config.head_dim // 2
    exponents = -2.0 * np.arange(half) / config.head_dim
    frequencies = np.power(config.rope_theta, exponents) / np.asarray(config.rope_factors or [1.0] * half)
    angles = np.arange(heads.shape[1])[:, None] * frequencies
    turn = np.exp(1j * angles)
    rotated = (heads[..., :half] + 1j * heads[..., half:]) * turn
    return np.concatenate([rotated.real, rotated.imag], axis=-1).astype(np.float32)
