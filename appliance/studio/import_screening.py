"""Data loss prevention for tables: each kept column is looked through before anything is made of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Refused
from appliance.studio.screening import NEW, NOTHING_SAID, Choice, Cleared

if TYPE_CHECKING:
    from appliance.importer.proposal import ImportProposal, ImportRow, TableProposal
    from appliance.studio.people import Actor
    from appliance.studio.screening import Screening

MAX_COLUMN: Final = 4 << 20
"""Characters of different values in one column that can be looked through."""


class TooMuchText(Refused):
    """A column holds more text than can be looked through."""

    code = "dlp_too_much"


def screen_table(
    screening: Screening, actor: Actor, proposal: ImportProposal, choice: Choice, data_class: str = NEW
) -> tuple[ImportProposal, Cleared]:
    """The proposal as it may be imported into an app with data of this class, and what its placeholders stand for.

    Raises:
        SecretFound, AskFirst: a column holds what must not be in an app, or what the maker decides about.
        TooMuchText: a column cannot be looked through.
    """
    columns: dict[str, str] = {}
    for table in proposal.kept:
        for column in table.kept:
            values = [row.cells[column.index] for row in table.rows if column.index < len(row.cells)]
            text = "\n".join(dict.fromkeys([column.header, *values]))
            name = column.header or column.field
            if len(text) > MAX_COLUMN:
                message = f"The column “{name}” holds {len(text):,} characters; up to {MAX_COLUMN:,} can be checked."
                raise TooMuchText(message, action="Leave the column out, or split the table.")
            columns[name if name not in columns else f"{name} ({table.source})"] = text
    if not screening.cells(actor, columns, choice=choice, resource="new-app", data_class=data_class):
        return proposal, NOTHING_SAID
    known: dict[str, str] = {}
    tables = tuple(_masked(screening, table, known, data_class) if table.keep else table for table in proposal.tables)
    return replace(proposal, tables=tables), Cleared("", known)


def _masked(screening: Screening, table: TableProposal, known: dict[str, str], data_class: str) -> TableProposal:
    def mask(text: str) -> str:
        return screening.mask_cell(text, known, data_class=data_class)

    def row_of(row: ImportRow) -> ImportRow:
        values = {name: mask(text) for name, text in row.values.items()}
        return replace(row, values=values, cells=tuple(mask(cell) for cell in row.cells))

    return replace(table, rows=tuple(row_of(row) for row in table.rows))
