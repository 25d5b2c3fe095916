"""Who asks what and when: a schedule of arrivals that the same seed repeats, of a mixture as one appliance has.

Arrivals are a Poisson process: the times between them are exponential. Kinds, sizes and people are drawn from the same
seed, so that two versions of the engine see the same load.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

REQUESTS: Final[tuple[str, ...]] = tuple(json.loads((Path(__file__).parent / "requests.json").read_text()))
PEOPLE: Final = 8
_SENTENCE: Final = "The {thing} in hall {number} was checked on Monday, and {count} of its parts were changed. "
_THINGS: Final = ("lathe", "press", "mill", "crane", "oven", "robot", "belt", "pump")
_TOKENS_OF_SENTENCE: Final = 20
_LINE: Final = "def {thing}_{number}(items: list[int]) -> int:\n    return sum(items) + {count}\n\n\n"
_TOKENS_OF_LINE: Final = 27


class Kind(StrEnum):
    """What is asked."""

    WISH = "wish"
    """The first lines of a plan: title, roles and records, under the planner's grammars, on its stored prefix."""
    CHAT = "chat"
    """A chat over the API: 200 to 800 tokens, every other time one turn more of a chat that was before."""
    COMPLETION = "completion"
    """An editor's: code before and after the cursor, one line."""


SHARES: Final = {Kind.WISH: 0.15, Kind.CHAT: 0.35, Kind.COMPLETION: 0.5}


@dataclass(frozen=True)
class Arrival:
    """One request.

    Attributes:
        seconds: since the start.
        person: whose it is.
        words: what they say; of a chat its turns, each followed by an answer but the last.
        most: tokens of the answer.
    """

    seconds: float
    kind: Kind
    person: str
    words: tuple[str, ...]
    most: int
    seed: int


class Draw:
    """Draws requests; remembers chats, to go on with them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._chats: list[tuple[str, tuple[str, ...]]] = []
        self._count = 0

    def at(self, seconds: float, kind: Kind | None = None) -> Arrival:
        """A request of this kind, or of any by its share."""
        draw = self._random
        self._count += 1
        kind = kind or draw.choices(list(SHARES), weights=list(SHARES.values()))[0]
        person = f"user:{draw.randrange(PEOPLE)}"
        if kind is Kind.WISH:
            words: tuple[str, ...] = (draw.choice(REQUESTS),)
        elif kind is Kind.COMPLETION:
            words = (self._code(draw.randint(40, 200)) + "def ", self._code(draw.randint(20, 60)))
        elif self._chats and draw.random() < 0.5:
            person, before = self._chats.pop(draw.randrange(len(self._chats)))
            words = (*before, self._text(draw.randint(20, 80)) + "What follows?")
        else:
            words = (self._text(draw.randint(200, 800)) + "Sum that up.",)
        if kind is Kind.CHAT and len(words) < 3:
            self._chats.append((person, words))
        most = {Kind.WISH: 0, Kind.CHAT: draw.randint(32, 96), Kind.COMPLETION: 16}[kind]
        return Arrival(seconds, kind, person, words, most, self._count)

    def _text(self, tokens: int) -> str:
        return self._repeated(_SENTENCE, tokens // _TOKENS_OF_SENTENCE)

    def _code(self, tokens: int) -> str:
        return self._repeated(_LINE, tokens // _TOKENS_OF_LINE)

    def _repeated(self, form: str, times: int) -> str:
        draw = self._random
        return "".join(
            form.format(thing=draw.choice(_THINGS), number=draw.randint(1, 99), count=draw.randint(2, 9))
            for _ in range(max(1, times))
        )


def schedule(rate: float, seconds: float, seed: int) -> tuple[Arrival, ...]:
    """The arrivals of so many seconds at ``rate`` a second on average."""
    times, draw, now = random.Random(seed + 1), Draw(seed), 0.0  # noqa: S311 - not for secrets
    arrivals = []
    while (now := now + times.expovariate(rate)) < seconds:
        arrivals.append(draw.at(now))
    return tuple(arrivals)
