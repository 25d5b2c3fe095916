"""Patterns of texts: whether the app can check one, and a text that it matches.

Checking is Pydantic’s, whose expressions take time linear in the text whatever they are; so it is here, too. A text is
made by walking what Python’s own parser makes of the pattern, with as few repeats as are allowed, and is then checked.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import SchemaError

_parser: Final[Any] = getattr(re, "_parser")  # noqa: B009 - what ``re`` itself parses with; nothing public does
MAX_PATTERN: Final = 300
MAX_STEPS: Final = 4_000
_LETTERS: Final = string.ascii_lowercase + string.ascii_uppercase + string.digits + string.punctuation + " "
_CATEGORIES: Final = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": string.ascii_letters + string.digits + "_",
    "CATEGORY_NOT_DIGIT": string.ascii_letters + " -",
    "CATEGORY_NOT_SPACE": string.ascii_letters + string.digits,
    "CATEGORY_NOT_WORD": " -.",
}


class _NoText(Exception):  # noqa: N818 - never leaves this module
    """No text is made for this pattern."""


@lru_cache(maxsize=512)
def _checker(pattern: str) -> TypeAdapter[str] | None:
    try:
        return TypeAdapter(Annotated[str, Field(pattern=pattern)])
    except SchemaError:  # look-around and back references, which cannot be checked in linear time
        return None


def matches(pattern: str, text: str) -> bool | None:
    """Whether a text matches somewhere; None: the pattern cannot be checked."""
    checker = _checker(pattern) if len(pattern) <= MAX_PATTERN else None
    if checker is None:
        return None
    try:
        checker.validate_python(text)
    except ValidationError:
        return False
    return True


def example(pattern: str, count: int, shortest: int = 0, longest: int | None = None) -> str | None:
    """A text that matches, different for different counts where the pattern leaves a choice; None if none is found."""
    for more in (0, 1, shortest, shortest + 1):
        try:
            text = _Walk(count, more).text(_parser.parse(pattern))
        except (_NoText, re.error, RecursionError, OverflowError):
            return None
        fits = shortest <= len(text) and (longest is None or len(text) <= longest)
        if fits and matches(pattern, text):
            return text
    return None


@dataclass
class _Walk:
    """One walk. ``rest`` is used up by choices, ``more`` repeats by what may repeat."""

    rest: int
    more: int
    steps: int = 0

    def text(self, parsed: Any) -> str:
        # From the end: what varies is then the last part, like the digits of a number.
        return "".join(reversed([self._one(str(kind), value) for kind, value in reversed(list(parsed))]))

    def _one(self, kind: str, value: Any) -> Any:  # noqa: PLR0911 - one return per kind of part
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise _NoText
        match kind:
            case "LITERAL":
                return chr(value)
            case "NOT_LITERAL":
                return self._choose(_LETTERS.replace(chr(value), ""))
            case "ANY":
                return self._choose(string.ascii_lowercase)
            case "IN":
                return self._choose(_members(value))
            case "CATEGORY":
                return self._choose(_CATEGORIES[str(value)])
            case "AT":
                return ""
            case "SUBPATTERN":
                return self.text(value[-1])
            case "BRANCH":
                return self.text(self._choose(value[1]))
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeated(*value)
            case _:
                raise _NoText

    def _repeated(self, fewest: int, most: Any, parsed: Any) -> str:
        bound = most if isinstance(most, int) else fewest + self.more
        times = min(int(bound), fewest + self.more)
        return "".join(reversed([self.text(parsed) for _ in range(min(times, MAX_STEPS))]))

    def _choose(self, options: Any) -> Any:
        if not options:
            raise _NoText
        self.rest, chosen = divmod(self.rest, len(options))
        return options[chosen]


def _members(parts: Any) -> str:
    """The letters of a class such as ``[a-z_]``."""
    negated = bool(parts) and str(parts[0][0]) == "NEGATE"
    found = ""
    for kind, value in parts[1:] if negated else parts:
        match str(kind):
            case "LITERAL":
                found += chr(value)
            case "RANGE":
                found += "".join(map(chr, range(value[0], min(value[1], value[0] + 200) + 1)))
            case "CATEGORY":
                found += _CATEGORIES[str(value)]
    return "".join(letter for letter in _LETTERS if letter not in found) if negated else found
