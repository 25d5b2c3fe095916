"""From what somebody handed in to a proposal: the one entry of this package. Pure: the same input, the same answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import MAX_FIELDS
from appliance.importer import names
from appliance.importer.columns import Column, Judged, judge, names_things
from appliance.importer.delimited import read_delimited
from appliance.importer.errors import NotATable, TooLarge
from appliance.importer.fill import fill_rows
from appliance.importer.grid import text_of
from appliance.importer.headers import Headed, find_headings
from appliance.importer.limits import LIMITS, ImportLimits
from appliance.importer.proposal import (
    NOTHING_DECIDED,
    ColumnProposal,
    ColumnType,
    Decisions,
    ImportProposal,
    TableProposal,
)
from appliance.importer.relations import Keyed, Relation, find_relations, key_values
from appliance.importer.workbook import is_workbook, read_workbook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.importer.grid import Grid, Source

_SAMPLES: Final = 3


def propose(
    sources: Sequence[Source], decisions: Decisions = NOTHING_DECIDED, limits: ImportLimits = LIMITS
) -> ImportProposal:
    """What these tables would become, as far as ``decisions`` do not say otherwise.

    Raises:
        NotATable: one of them cannot be read, or there is no table in it.
        TooLarge: more bytes, tables, rows, columns or characters than the limits allow.
    """
    grids = _read_all(sources, limits)
    headed = [find_headings(grid, decisions.table(index).headings) for index, grid in enumerate(grids)]
    language = names.language_of(heading for table in headed for heading in table.headings)
    columns = [_columns(table) for table in headed]
    judged = [
        [judge(column, decisions.column(index, column.index)) for column in table]
        for index, table in enumerate(columns)
    ]
    stem = PurePath(sources[0].name).stem
    taken = set[str]()
    entities = [
        names.entity_name(decisions.table(index).name or grid.name, stem, language, taken)
        for index, grid in enumerate(grids)
    ]
    keyed = [
        Keyed(
            index, entities[index] if names.is_default_sheet(grid.name) else grid.name, tuple(columns[index]),
            tuple(item.reading.type for item in judged[index]), tuple(row.number for row in headed[index].rows),
        )
        for index, grid in enumerate(grids)
        if decisions.table(index).keep is not False
    ]  # fmt: skip
    whole = _Whole(decisions, language, {table.index: table for table in keyed}, find_relations(keyed))
    tables = [
        _table(_Shape(index, grid.name, entities[index], headed[index], columns[index], judged[index]), whole)
        for index, grid in enumerate(grids)
    ]
    return ImportProposal(names.app_name(decisions.name or stem, language), language, tuple(tables))


@dataclass(frozen=True)
class _Whole:
    """What is known of all tables together."""

    decisions: Decisions
    language: str
    keyed: Mapping[int, Keyed]
    offered: Mapping[tuple[int, int], Relation]

    @cached_property
    def relations(self) -> dict[tuple[int, int], Relation]:
        """Relations that are certain and not overruled, and those that the maker asked for."""
        kept = {}
        for place, relation in self.offered.items():
            said = self.decisions.column(*place).type
            if said is ColumnType.REF or (said is None and relation.certain):
                kept[place] = relation
        return kept

    @cached_property
    def referred(self) -> set[tuple[int, int]]:
        """The columns that identify rows for others."""
        return {(item.target, item.key) for item in self.relations.values()}


@dataclass(frozen=True)
class _Shape:
    """One table between reading and proposing."""

    index: int
    source: str
    entity: str
    headed: Headed
    columns: list[Column]
    judged: list[Judged]


def _read_all(sources: Sequence[Source], limits: ImportLimits) -> list[Grid]:
    if not sources or len(sources) > limits.files:
        message = f"Hand in one to {limits.files} tables at once."
        raise TooLarge(message, action="Choose the files, or paste a table.")
    if sum(len(source.content) for source in sources) > limits.file_bytes:
        message = f"This is more than {limits.file_bytes >> 20} MiB."
        raise TooLarge(message, action="Leave out what the app does not need, or split it.")
    grids: list[Grid] = []
    for source in sources:
        stem = PurePath(source.name).stem or "Table"
        if is_workbook(source.content):
            sheets = read_workbook(source.name, source.content, limits)
            grids += [
                replace(sheet, name=stem) if len(sheets) == 1 and names.is_default_sheet(sheet.name) else sheet
                for sheet in sheets
            ]
        else:
            grids.append(read_delimited(stem, source.content, limits))
    grids = [grid for grid in grids if grid.rows]
    if not grids:
        message = "There is no table in this."
        raise NotATable(message, action="Hand in a table with a line of headings and at least one row.")
    if len(grids) > limits.tables:
        message = f"These are {len(grids)} tables; an app holds up to {limits.tables}."
        raise TooLarge(message, action="Hand in fewer sheets or files.")
    return grids


def _columns(headed: Headed) -> list[Column]:
    found = []
    for index, heading in enumerate(headed.headings):
        cells = tuple(row.cells[index] if index < len(row.cells) else "" for row in headed.rows)
        found.append(Column(index, heading, cells))
    return found


def _table(shape: _Shape, whole: _Whole) -> TableProposal:
    index, taken, notes = shape.index, set[str](), list(shape.headed.notes)
    proposals: list[ColumnProposal] = []
    kept = 0
    for column, judged in zip(shape.columns, shape.judged, strict=True):
        place = (index, column.index)
        said = whole.decisions.column(*place)
        filled = len(column.filled())
        keep = said.keep if said.keep is not None else bool(filled) and kept < MAX_FIELDS
        kept += keep
        name = names.field_name(said.name or column.heading, column.index, whole.language, taken if keep else set())
        unique = _is_key(place, column, whole)
        proposal = ColumnProposal(
            index=column.index, header=column.heading, field=name, type=judged.reading.type, why=judged.why,
            filled=filled, keep=keep, unique=unique and judged.reading.type in _UNIQUE, required=unique,
            options=judged.reading.options, samples=_samples(column), choices=judged.choices,
            question=judged.question, answer=judged.answer,
        )  # fmt: skip
        proposals.append(_related(proposal, place, whole))
    if sum(bool(column.filled()) for column in shape.columns) > MAX_FIELDS:
        notes.append(f"An app keeps up to {MAX_FIELDS} columns of a table; the others are left out. Choose which.")
    table = TableProposal(
        index=index, source=shape.source, entity=shape.entity, columns=tuple(proposals), rows=(),
        keep=whole.decisions.table(index).keep is not False, header_row=shape.headed.number, notes=tuple(notes),
    )  # fmt: skip
    readings = {column.index: judged.reading for column, judged in zip(shape.columns, shape.judged, strict=True)}
    own = {place[1]: relation for place, relation in whole.relations.items() if place[0] == index}
    return fill_rows(_with_label(table), shape.headed.rows, readings, own)


def _is_key(place: tuple[int, int], column: Column, whole: _Whole) -> bool:
    """Whether the column identifies rows, and is meant to: its heading says so, or another table refers to it."""
    table = whole.keyed.get(place[0])
    if table is None or len(table.numbers) < 2 or not (place in whole.referred or names_things(column.heading)):
        return False
    return key_values(table, column.index) is not None


_UNIQUE: Final = frozenset({ColumnType.TEXT, ColumnType.NUMBER, ColumnType.EMAIL, ColumnType.PHONE, ColumnType.URL})


def _related(proposal: ColumnProposal, place: tuple[int, int], whole: _Whole) -> ColumnProposal:
    if place in whole.offered:
        proposal = replace(proposal, choices=(*proposal.choices, ColumnType.REF))
    relation = whole.relations.get(place)
    if relation is None:
        return proposal
    target = whole.keyed[relation.target]
    heading = next(column.heading for column in target.columns if column.index == relation.key)
    share = "Every value" if relation.cover == 1.0 else f"{relation.cover:.0%} of the values"
    why = f"{share} is found in “{heading or 'the first column'}” of {target.name}."
    return replace(
        proposal, type=ColumnType.REF, target=relation.target, why=why, unique=False, required=False, options=(),
        question=None, answer="",
    )  # fmt: skip


def _with_label(table: TableProposal) -> TableProposal:
    """Make the first text that is filled everywhere required: it names the rows."""
    rows = None
    for position, column in enumerate(table.columns):
        if column.keep and column.type in (ColumnType.TEXT, ColumnType.EMAIL):
            rows = position
            break
    if rows is None:
        return table
    columns = list(table.columns)
    columns[rows] = replace(columns[rows], required=True)
    return replace(table, columns=tuple(columns))


def _samples(column: Column) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for cell in column.filled():
        found.setdefault(text_of(cell).strip()[:60])
        if len(found) == _SAMPLES:
            break
    return tuple(found)
