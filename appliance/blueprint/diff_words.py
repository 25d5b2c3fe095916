"""A comparison in plain words, grouped by screens, data and access; in the languages of the studio."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from appliance.blueprint.changes import Area, Risk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.blueprint.changes import Change, Changes

LANGUAGES: Final = ("en", "de", "fr", "es")


@dataclass(frozen=True, slots=True)
class Said:
    """One change in words."""

    text: str
    risk: Risk
    subject: str


@dataclass(frozen=True, slots=True)
class InWords:
    """All changes in words."""

    screens: tuple[Said, ...]
    data: tuple[Said, ...]
    access: tuple[Said, ...]


def in_words(changes: Changes, language: str = "en", counts: Mapping[str, int] | None = None) -> InWords:
    """The sentences for a person.

    ``counts``: how many rows a change concerns, by its subject (``Loan.due``); they are added where they are known.
    """
    texts = _catalogue(language)
    known = counts or {}

    def area(which: Area) -> tuple[Said, ...]:
        return tuple(
            Said(_sentence(texts, item, known.get(item.subject)), item.risk, item.subject) for item in changes.of(which)
        )

    return InWords(area(Area.SCREENS), area(Area.DATA), area(Area.ACCESS))


def sentence(item: Change, language: str = "en") -> str:
    """One change in words."""
    return _sentence(_catalogue(language), item, None)


def _sentence(texts: Mapping[str, str], item: Change, count: int | None) -> str:
    values = {name: _value(texts, item.kind, name, value) for name, value in item.values}
    text = _fill(texts[item.kind], values)
    if count is not None and (more := texts.get(f"{item.kind}.count")):
        text += " " + _fill(more, {**values, "count": str(count)})
    if item.risk is Risk.LOSES:
        text += " " + texts["aside"]
    return text


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def _value(texts: Mapping[str, str], kind: str, name: str, value: str) -> str:
    """A value as it stands in a sentence: types, verbs and parts are translated, names are as they are."""
    if name == "type" or (kind == "field.type" and name in ("before", "after")):
        word, _, rest = value.partition(" ")
        return _fill(texts.get(f"type.{word}", word), {"of": rest})
    if name in ("verb", "part"):
        return texts.get(f"{name}.{value}", value)
    if name in ("default", "label", "order", "who", "granted", "option", "fields") or not value:
        return value or texts["nothing"]
    return value


@cache
def _catalogue(language: str) -> Mapping[str, str]:
    """Lines of ``key = text`` from the file of that language; English where a language is not known."""
    name = language if language in LANGUAGES else "en"
    text = files("appliance.blueprint").joinpath("diff_texts", f"{name}.txt").read_text(encoding="utf-8")
    pairs = (line.split(" = ", 1) for line in text.splitlines() if " = " in line and not line.startswith("#"))
    return {key.strip(): value.strip() for key, value in pairs}
