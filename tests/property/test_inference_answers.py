"""Texts of answers, whatever the tokens: streamed equals whole, stop texts end it, probabilities stand beside it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from appliance.core.answers import TokenChance, TokenTold
from appliance.inference.answering import AnswerText

ALPHABET = "abüΩ😀"
WORDS = st.text(ALPHABET, max_size=24)
STOPS = st.lists(st.text(ALPHABET, min_size=1, max_size=5), max_size=4)


def pieces_of(content: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(content), *(cut % (len(content) + 1) for cut in cuts)})
    return [content[start:stop] for start, stop in pairwise(places)]


def whole(text: str, stops: list[str]) -> str:
    """By the definition: the stop text that is completed first counts, the longest of several."""
    ends = [(at + len(stop), at) for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(ends)[1]] if ends else text


@given(WORDS, STOPS, st.lists(st.integers(0, 200)))
def test_the_text_does_not_depend_on_the_tokens(text: str, stops: list[str], cuts: list[int]) -> None:
    answer, given_text, told = AnswerText(stops), "", []
    for number, piece in enumerate(pieces_of(text.encode(), cuts)):
        part = answer.push(piece, TokenTold(TokenChance(piece, -float(number))))
        given_text += part.text
        told += part.tokens
        joined = b"".join(one.chosen.content for one in told)
        assert joined.startswith(given_text.encode())  # at every moment
        if not answer.stopped:
            assert text.startswith(given_text)
    last = answer.finish()
    given_text, told = given_text + last.text, [*told, *last.tokens]
    assert given_text == whole(text, stops)
    assert answer.stopped == any(stop in text for stop in stops)
    assert [one.chosen.logprob for one in told] == [-float(number) for number in range(len(told))]
    if told:
        before = b"".join(one.chosen.content for one in told[:-1])
        assert len(before) < len(given_text.encode())  # no token without a part in the text


@given(WORDS, st.integers(0, 3))
def test_a_character_that_is_not_whole_is_left_out(text: str, dropped: int) -> None:
    content = text.encode()
    cut = content[: len(content) - dropped]
    answer = AnswerText()
    given_text = "".join(answer.push(bytes([value])).text for value in cut) + answer.finish().text
    assert given_text == cut.decode("utf-8", "ignore")
