"""The ``tokenizer.json`` of a byte-level BPE tokenizer, as the ``tokenizers`` library reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from model_bundle.errors import SourceModelError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PRE_TOKENIZERS: dict[str, str] = {
    "qwen2": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+"
    ),
    "llama-bpe": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
        r"|\s+(?!\S)|\s+"
    ),
}
"""Split patterns by the name that GGUF gives them (``tokenizer.ggml.pre``), as published with the models."""

NORMALIZED_WITH_NFC = frozenset({"qwen2"})


def tokenizer_json(
    *, vocabulary: Mapping[int, str], merges: Sequence[str], added: Mapping[int, bool], pre_tokenizer: str
) -> str:
    """The file's text.

    Args:
        vocabulary: tokens by id, in the printable alphabet of byte-level BPE; ids may have gaps.
        merges: ``"left right"``, most urgent first.
        added: ids of tokens that are matched whole before splitting; True for control tokens, which decoding may
            leave out.
        pre_tokenizer: a key of :data:`PRE_TOKENIZERS`.

    Raises:
        SourceModelError: the pre-tokenizer is not known, or the vocabulary contradicts itself.
    """
    if pre_tokenizer not in PRE_TOKENIZERS:
        message = f"The tokenizer's splitting rule {pre_tokenizer!r} is not supported."
        action = f"Use a model whose rule is one of: {', '.join(sorted(PRE_TOKENIZERS))}."
        raise SourceModelError(message, action=action)
    ids = {token: index for index, token in vocabulary.items() if index not in added}
    if len(ids) + len(added) != len(vocabulary):
        message = "The tokenizer lists a token twice."
        raise SourceModelError(message, action="Use an unmodified model file.")
    pairs = [_merge_pair(merge, ids) for merge in merges]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    split = {"Regex": PRE_TOKENIZERS[pre_tokenizer]}
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_token(index, vocabulary[index], special=added[index]) for index in sorted(added)],
        "normalizer": {"type": "NFC"} if pre_tokenizer in NORMALIZED_WITH_NFC else None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": split, "behavior": "Isolated", "invert": False},
                byte_level,
            ],
        },
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": pre_tokenizer == "llama-bpe",
            "vocab": ids,
            "merges": pairs,
        },
    }
    return json.dumps(document, ensure_ascii=False)


def _merge_pair(merge: str, ids: Mapping[str, int]) -> list[str]:
    left, _, right = merge.partition(" ")
    if left not in ids or right not in ids or left + right not in ids:
        message = "The tokenizer merges tokens that are not in its vocabulary."
        raise SourceModelError(message, cause=repr(merge), action="Use an unmodified model file.")
    return [left, right]


def _added_token(index: int, content: str, *, special: bool) -> dict[str, object]:
    return {
        "id": index,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": special,
    }
