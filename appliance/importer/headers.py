"""Where the headings stand: the first row that looks like names, above rows that look like values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.importer.grid import Grid, SourceRow, text_of

if TYPE_CHECKING:
    from appliance.importer.grid import Native

_LOOKED_AT: Final = 12
_MAX_HEADING: Final = 120


@dataclass(frozen=True, slots=True)
class Headed:
    """A table with its headings apart; ``number`` is their row in the source, 0 if there are none."""

    number: int
    headings: tuple[str, ...]
    rows: tuple[SourceRow, ...]
    notes: tuple[str, ...]


def find_headings(grid: Grid, wanted: bool | None) -> Headed:
    """Split headings and rows. Rows above the headings (titles, remarks) are left out, and that is said.

    ``wanted`` is what the person said: True takes the first row that can be one, False takes no row.
    """
    notes = list(grid.notes)
    at = None if wanted is False else _find(grid, certain=wanted is True)
    width = grid.width
    if at is None:
        if wanted is None:
            notes.append("No row of headings was found, so the columns are numbered.")
        return Headed(0, ("",) * width, grid.rows, tuple(notes))
    if at:
        numbers = ", ".join(str(row.number) for row in grid.rows[:at])
        notes.append(f"Row {numbers} above the headings was left out.")
    head = grid.rows[at]
    headings = tuple(" ".join(text_of(cell).split()) for cell in head.cells)
    headings += ("",) * (width - len(headings))
    return Headed(head.number, headings, grid.rows[at + 1 :], tuple(notes))


def _find(grid: Grid, *, certain: bool) -> int | None:
    width = grid.width
    for index, row in enumerate(grid.rows[:_LOOKED_AT]):
        filled = [cell for cell in row.cells if text_of(cell).strip()]
        if width > 1 and len(filled) < max(2, (width + 1) // 2):
            continue  # a title or a remark above the table
        if not all(_can_name(cell) for cell in filled):
            return index if certain else None
        if certain or width > 1 or len(grid.rows) > 1:
            return index if certain or not _same_as_below(grid.rows, index) else None
    return None


def _can_name(cell: Native) -> bool:
    """Names are short words; figures, dates, addresses of mail and web are values. A bare year may head a column."""
    if not isinstance(cell, str):
        return False
    text = cell.strip()
    if not text or len(text) > _MAX_HEADING or "\n\n" in text:
        return False
    if text.isdecimal() and len(text) == 4:
        return True
    return any(character.isalpha() for character in text) and "@" not in text and "://" not in text


def _same_as_below(rows: tuple[SourceRow, ...], index: int) -> bool:
    """Whether the row repeats further down: then it is a value like the others, not a heading."""
    head = [text_of(cell).strip().lower() for cell in rows[index].cells]
    repeated = 0
    for column, name in enumerate(head):
        below = [text_of(row.cells[column]).strip().lower() for row in rows[index + 1 :] if column < len(row.cells)]
        repeated += bool(name) and below.count(name) >= max(1, len(below) // 20)
    return repeated >= max(1, (len(head) + 1) // 2)
