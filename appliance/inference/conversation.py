"""The text side of one session: its tokens, the bytes that have none yet, and the points it can go back to."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.core.ports import GenerationFailed, TokenUsage
from appliance.inference.kv_cache import common_prefix
from appliance.inference.sequence import context_full

if TYPE_CHECKING:
    from appliance.inference.chat import PromptTokens
    from appliance.inference.tokenizer import TextTokenizer
    from appliance.inference.work import Outcome

_MAX_MARKS: Final = 1024


@dataclass(frozen=True)
class Point:
    """A state of a conversation, complete enough to return to."""

    tokens: array[int]
    held: bytes


class Conversation:
    """What was said, as tokens. The cache follows it lazily: a token is computed when something depends on it.

    Args:
        prompt: the rendered chat.
        tokenizer: of the same bundle.
        context: the most tokens in a conversation.

    Raises:
        GenerationFailed: the prompt does not fit.
    """

    def __init__(self, prompt: PromptTokens, tokenizer: TextTokenizer, *, context: int) -> None:
        if len(prompt.tokens) >= context:
            raise context_full(context)
        self._tokenizer = tokenizer
        self._context = context
        self._fixed = len(prompt.tokens)
        self._marks: dict[int, Point] = {}
        self.tokens = list(prompt.tokens)
        self.written = 0
        """How many leading tokens are not new text: what the model wrote last, and all before it."""
        self.held = b""
        """The last bytes of the text, whose tokens depend on what comes next."""
        self.usage = TokenUsage(prompt=len(prompt.tokens))

    def append(self, text: str) -> None:
        """Add text.

        Raises:
            GenerationFailed: it does not fit.
        """
        added = self.held + text.encode("utf-8", errors="replace")
        tokens, held = self._tokenizer.settle(self.tokens, added, fixed=self._fixed)
        if self._length(tokens, held) >= self._context:
            raise context_full(self._context)
        before = self._length(self.tokens, self.held)
        self.written = min(self.written, common_prefix(self.tokens, tokens))
        self.tokens, self.held = tokens, held
        grown = max(0, self._length(tokens, held) - before)
        self.usage = replace(self.usage, prompt=self.usage.prompt + grown)

    def absorb(self, outcome: Outcome, *, incomplete: int) -> None:
        """Take over what was generated.

        Args:
            outcome: of a generation that began with the held bytes.
            incomplete: bytes at its end that are part of a character; they were never shown, so they are dropped.
        """
        generated, dropped = list(outcome.generated), b""
        while len(dropped) < incomplete:
            dropped = self._tokenizer.token_bytes([generated.pop()]) + dropped
        self.tokens = [*self.tokens, *generated]
        self.written = len(self.tokens)
        self.held = dropped[: len(dropped) - incomplete]
        self._count(outcome)

    def opened(self, outcome: Outcome) -> None:
        """Note how the stable part of the prompt came into the cache."""
        self._count(outcome)
        self.usage = replace(self.usage, cached=outcome.cached)

    def _count(self, outcome: Outcome) -> None:
        self.usage = replace(
            self.usage,
            sampled=self.usage.sampled + outcome.sampled,
            forced=self.usage.forced + outcome.forced,
            drafted=self.usage.drafted + outcome.drafted,
            prefill_seconds=self.usage.prefill_seconds + outcome.prefill_seconds,
            decode_seconds=self.usage.decode_seconds + outcome.decode_seconds,
        )

    def spelled(self) -> list[int]:
        """Everything as tokens, what is held back too."""
        return [*self.tokens, *(self._tokenizer.encode(self.held.decode("utf-8")) if self.held else [])]

    def mark(self) -> int:
        """A point to return to: the number of tokens so far.

        When held text has merged with what followed, two different points can have the same number of tokens; the
        later one is then the next free number.

        Raises:
            GenerationFailed: there are too many marks.
        """
        point = self.point()
        number = self._length(self.tokens, self.held)
        while number in self._marks and self._marks[number] != point:
            number += 1
        if number not in self._marks and len(self._marks) >= _MAX_MARKS:
            message = "The conversation has too many marks."
            raise GenerationFailed(message, cause=f"{_MAX_MARKS} marks", action="Open a new session.")
        self._marks[number] = point
        return number

    def rewind(self, mark: int) -> None:
        """Return to a mark; later marks are forgotten.

        Raises:
            GenerationFailed: there is no such mark.
        """
        point = self._marks.get(mark)
        if point is None:
            message = "There is no such point to rewind to."
            raise GenerationFailed(message, cause=f"mark {mark}", action="Use a number that mark() returned.")
        self.restore(point)
        self._marks = {number: kept for number, kept in self._marks.items() if number <= mark}

    def point(self) -> Point:
        """The state now."""
        return Point(array("I", self.tokens), self.held)

    def restore(self, point: Point) -> None:
        """Return to a state."""
        self.tokens, self.held = point.tokens.tolist(), point.held
        self.written = min(self.written, len(self.tokens))

    def _length(self, tokens: list[int], held: bytes) -> int:
        return len(tokens) + (len(self._tokenizer.encode(held.decode("utf-8"))) if held else 0)
