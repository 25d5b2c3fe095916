"""Which column of one table names rows of another: by matching values, never by the heading alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint import naming
from appliance.importer.grid import text_of
from appliance.importer.kinds import fold
from appliance.importer.names import singular
from appliance.importer.proposal import ColumnType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.importer.columns import Column

_MIN_COVER: Final = 0.9
_KEY_TYPES: Final = frozenset(
    {ColumnType.TEXT, ColumnType.NUMBER, ColumnType.EMAIL, ColumnType.CHOICE, ColumnType.PHONE}
)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A table with what relations are found by: its name, its columns with their types, and its rows' numbers."""

    index: int
    name: str
    columns: tuple[Column, ...]
    types: tuple[ColumnType, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """Column ``column`` of table ``table`` names rows of ``target`` by that table's column ``key``."""

    table: int
    column: int
    target: int
    key: int
    keys: Mapping[str, int]
    cover: float
    certain: bool
    """Whether it is proposed unasked; otherwise it is only offered."""


def key_values(table: Keyed, position: int) -> Mapping[str, int] | None:
    """Folded value to row number, if the column identifies rows: filled everywhere, and never twice the same."""
    found: dict[str, int] = {}
    for cell, number in zip(table.columns[position].cells, table.numbers, strict=True):
        value = fold(text_of(cell))
        if not value or value in found:
            return None
        found[value] = number
    return found or None


def find_relations(tables: Sequence[Keyed]) -> dict[tuple[int, int], Relation]:
    """The best relation of each column, by table and column index; together they never go round in a circle."""
    keys = [
        (table, position, values)
        for table in tables
        for position, kind in enumerate(table.types)
        if kind in _KEY_TYPES and (values := key_values(table, position)) is not None
    ]
    candidates = [
        relation
        for table in tables
        for position in range(len(table.columns))
        for target, key, values in keys
        if target.index != table.index and (relation := _relation(table, position, target, key, values)) is not None
    ]
    candidates.sort(key=lambda item: (not item.certain, -item.cover, item.table, item.column, item.key))
    chosen: dict[tuple[int, int], Relation] = {}
    for relation in candidates:
        place = (relation.table, relation.column)
        if place not in chosen and not _reaches(chosen.values(), relation.target, relation.table):
            chosen[place] = relation
    return chosen


def _relation(table: Keyed, position: int, target: Keyed, key: int, values: Mapping[str, int]) -> Relation | None:
    column = table.columns[position]
    if table.types[position] not in _KEY_TYPES:
        return None
    wanted = [fold(text_of(cell)) for cell in column.filled()]
    distinct = set(wanted)
    if not distinct:
        return None
    cover = sum(value in values for value in distinct) / len(distinct)
    if cover < _MIN_COVER and not (cover >= 0.5 and len(distinct) >= 4):
        return None
    named = _named_alike(column.heading, target, target.columns[key].heading)
    figures = table.types[position] is ColumnType.NUMBER
    # Small numbers match by chance, and so may a column that is a key itself; then the heading has to speak for it too.
    own_key = len(distinct) == len(column.cells)
    certain = named if cover < _MIN_COVER else named or (not figures and not own_key and len(distinct) >= 2)
    return Relation(table.index, column.index, target.index, target.columns[key].index, values, cover, certain)


def _named_alike(heading: str, target: Keyed, key_heading: str) -> bool:
    mine = set(naming.words(heading))
    about = set(naming.words(target.name)) | {singular(word) for word in naming.words(target.name)}
    return bool(mine & about) or (bool(mine) and mine == set(naming.words(key_heading)) and len("".join(mine)) > 2)


def _reaches(relations: object, start: int, goal: int) -> bool:
    """Whether following references from ``start`` leads to ``goal``."""
    edges: dict[int, set[int]] = {}
    for relation in relations:  # type: ignore[attr-defined]
        edges.setdefault(relation.table, set()).add(relation.target)
    seen, waiting = set[int](), [start]
    while waiting:
        at = waiting.pop()
        if at == goal:
            return True
        if at not in seen:
            seen.add(at)
            waiting.extend(edges.get(at, ()))
    return False
