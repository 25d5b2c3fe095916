"""Guesses the next tokens from what was said before, so that one step can verify several of them.

The guess continues the most recent earlier place whose last tokens equal the present ones (prompt lookup decoding).
While a copy goes on, the next guess follows the same source; after a difference the place is looked up anew
(resynchronised). How long a guess may be follows from how often guesses were right lately and from what a longer step
was measured to cost. Verification makes the result independent of the guess.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST: Final = 4
_SHORTEST: Final = 2
"""Tokens that must agree before a place counts as found; longer agreement is preferred."""
_DECAY: Final = 0.85
_PRIOR: Final = 0.6
_MIN_GAIN: Final = 1.03
"""A guess must promise this many tokens per unit of cost more than a plain step."""


@dataclass
class StepCost:
    """Measured seconds of a step by its number of tokens, relative to one token; shared by all conversations.

    Starts with the shape that int4 kernels have on AVX-512 and learns from every step.
    """

    seconds: dict[int, float] = field(default_factory=dict)

    def learn(self, tokens: int, seconds: float) -> None:
        """Note a step of a conversation that ran alone."""
        known = self.seconds.get(tokens)
        self.seconds[tokens] = seconds if known is None else known + 0.1 * (min(seconds, 3 * known) - known)

    def relative(self, tokens: int) -> float:
        """Cost of a step of ``tokens`` in steps of one."""
        one = self.seconds.get(1)
        known = self.seconds.get(tokens)
        assumed = 1.0 + 0.13 * (tokens - 1)
        if one is None or known is None:
            return assumed
        return max(1.0, known / one)


class Drafter:
    """One conversation's. Owned by the engine's thread.

    Args:
        cost: shared measurements.
        limit: the most tokens of a guess.
    """

    def __init__(self, cost: StepCost, *, limit: int) -> None:
        self._cost = cost
        self._limit = limit
        self._tokens: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        self._following: int | None = None
        self._right = _PRIOR

    def follow(self, tokens: Sequence[int]) -> None:
        """Know exactly ``tokens``: by adding to what is known, or from the start when something was taken back."""
        known = len(self._tokens)
        if list(tokens[:known]) != self._tokens:
            self._tokens, self._places, self._following, known = [], {}, None, 0
        self.extend(tokens[known:])

    def extend(self, tokens: Sequence[int]) -> None:
        """Note tokens that are certain."""
        for token in tokens:
            if self._following is not None:
                fits = self._following < len(self._tokens) and self._tokens[self._following] == token
                self._following = self._following + 1 if fits else None
            self._tokens.append(token)
            # A place is known only when its continuation begins, so that the present end does not find itself.
            end = len(self._tokens) - 1
            for length in range(_SHORTEST, _LONGEST + 1):
                if end >= length:
                    self._places[tuple(self._tokens[end - length : end])] = end

    def guess(self, room: int) -> list[int]:
        """The tokens that probably come next; empty when a guess does not pay or nothing is known.

        Args:
            room: how many are useful at most.
        """
        place = self._following if self._following is not None else self._look_up()
        if place is None or place >= len(self._tokens):
            return []
        length = min(self._length(), room, len(self._tokens) - place)
        return self._tokens[place : place + length]

    def verified(self, guessed: int, right: int) -> None:
        """Learn from a verification: of ``guessed`` tokens the first ``right`` were so."""
        for index in range(min(guessed, right + 1)):
            self._right = _DECAY * self._right + (1 - _DECAY) * (index < right)

    def _look_up(self) -> int | None:
        for length in range(_LONGEST, _SHORTEST - 1, -1):
            place = self._places.get(tuple(self._tokens[-length:]))
            if place is not None:
                self._following = place
                return place
        return None

    def _length(self) -> int:
        """The length that promises the most tokens for its cost; 0 when none does better than a plain step."""
        best, best_gain, expected, chance = 0, _MIN_GAIN, 1.0, 1.0
        for length in range(1, self._limit + 1):
            chance *= self._right
            expected += chance
            gain = expected / self._cost.relative(length + 1)
            if gain > best_gain:
                best, best_gain = length, gain
        if best == 0 and self._right < _PRIOR:
            self._right += 0.02  # tries again after a while: the text may have turned to something that is known
        return best
