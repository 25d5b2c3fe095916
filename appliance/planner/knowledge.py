"""What records usually hold: the shipped catalogue of kinds of records, as data.

The files in ``catalogue/`` are written by people. A record takes two lines: its name and the other names by which
people call it, then its usual fields, the most useful first; a name without a type is a text. ``@Name`` is a usual
reference, ``@@Name/Other`` one that makes no sense to leave out, and ``+Name`` a record whose rows belong to rows
of this one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from appliance.blueprint.cursor import Cursor
from appliance.blueprint.fields import read_field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from appliance.blueprint.model import Field

_SPLIT: Final = re.compile(r",\s*(?![^(]*\))")


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A kind of record: its usual fields and the kinds that it usually refers to, the most useful first.

    ``needs`` are those of ``refers_to`` without which it makes little sense: of each group one, the first if none is
    there. ``holds`` are the kinds that belong to it.
    """

    name: str
    fields: tuple[Field, ...]
    refers_to: tuple[str, ...]
    needs: tuple[tuple[str, ...], ...]
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Kinds of records by their words."""

    by_words: Mapping[tuple[str, ...], KnownRecord]

    def find(self, name: str) -> KnownRecord | None:
        """The kind that is meant by ``name``: by its whole name, or else by its last words (a sales invoice is an
        invoice), so that what stands in front only narrows it."""
        words = words_of(name)
        return next((known for start in range(len(words)) if (known := self.by_words.get(words[start:]))), None)


@cache
def singular(word: str) -> str:
    """An English noun in the singular, roughly: ``companies`` → ``company``."""
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "news")) else word


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case and singular."""
    return tuple(singular(word.lower()) for word in re.findall(r"[^\W_]+", name))


@cache
def load_catalogue() -> Catalogue:
    """The shipped catalogue.

    Raises:
        BlueprintError: a field in the data that the language does not have (found by the tests, not in the field).
    """
    found: dict[tuple[str, ...], KnownRecord] = {}
    for lines in _files():
        for head, body in zip(lines[::2], lines[1::2], strict=True):
            names = [name.strip() for name in re.split(r"[|,]", head)]
            record = _record(names[0], _SPLIT.split(body.strip()))
            for name in names:
                found.setdefault(words_of(name), record)
    return Catalogue(found)


def _files() -> Iterator[list[str]]:
    folder = resources.files("appliance.planner") / "catalogue"
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".txt"):
            text = entry.read_text(encoding="utf-8")
            yield [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _record(name: str, items: Iterable[str]) -> KnownRecord:
    fields: list[Field] = []
    linked: dict[str, list[str]] = {"@": [], "@@": [], "+": []}
    for item in items:
        mark = re.match(r"@@|@|\+", item)
        if mark is not None:
            linked[mark[0]].append(item[mark.end() :])
        else:
            fields.append(read_field(Cursor(item if " " in item else f"{item} text", 1), ()))
    needs = tuple(tuple(kinds.split("/")) for kinds in linked["@@"])
    refers_to = (*(kind for group in needs for kind in group), *linked["@"])
    return KnownRecord(name, tuple(fields), refers_to, needs, tuple(linked["+"]))
