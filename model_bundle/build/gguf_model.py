"""What a GGUF file means: its decoder's shape, its weights by our names, its tokenizer and chat template.

Key and tensor names are those of ggml/docs/gguf.md and llama.cpp's architecture tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar, cast

import numpy as np

from model_bundle.build.decoder_config import DecoderConfig
from model_bundle.build.gguf_reader import GgufFile, TensorInfo, corrupt
from model_bundle.build.records import AffineCodes, affine_rows, stacked
from model_bundle.build.tokenizer import tokenizer_json
from model_bundle.errors import SourceModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from model_bundle.build.weights import Floats

_CONTROL, _USER_DEFINED, _UNUSED = 3, 4, 5
"""Token types of ``tokenizer.ggml.token_type``."""

_END_TOKENS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>")
"""Control tokens that end a turn in the supported families, beside the one that the file names."""

_MATRICES = {"output": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
_NORMS = {"attention_norm": "attn_norm", "mlp_norm": "ffn_norm"}
_T = TypeVar("_T", str, int, float)
_Number = TypeVar("_Number", np.float32, np.int64)


def read_config(file: GgufFile) -> DecoderConfig:
    """The decoder's shape.

    Raises:
        SourceModelError: another architecture, a missing key, or a variant that the graph does not cover.
        ConversionError: dimensions that contradict each other.
    """
    architecture = _required(file, "general.architecture", str)
    if architecture not in ("qwen2", "llama"):
        message = f"The model's architecture {architecture!r} is not supported."
        raise SourceModelError(message, action="Use a model of the qwen2 or llama family.")
    heads = _required(file, f"{architecture}.attention.head_count", int)
    hidden = _required(file, f"{architecture}.embedding_length", int)
    head_dim = _optional(file, f"{architecture}.attention.key_length", int, hidden // max(heads, 1))
    _refuse_variants(file, architecture, head_dim)
    embedding = _tensor(file, "token_embd.weight")
    factors = _rope_factors(file)
    return DecoderConfig(
        architecture=cast("Literal['qwen2', 'llama']", architecture),
        layers=_required(file, f"{architecture}.block_count", int),
        hidden=hidden,
        heads=heads,
        kv_heads=_optional(file, f"{architecture}.attention.head_count_kv", int, heads),
        head_dim=head_dim,
        ffn=_required(file, f"{architecture}.feed_forward_length", int),
        vocabulary=embedding.shape[0],
        context_length=_required(file, f"{architecture}.context_length", int),
        rms_epsilon=_required(file, f"{architecture}.attention.layer_norm_rms_epsilon", float),
        rope_theta=_optional(file, f"{architecture}.rope.freq_base", float, 10_000.0),
        qkv_bias="blk.0.attn_q.bias" in file.tensors,
        tied_head="output.weight" not in file.tensors,
        rope_factors=factors,
    )


@dataclass(frozen=True)
class GgufWeights:
    """Float32 weights of a GGUF file under the names of ``model_bundle.build.weights``; read one at a time."""

    file: GgufFile
    config: DecoderConfig

    def source_types(self, name: str) -> frozenset[str]:
        """The names of the GGUF types behind one of our matrices."""
        return frozenset(_tensor(self.file, source).kind.name for source in self._sources(name))

    def shape(self, name: str) -> tuple[int, int]:
        """Outputs and inputs of one of our matrices."""
        config = self.config
        return {
            "embedding": (config.vocabulary, config.hidden),
            "head": (config.vocabulary, config.hidden),
            "qkv": (config.qkv_rows, config.hidden),
            "output": (config.hidden, config.attention_width),
            "gate": (config.ffn, config.hidden),
            "up": (config.ffn, config.hidden),
            "down": (config.hidden, config.ffn),
        }[name.rpartition(".")[2]]

    def reader(self, name: str) -> Callable[[int, int], Floats]:
        """A function from first and last row to these rows, so that a large matrix is never in memory whole.

        Raises:
            SourceModelError: missing, or not of the shape that the configuration demands.
        """
        sources = self._sources(name)
        if len(sources) > 1:
            packed = self._qkv(sources)
            return lambda start, end: packed[start:end]
        info = self._checked(sources[0], *self.shape(name))
        return lambda start, end: self.file.rows(info, start, end)

    def matrix(self, name: str) -> Floats:
        """``[outputs, inputs]``; rotary rows in the half-split order that the graph uses.

        Raises:
            SourceModelError: missing, or not of the shape that the configuration demands.
        """
        return self.reader(name)(0, self.shape(name)[0])

    def affine_reader(self, name: str) -> Callable[[int, int], AffineCodes]:
        """Like :meth:`reader`, in four bits: what the file stores so is not changed, everything else is fitted.

        Raises:
            SourceModelError: missing, or not of the shape that the configuration demands.
        """
        sources = self._sources(name)
        if len(sources) > 1:
            config = self.config
            heads = (config.heads, config.kv_heads, config.kv_heads)
            parts = [self._affine(source, count) for source, count in zip(sources, heads, strict=True)]
            whole = stacked(parts)
            return whole.rows
        info = self._checked(sources[0], *self.shape(name))
        return lambda start, end: affine_rows(self.file, info, start, end)

    def _affine(self, source: str, heads: int) -> AffineCodes:
        """All rows of the queries, keys or values, in the order that the graph uses."""
        info = self._checked(source, heads * self.config.head_dim, self.config.hidden)
        codes = affine_rows(self.file, info, 0, info.shape[0])
        turned = self.config.architecture == "llama" and not source.endswith("attn_v.weight")
        return codes.in_order(_half_split(np.arange(info.shape[0])[:, None], heads)[:, 0]) if turned else codes

    def _qkv(self, sources: tuple[str, ...]) -> Floats:
        config = self.config
        widths = (config.heads, config.kv_heads, config.kv_heads)
        parts = [
            self._dense(source, width * config.head_dim, config.hidden)
            for source, width in zip(sources, widths, strict=True)
        ]
        if config.architecture == "llama":
            parts[0] = _half_split(parts[0], config.heads)
            parts[1] = _half_split(parts[1], config.kv_heads)
        return np.concatenate(parts)

    def vector(self, name: str) -> Floats:
        """A norm or bias.

        Raises:
            SourceModelError: missing or of the wrong length.
        """
        config = self.config
        if name == "final_norm":
            return self._dense("output_norm.weight", config.hidden)
        _, layer, part = name.split(".")
        if part in _NORMS:
            return self._dense(f"blk.{layer}.{_NORMS[part]}.weight", config.hidden)
        queries, keys = config.heads * config.head_dim, config.kv_heads * config.head_dim
        if config.architecture == "llama":
            message = "A llama model with biases on its projections is not supported."
            raise SourceModelError(message, action="Use a model of the qwen2 or llama family.")
        lengths = {"attn_q": queries, "attn_k": keys, "attn_v": keys}
        return np.concatenate([self._dense(f"blk.{layer}.{key}.bias", length) for key, length in lengths.items()])

    def _sources(self, name: str) -> tuple[str, ...]:
        if name == "embedding":
            return ("token_embd.weight",)
        if name == "head":
            return ("output.weight",)
        _, layer, part = name.split(".")
        if part == "qkv":
            return tuple(f"blk.{layer}.attn_{key}.weight" for key in "qkv")
        return (f"blk.{layer}.{_MATRICES[part]}.weight",)

    def _dense(self, source: str, *shape: int) -> Floats:
        return self.file.dense(self._checked(source, *shape))

    def _checked(self, source: str, *shape: int) -> TensorInfo:
        info = _tensor(self.file, source)
        if info.shape != shape:
            raise corrupt(f"the tensor {source!r} has the shape {info.shape}, not {shape}")
        return info


@dataclass(frozen=True)
class TokenizerFiles:
    """Contents for the bundle, and the ids that the engine needs."""

    tokenizer: str
    chat_template: str
    eos_token_ids: tuple[int, ...]
    bos_token_id: int | None


def read_tokenizer(file: GgufFile, vocabulary: int) -> TokenizerFiles:
    """Tokenizer and chat template.

    Raises:
        SourceModelError: not a byte-level BPE tokenizer of a known splitting rule, inconsistent, or no chat template.
    """
    kind = _required(file, "tokenizer.ggml.model", str)
    if kind != "gpt2":
        message = f"The model's tokenizer {kind!r} is not supported."
        raise SourceModelError(message, action="Use a model with a byte-level BPE tokenizer.")
    tokens, types = _strings(file, "tokenizer.ggml.tokens"), file.metadata.get("tokenizer.ggml.token_type")
    if not isinstance(types, list) or len(types) != len(tokens) or len(tokens) != vocabulary:
        raise corrupt("tokens, token types and embedding rows differ in number")
    unused = frozenset(index for index, kind in enumerate(types) if kind == _UNUSED)
    added = {index: kind == _CONTROL for index, kind in enumerate(types) if kind in (_CONTROL, _USER_DEFINED)}
    text = tokenizer_json(
        vocabulary={index: token for index, token in enumerate(tokens) if index not in unused},
        merges=_strings(file, "tokenizer.ggml.merges"),
        added=added,
        pre_tokenizer=_required(file, "tokenizer.ggml.pre", str),
    )
    named = _required(file, "tokenizer.ggml.eos_token_id", int)
    ends = {named, *(index for index in added if tokens[index] in _END_TOKENS)}
    starts = file.metadata.get("tokenizer.ggml.add_bos_token") is True
    bos = _required(file, "tokenizer.ggml.bos_token_id", int) if starts else None
    if not all(0 <= token < vocabulary for token in (*ends, bos or 0)):
        raise corrupt("a special token lies outside the vocabulary")
    # The named one first: it is what the model itself was tuned to end its turn with.
    order = (named, *sorted(ends - {named}))
    return TokenizerFiles(text, _required(file, "tokenizer.chat_template", str), order, bos)


def _half_split(rows: NDArray[_Number], heads: int) -> NDArray[_Number]:
    """Undo the interleaving that llama-family files apply to query and key rows for GGML's rotary operator."""
    width = rows.shape[1]
    return rows.reshape(heads, -1, 2, width).swapaxes(1, 2).reshape(-1, width)


def _rope_factors(file: GgufFile) -> tuple[float, ...] | None:
    if "rope_freqs.weight" not in file.tensors:
        return None
    values = file.dense(file.tensors["rope_freqs.weight"]).reshape(-1)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise corrupt("the rotary frequency factors are out of range")
    return tuple(float(value) for value in values)


def _refuse_variants(file: GgufFile, architecture: str, head_dim: int) -> None:
    """Features that would silently give wrong results if they were ignored."""
    scaling = file.metadata.get(f"{architecture}.rope.scaling.type", "none")
    rotated = _optional(file, f"{architecture}.rope.dimension_count", int, head_dim)
    values = _optional(file, f"{architecture}.attention.value_length", int, head_dim)
    experts = _optional(file, f"{architecture}.expert_count", int, 0)
    if scaling != "none" or rotated != head_dim or values != head_dim or experts:
        message = "The model uses a variant of its architecture that is not supported."
        cause = f"rope scaling {scaling}, {rotated} of {head_dim} dimensions rotated, {values} wide, {experts} experts"
        raise SourceModelError(message, cause=cause, action="Use a plain model of the qwen2 or llama family.")


def _tensor(file: GgufFile, name: str) -> TensorInfo:
    if name not in file.tensors:
        raise corrupt(f"the tensor {name!r} is missing")
    return file.tensors[name]


def _required(file: GgufFile, key: str, kind: type[_T]) -> _T:
    value = file.metadata.get(key)
    if type(value) is not kind:
        raise corrupt(f"the key {key!r} is missing or not of type {kind.__name__}")
    return value


def _optional(file: GgufFile, key: str, kind: type[_T], default: _T) -> _T:
    return _required(file, key, kind) if key in file.metadata else default


def _strings(file: GgufFile, key: str) -> list[str]:
    value = file.metadata.get(key)
    if not isinstance(value, list) or not all(type(item) is str for item in value):
        raise corrupt(f"the key {key!r} is missing or not a list of strings")
    return cast("list[str]", value)
