"""Rows of a table as values of its columns; what does not fit is said by row, and the row is kept apart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.importer.grid import text_of
from appliance.importer.kinds import MAX_TEXT, Reading, Unfit, is_empty, value_of
from appliance.importer.limits import SHOWN_MISFITS
from appliance.importer.proposal import ColumnProposal, ColumnType, ImportRow, Misfit, TableProposal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.importer.grid import Native, SourceRow
    from appliance.importer.relations import Relation


def fill_rows(
    table: TableProposal,
    rows: Sequence[SourceRow],
    readings: Mapping[int, Reading],
    relations: Mapping[int, Relation],
) -> TableProposal:
    """The table with its rows and, per column, what does not fit."""
    table = _relaxed(table, rows)
    read = {
        column.index: Reading(ColumnType.REF, keys=relations[column.index].keys)
        if column.index in relations and column.type is ColumnType.REF
        else readings[column.index]
        for column in table.kept
    }
    misfits: dict[int, list[Misfit]] = {column.index: [] for column in table.kept}
    filled = [_row(row, table, read, misfits) for row in rows]
    columns = tuple(
        replace(
            column,
            misfits=tuple(misfits[column.index][:SHOWN_MISFITS]),
            misfit_count=len(misfits[column.index]),
        )
        if column.keep
        else column
        for column in table.columns
    )
    return replace(table, columns=columns, rows=tuple(filled))


def _relaxed(table: TableProposal, rows: Sequence[SourceRow]) -> TableProposal:
    """Nothing is required that a row lacks: an import never refuses a row for what the table itself leaves open."""
    columns = []
    for column in table.columns:
        lacking = column.required and any(is_empty(_cell(row, column.index), column.type) for row in rows)
        columns.append(replace(column, required=False) if lacking else column)
    return replace(table, columns=tuple(columns))


def _row(
    row: SourceRow, table: TableProposal, read: Mapping[int, Reading], misfits: dict[int, list[Misfit]]
) -> ImportRow:
    values: dict[str, str] = {}
    problems: list[str] = []
    for column in table.kept:
        cell = _cell(row, column.index)
        try:
            value = value_of(cell, read[column.index])
        except Unfit as error:
            shown = text_of(cell).strip()[:80]
            misfits[column.index].append(Misfit(row.number, shown, str(error)))
            problems.append(f"{_called(column)}: “{shown}” {error}")
            continue
        if value:
            values[column.field] = value
    cells = tuple(text_of(cell) for cell in row.cells)
    return ImportRow(row.number, cells, {} if problems else values, tuple(problems))


def _called(column: ColumnProposal) -> str:
    return (column.header or column.field)[:MAX_TEXT]


def _cell(row: SourceRow, index: int) -> Native:
    return row.cells[index] if index < len(row.cells) else ""
