"""A table as it was read: cells in rows, with where each row stands in its source."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal

Native = str | bool | Decimal | dt.datetime | dt.date | dt.time
"""A cell: text from a text file, or what the workbook says that it is. Empty cells are the empty string."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """``number`` counts from 1, as the person sees it in the spreadsheet or the editor."""

    number: int
    cells: tuple[Native, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """One sheet, or one text file. ``name`` is the sheet's or the file's, without its ending."""

    name: str
    rows: tuple[SourceRow, ...]
    notes: tuple[str, ...] = field(default=())

    @property
    def width(self) -> int:
        """The number of columns of the widest row."""
        return max((len(row.cells) for row in self.rows), default=0)


@dataclass(frozen=True, slots=True)
class Source:
    """What somebody handed in: a file, or a pasted table (``name`` then is what they call it)."""

    name: str
    content: bytes


def text_of(cell: Native) -> str:
    """The cell as text, as exact as it was."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, Decimal):
        return format(cell, "f")
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ", timespec="minutes")
    if isinstance(cell, dt.time):
        return cell.isoformat(timespec="minutes")
    return cell.isoformat()
