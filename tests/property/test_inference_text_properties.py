"""Text survives tokens, whatever it is and however it is cut."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from appliance.inference.chat import PromptTokens
from appliance.inference.conversation import Conversation
from appliance.inference.detokenizer import StreamingDetokenizer
from appliance.inference.tokenizer import TextTokenizer
from tests.fixtures.tiny_bundle import tiny_tokenizer

EMOJI = [
    "👩‍🔬",
    "🏳️‍🌈",
    "👍🏽",
    "é",
    "e\u0301",
    "ﬁ",
    "日本語",
    "\u200d",
    "<|im_end|>",
    "\x00",
    "ß",
    "\n\n  ",
    "entity Item",
]
texts = st.lists(st.one_of(st.sampled_from(EMOJI), st.text(max_size=10)), max_size=8).map("".join)


def _tokenizer() -> TextTokenizer:
    text, vocabulary = tiny_tokenizer()
    return TextTokenizer(text, vocabulary=vocabulary, end_tokens=(vocabulary - 1,))


TOKENIZER = _tokenizer()


@given(texts, st.data())
def test_streamed_text_is_the_text_and_every_piece_is_whole(text: str, data: st.DataObject) -> None:
    content = text.encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=12)))
    detokenizer = StreamingDetokenizer()
    pieces = [
        detokenizer.push(content[start:end]) for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)
    ]
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text
    assert detokenizer.pending == 0


@given(texts, texts)
def test_bytes_already_seen_are_skipped(seen: str, text: str) -> None:
    detokenizer = StreamingDetokenizer(skip=len(seen.encode()))
    assert "".join(detokenizer.push(bytes([value])) for value in (seen + text).encode()) == text


@given(st.binary(max_size=40))
def test_broken_bytes_never_raise(content: bytes) -> None:
    detokenizer = StreamingDetokenizer()
    for value in content:
        detokenizer.push(bytes([value]))


@given(texts)
def test_encoding_loses_nothing_and_makes_no_control_token(text: str) -> None:
    tokens = TOKENIZER.encode(text)
    assert TOKENIZER.token_bytes(tokens).decode() == unicodedata.normalize("NFC", text)
    assert not set(tokens) & TOKENIZER.special_ids


@given(st.lists(texts, max_size=6))
def test_conversation_holds_exactly_what_was_appended(parts: list[str]) -> None:
    said = Conversation(PromptTokens((1, 2, 3), 0), TOKENIZER, context=1 << 16)
    for part in parts:
        said.append(part)
    held = TOKENIZER.token_bytes(said.tokens[3:]) + said.held
    assert unicodedata.normalize("NFC", held.decode()) == unicodedata.normalize("NFC", "".join(parts))
    assert said.tokens[:3] == [1, 2, 3]
    assert not set(said.tokens[3:]) & TOKENIZER.special_ids
    assert said.usage.prompt >= 3


@given(st.lists(texts, min_size=1, max_size=6), st.data())
def test_rewinding_returns_to_the_very_state(parts: list[str], data: st.DataObject) -> None:
    said = Conversation(PromptTokens((1,), 0), TOKENIZER, context=1 << 16)
    states = []
    for part in parts:
        states.append((said.mark(), said.point()))
        said.append(part)
    mark, point = data.draw(st.sampled_from(states))
    said.rewind(mark)
    assert said.point() == point
