"""What the language says when a text is not a blueprint."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    from collections.abc import Iterable


class BlueprintError(IntramuralError):
    """A text that is not a blueprint: where (1-based ``line`` and ``column``), what, and what to write instead."""

    code = "blueprint"

    def __init__(self, message: str, *, line: int, column: int, hint: str = "") -> None:
        super().__init__(f"Line {line}, column {column}: {message}", action=hint)
        self.line = line
        self.column = column
        self.hint = hint


def closest(word: str, known: Iterable[str]) -> str:
    """A hint that names the most similar known word, or lists what is known."""
    names = list(known)
    similar = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    if similar:
        match = next(name for name in names if name.lower() == similar[0])
        return f"Did you mean {match}?"
    return f"Known here: {', '.join(names)}." if names else "Nothing is known here yet."
