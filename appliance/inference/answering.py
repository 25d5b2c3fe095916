"""The text of one answer while its tokens arrive: whole characters, nothing of a stop text, each token beside its text.

Text that may become a stop text, or a character that is not whole, is held back until that is decided. What comes out
depends on the bytes alone, not on how they were cut into tokens.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.core.answers import AnswerPiece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.answers import TokenTold


@dataclass(frozen=True)
class _Placed:
    """Where a token begins, in bytes of the answer."""

    start: int
    told: TokenTold


class AnswerText:
    """Takes tokens, gives text.

    Args:
        stops: the texts that end the answer; the one that is completed first counts, the longest of several that are
            completed by the same byte.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._stops = tuple(stop.encode("utf-8", "replace") for stop in stops if stop)
        self._held = b""
        self._taken = 0
        self._given = 0
        self._places: deque[_Placed] = deque()
        self.stopped = False
        """Whether a stop text was found; what comes after it is not looked at."""

    def push(self, content: bytes, told: TokenTold | None = None) -> AnswerPiece:
        """What the token ``content`` makes certain; often nothing."""
        if self.stopped:
            return AnswerPiece("")
        if told is not None and content:
            self._places.append(_Placed(self._taken, told))
        self._taken += len(content)
        self._held += content
        ends = [(at + len(stop), at) for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if ends:
            self.stopped = True
            return self._give(min(ends)[1])
        return self._give(len(self._held) - max(self._maybe_stop(), _incomplete(self._held)))

    def finish(self) -> AnswerPiece:
        """What was held back, at the end of the answer; a character that is not whole is left out."""
        return AnswerPiece("") if self.stopped else self._give(len(self._held) - _incomplete(self._held))

    def _maybe_stop(self) -> int:
        """How many of the last bytes may be the beginning of a stop text."""
        longest = max((len(stop) - 1 for stop in self._stops), default=0)
        for length in range(min(longest, len(self._held)), 0, -1):
            tail = self._held[-length:]
            if any(stop.startswith(tail) for stop in self._stops if len(stop) > length):
                return length
        return 0

    def _give(self, length: int) -> AnswerPiece:
        given, self._held = self._held[:length], self._held[length:]
        self._given += len(given)
        told = []
        while self._places and self._places[0].start < self._given:
            told.append(self._places.popleft().told)
        return AnswerPiece(given.decode("utf-8", "replace"), tuple(told))


def _incomplete(content: bytes) -> int:
    """How many of the last bytes are a character that is not whole yet (RFC 3629, section 3)."""
    for back in range(1, min(3, len(content)) + 1):
        byte = content[-back]
        if byte >= 0xC0:
            width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if back < width else 0
        if byte < 0x80:
            return 0
    return 0
