"""Which names the language allows; shared by parser, printer and the planner's grammars."""

from __future__ import annotations

import re
from typing import Final

NOUN_KEYWORDS: Final = frozenset({"where", "by", "create", "read", "edit", "delete", "all", "own"})
"""Words that end the name of an entity or role; written in lower case they cannot be part of one."""

FIELD_KEYWORDS: Final = frozenset({"where", "by", "and", "not", "me", "today", "true", "false", "now", "empty"})
"""Words with a meaning in a condition; a field cannot be called so."""

COLOURS: Final = ("blue", "teal", "green", "amber", "orange", "red", "pink", "purple", "grey")
"""Accents that an app can have."""

LANGUAGES: Final = ("en", "de", "fr", "es")
"""Languages of an app's own words."""

TITLE: Final = re.compile(r"[^\s\"\\\x00-\x1f\x7f](?:[^\"\\\x00-\x1f\x7f]*[^\s\"\\\x00-\x1f\x7f])?")
"""App names and page titles: any printable text without quotes and backslashes, not padded with spaces."""

_WORD: Final = r"(?:\w(?:[\w'’&/+.-]*[\w+])?|[&/+])"

NOUN: Final = re.compile(rf"[^\W\d_](?:[\w'’&/+.-]*[\w+])?(?: {_WORD})*")
"""Names of entities and roles: words, the first of which starts with a letter."""

FIELD: Final = re.compile(r"[^\W\d_][^\W_]*(?:_[^\W_]+)*")
"""Names of fields: lower-case words joined by underscores."""

OPTION: Final = re.compile(rf"\w(?:[\w'’&/+.-]*[\w+])?(?: {_WORD})*")
"""A choice's option: words, no comma or bracket."""


def is_title(text: str) -> bool:
    """Whether ``text`` can stand in quotes as a title."""
    return TITLE.fullmatch(text) is not None


def is_noun(text: str) -> bool:
    """Whether ``text`` can name an entity or a role."""
    return NOUN.fullmatch(text) is not None and NOUN_KEYWORDS.isdisjoint(text.split(" "))


def is_field(text: str) -> bool:
    """Whether ``text`` can name a field."""
    return FIELD.fullmatch(text) is not None and text == text.lower() and text not in FIELD_KEYWORDS


def is_option(text: str) -> bool:
    """Whether ``text`` can be an option of a choice."""
    return OPTION.fullmatch(text) is not None
