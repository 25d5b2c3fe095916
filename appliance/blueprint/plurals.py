"""Plurals for headings, in the languages that an app can have: by the ends of words, and the word itself when unsure.

A heading with the singular reads a little stiff; one with a plural that does not exist looks like a mistake.
"""

from __future__ import annotations

import re
from typing import Final

_UNCOUNTED: Final = ("data", "staff", "equipment", "Data", "Staff", "Equipment")

_GERMAN: Final = (
    (re.compile(r"(ung|heit|keit|schaft|tion|sion|tät|ik|ur|ei)$"), r"\1en"),
    (re.compile(r"in$"), "innen"),
    (re.compile(r"(chen|lein|er|el|en)$"), r"\1"),
    (re.compile(r"(nis)$"), r"\1se"),
    (re.compile(r"(e)$"), r"\1n"),
    (re.compile(r"([aiouy])$"), r"\1s"),
)
"""Endings of German nouns that have one plural; others (Lieferant, Antrag) are left alone."""

_FRENCH: Final = (
    (re.compile(r"([sxz])$"), r"\1"),
    (re.compile(r"(eau|eu)$"), r"\1x"),
    (re.compile(r"al$"), "aux"),
    (re.compile(r"$"), "s"),
)

_SPANISH: Final = (
    (re.compile(r"(s|x)$"), r"\1"),
    (re.compile(r"ión$"), "iones"),
    (re.compile(r"z$"), "ces"),
    (re.compile(r"([aeiouáéó])$"), r"\1s"),
    (re.compile(r"$"), "es"),
)

_RULES: Final = {"de": _GERMAN, "fr": _FRENCH, "es": _SPANISH}
_JOINT: Final = re.compile(r" (?:de|du|des|del|für|von|pour|para|por|à|auf|mit|en)\b| d['’]")
"""Where what a noun is about begins; the noun before it takes the plural: ``demande de congé``."""


def plural_in(noun: str, language: str) -> str:
    """The plural of a noun phrase."""
    return _english(noun) if language == "en" else _by_rules(noun, language)


def _english(noun: str) -> str:
    if not noun.isascii() or noun.endswith(("ss", *_UNCOUNTED)):
        return noun + "es" if noun.endswith("ss") else noun
    if re.search(r"[^aeiou]y$", noun):
        return noun[:-1] + "ies"
    if noun.endswith(("s", "ing")):
        return noun if noun.endswith("s") else noun + "s"
    if noun.endswith(("x", "z", "ch", "sh")):
        return noun + "es"
    return noun + "s"


def _by_rules(noun: str, language: str) -> str:
    joint = _JOINT.search(noun)
    head, tail = (noun[: joint.start()], noun[joint.start() :]) if joint else (noun, "")
    if language != "de" and " " in head:
        return noun  # an adjective would have to follow
    for ending, instead in _RULES.get(language, ()):
        if ending.search(head):
            return ending.sub(instead, head, count=1) + tail
    return noun
