"""Schema recall of a blueprint against a template: the rule that comes with the evaluation cases.

0.4 x tables + 0.4 x fields + 0.2 x links, each a recall; without links in the template 0.5 and 0.5. Names are split,
lower-cased, made singular and mapped to the first word of their synonym group; two names match at a Jaccard of 0.5.

The rule reads tables, columns and foreign keys from the app's database. Besides a table per entity that has the app's
people (``kit/records.py``), to which every person column refers; it is counted as surplus where no template table fits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from appliance.blueprint.model import Blueprint, Ref, Scalar

_LINKS = ("link", "link_row")
_PEOPLE = "people"
_PEOPLE_COLUMNS = ("name", "email", "phone", "job_title", "department")


@dataclass(frozen=True)
class Synonyms:
    """The frozen list: word to the first word of its group, ignored words, automatic columns."""

    first: dict[str, str]
    ignored: frozenset[str]
    automatic: tuple[str, ...]

    @classmethod
    def read(cls, data: dict[str, Any]) -> Synonyms:
        """From the list's JSON."""
        groups = data["groups"]
        first = {word: group[0] for group in groups for word in group}
        return cls(first, frozenset(data["ignored_words"]), tuple(data["auto_columns"]))

    def words(self, name: str) -> frozenset[str]:
        """The words of a name as they are compared."""
        split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
        found = [word.lower() for word in re.findall(r"[^\W_]+", split)]
        single = [self.first.get(word, self.first.get(_singular(word), _singular(word))) for word in found]
        return frozenset(word for word in single if word not in self.ignored)


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def similarity(left: frozenset[str], right: frozenset[str]) -> float:
    """Jaccard index."""
    return len(left & right) / len(left | right) if left and right else 0.0


@dataclass(frozen=True)
class Recall:
    """The parts of a score; ``surplus`` counts tables of the app that no template table was paired with."""

    tables: float
    fields: float
    links: float | None
    surplus: int

    @property
    def score(self) -> float:
        """The whole."""
        if self.links is None:
            return 0.5 * self.tables + 0.5 * self.fields
        return 0.4 * self.tables + 0.4 * self.fields + 0.2 * self.links


def recall(blueprint: Blueprint, case: dict[str, Any], synonyms: Synonyms) -> Recall:
    """Score one app against one case."""
    wanted = [
        (synonyms.words(table["name"]), _scored_fields(table, synonyms), table["name"], table)
        for table in case["tables"]
    ]
    got = [
        (
            synonyms.words(entity.name),
            [synonyms.words(field.name) for field in entity.fields if not isinstance(field.type, Ref)],
            entity.name,
        )
        for entity in blueprint.entities
    ]
    got.append((synonyms.words(_PEOPLE), [synonyms.words(name) for name in _PEOPLE_COLUMNS], _PEOPLE))
    pairs = _pair_tables(wanted, got)
    found = sum(_paired(wanted[left][1], got[right][1]) for left, right in pairs.items())
    total = sum(len(fields) for _, fields, _, _ in wanted)
    links = _wanted_links(case)
    hit = _found_links(links, {wanted[left][2]: got[right][2] for left, right in pairs.items()}, blueprint)
    return Recall(
        tables=len(pairs) / len(wanted) if wanted else 1.0,
        fields=found / total if total else 1.0,
        links=hit / len(links) if links else None,
        surplus=len(got) - len(pairs),
    )


def _scored_fields(table: dict[str, Any], synonyms: Synonyms) -> list[frozenset[str]]:
    automatic = {synonyms.words(name) for name in synonyms.automatic}
    found = [
        synonyms.words(field["name"])
        for field in table["fields"]
        if not field.get("derived") and field["type"] not in _LINKS and not field.get("links_to")
    ]
    return [words for words in found if words and words not in automatic]


def _pair_tables(wanted: list[Any], got: list[Any]) -> dict[int, int]:
    """One to one, the best pairs first: by name, or because half of the template's fields match."""
    scores = []
    for left, (name, fields, _, _) in enumerate(wanted):
        for right, (other, columns, _) in enumerate(got):
            by_name = similarity(name, other)
            by_fields = _paired(fields, columns) / len(fields) if fields else 0.0
            if by_name >= 0.5 or by_fields >= 0.5:
                scores.append((by_name + by_fields, left, right))
    pairs: dict[int, int] = {}
    for _, left, right in sorted(scores, reverse=True):
        if left not in pairs and right not in pairs.values():
            pairs[left] = right
    return pairs


def _paired(wanted: list[frozenset[str]], got: list[frozenset[str]]) -> int:
    scores = sorted(
        ((similarity(left, right), i, j) for i, left in enumerate(wanted) for j, right in enumerate(got)), reverse=True
    )
    lefts: set[int] = set()
    rights: set[int] = set()
    for score, left, right in scores:
        if score >= 0.5 and left not in lefts and right not in rights:
            lefts.add(left)
            rights.add(right)
    return len(lefts)


def _wanted_links(case: dict[str, Any]) -> set[frozenset[str]]:
    names = {table["name"] for table in case["tables"]}
    return {
        frozenset((table["name"], field["links_to"]))
        for table in case["tables"]
        for field in table["fields"]
        if field.get("links_to") in names and not field.get("derived") and field["links_to"] != table["name"]
    }


def _found_links(links: set[frozenset[str]], paired: dict[str, str], blueprint: Blueprint) -> int:
    refers = {
        entity.name: {field.type.entity for field in entity.fields if isinstance(field.type, Ref)}
        | {_PEOPLE for field in entity.fields if field.type is Scalar.PERSON}
        for entity in blueprint.entities
    }
    refers[_PEOPLE] = set()
    hit = 0
    for link in links:
        ends = [paired.get(name) for name in link]
        if None in ends:
            continue
        left, right = str(ends[0]), str(ends[-1])
        direct = right in refers[left] or left in refers[right]
        hit += direct or any({left, right} <= targets for targets in refers.values())
    return hit
