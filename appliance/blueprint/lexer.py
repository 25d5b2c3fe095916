"""One line of a blueprint as tokens with columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from appliance.blueprint.errors import BlueprintError

MAX_LINE: Final = 2000


class Kind(Enum):
    """Kinds of tokens."""

    WORD = auto()
    STRING = auto()
    NUMBER = auto()
    DATE = auto()
    SYMBOL = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A token; ``text`` of a string is its content, ``column`` counts characters from 1."""

    kind: Kind
    text: str
    column: int
    end: int


_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<STRING>"(?:[^"\\]|\\["\\])*")
      | (?P<DATE>\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2})?)(?![\w-])
      | (?P<NUMBER>-?\d+(?:\.\d+)?)(?![\w.])
      | (?P<SYMBOL><=|>=|!=|[<>=:;,()*-])
      | (?P<WORD>\w(?:[\w'’&/+.-]*[\w+])?|[&/+])
    )""",
    re.VERBOSE,
)


def tokens(line: str, number: int) -> list[Token]:
    """The tokens of one line.

    Raises:
        BlueprintError: a character that starts nothing, an unfinished string, or a line that is too long.
    """
    if len(line) > MAX_LINE:
        message = f"this line has {len(line)} characters"
        raise BlueprintError(message, line=number, column=MAX_LINE, hint=f"Keep lines below {MAX_LINE} characters.")
    found: list[Token] = []
    position, end = 0, len(line.rstrip())
    while position < end:
        match = _TOKEN.match(line, position)
        if match is None or match.lastgroup is None:
            column = position + 1 + (len(line[position:]) - len(line[position:].lstrip()))
            rest = line[column - 1]
            hint = 'Close the text with a second ".' if rest == '"' else "Put texts with special characters in quotes."
            message = f"{rest!r} does not belong here"
            raise BlueprintError(message, line=number, column=column, hint=hint)
        kind = Kind[match.lastgroup]
        text = match.group(match.lastgroup)
        if kind is Kind.STRING:
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
        found.append(Token(kind, text, match.start(match.lastgroup) + 1, match.end()))
        position = match.end()
    return found
