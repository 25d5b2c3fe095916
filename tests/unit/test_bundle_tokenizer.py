"""The tokenizer that a conversion writes, read by the tokenizers library."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from model_bundle.build.tokenizer import PRE_TOKENIZERS, tokenizer_json
from model_bundle.errors import SourceModelError
from tests.fixtures.tiny_bundle import SPECIAL_TOKENS, tiny_tokenizer

TEXT, VOCABULARY = tiny_tokenizer()
TOKENIZER = Tokenizer.from_str(TEXT)


def pieces(text: str) -> list[str]:
    """How the text is split before merging."""
    spans = TOKENIZER.pre_tokenizer.pre_tokenize_str(text)
    return [text[start:end] for _, (start, end) in spans]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello world", ["Hello", " world"]),
        ("I'll we'VE it's", ["I", "'ll", " we", "'VE", " it", "'s"]),
        # Digits stand alone in this family.
        ("abc123", ["abc", "1", "2", "3"]),
        ("x = 10\n", ["x", " =", " ", "1", "0", "\n"]),
        ("a  b", ["a", " ", " b"]),
        ("end   ", ["end", "   "]),
        ("a\n\n\n  b", ["a", "\n\n\n", " ", " b"]),
        ("foo();\n\nbar", ["foo", "();\n\n", "bar"]),
        ("(name)", ["(name", ")"]),
        ("Größe 東京", ["Größe", " 東京"]),
        ("\tx\r\n", ["\tx", "\r\n"]),
    ],
)
def test_text_is_split_as_qwen2_does(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@given(st.text(st.characters(codec="utf-8"), max_size=80))
@settings(max_examples=150, deadline=None)
def test_text_survives_a_round_trip_up_to_normalisation(text: str) -> None:
    from unicodedata import normalize

    decoded = TOKENIZER.decode(TOKENIZER.encode(text).ids, skip_special_tokens=False)
    # NFC is part of the family's tokenizer; Python's tables may know newer characters, so it is applied twice.
    assert normalize("NFC", decoded) == normalize("NFC", text)


def test_special_tokens_are_one_token_and_only_they_are_left_out() -> None:
    ids = TOKENIZER.encode("<|im_start|>user\nitem<|im_end|>").ids
    assert ids[0] == VOCABULARY - 2
    assert ids[-1] == VOCABULARY - 1
    assert TOKENIZER.decode(ids) == "user\nitem"
    assert [TOKENIZER.token_to_id(token) for token in SPECIAL_TOKENS] == [
        VOCABULARY - 3,
        VOCABULARY - 2,
        VOCABULARY - 1,
    ]


def test_ids_may_have_gaps() -> None:
    text = tokenizer_json(vocabulary={0: "a", 5: "b", 9: "ab"}, merges=["a b"], added={}, pre_tokenizer="qwen2")
    assert Tokenizer.from_str(text).encode("ab").ids == [9]


def test_an_unknown_rule_or_merge_is_refused() -> None:
    with pytest.raises(SourceModelError, match="splitting rule"):
        tokenizer_json(vocabulary={0: "a"}, merges=[], added={}, pre_tokenizer="gpt-9")
    with pytest.raises(SourceModelError, match="merges"):
        tokenizer_json(vocabulary={0: "a"}, merges=["a c"], added={}, pre_tokenizer="qwen2")
    assert set(PRE_TOKENIZERS) == {"qwen2", "llama-bpe"}
