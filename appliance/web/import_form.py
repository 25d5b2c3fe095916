"""What the proposal's form says, as decisions: only what differs from what was shown, so the rest stays proposed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.importer.dates import DayOrder
from appliance.importer.numbers import DecimalMark
from appliance.importer.proposal import ColumnType, Decisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.importer.proposal import (
        ColumnDecision,
        ColumnProposal,
        ImportProposal,
        TableDecision,
        TableProposal,
    )

MAX_WORDS: Final = 200

TYPE_NAMES: Final[Mapping[ColumnType, str]] = {
    ColumnType.TEXT: "Text", ColumnType.LONGTEXT: "Long text", ColumnType.NUMBER: "Number", ColumnType.MONEY: "Money",
    ColumnType.BOOLEAN: "Yes or no", ColumnType.DATE: "Date", ColumnType.DATETIME: "Date and time",
    ColumnType.TIME: "Time of day", ColumnType.EMAIL: "E-mail address", ColumnType.PHONE: "Phone number",
    ColumnType.URL: "Web address", ColumnType.PERSON: "Person", ColumnType.CHOICE: "Choice",
    ColumnType.REF: "Link to a table",
}  # fmt: skip


def decisions_of(form: Mapping[str, str], shown: ImportProposal, earlier: Decisions) -> Decisions:
    """The decisions after the form was sent; ``shown`` is the proposal that it showed."""
    name = _text(form, "name")
    tables: dict[int, TableDecision] = {}
    columns: dict[tuple[int, int], ColumnDecision] = {}
    for table in shown.tables:
        said = _table(form, table, earlier.table(table.index))
        tables[table.index] = said
        if said.headings is not None and said.headings != bool(table.header_row):
            continue  # other headings make other columns: what was said about the old ones does not hold
        for column in table.columns:
            columns[table.index, column.index] = _column(form, table, column, earlier)
    return Decisions(name if name and name != shown.name else earlier.name, tables, columns)


def _table(form: Mapping[str, str], table: TableProposal, said: TableDecision) -> TableDecision:
    at = f"t{table.index}"
    keep, headings, name = f"{at}.keep" in form, f"{at}.headings" in form, _text(form, f"{at}.name")
    said = replace(said, keep=keep if keep != table.keep else said.keep)
    said = replace(said, headings=headings if headings != bool(table.header_row) else said.headings)
    return replace(said, name=name) if name and name != table.entity else said


def _column(
    form: Mapping[str, str], table: TableProposal, column: ColumnProposal, earlier: Decisions
) -> ColumnDecision:
    at = f"c{table.index}.{column.index}"
    said = earlier.column(table.index, column.index)
    if f"{at}.type" not in form:  # the column was not shown: its table is left out
        return said
    keep, name, kind = f"{at}.keep" in form, _text(form, f"{at}.name"), form.get(f"{at}.type", "")
    said = replace(said, keep=keep if keep != column.keep else said.keep)
    if name and name != column.field:
        said = replace(said, name=name)
    if kind in set(ColumnType) and kind != column.type:
        said = replace(said, type=ColumnType(kind))
    answer = form.get(f"{at}.answer", "")
    if answer in set(DayOrder):
        said = replace(said, day_order=DayOrder(answer))
    if answer in set(DecimalMark):
        said = replace(said, decimal_mark=DecimalMark(answer))
    return said


def _text(form: Mapping[str, str], name: str) -> str:
    return " ".join(form.get(name, "").split())[:MAX_WORDS]
