"""CSV and TSV as people have them: any usual encoding and delimiter (RFC 4180 where it is followed)."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.importer.errors import NotATable, TooLarge
from appliance.importer.grid import Grid, SourceRow

if TYPE_CHECKING:
    from appliance.importer.limits import ImportLimits

_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig", "UTF-8"),
    (b"\xff\xfe", "utf-16", "UTF-16"),
    (b"\xfe\xff", "utf-16", "UTF-16"),
)
_DELIMITERS: Final = ("\t", ";", ",", "|")
_LOOKED_AT: Final = 200
_NAMES: Final = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars"}


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text and the name of the encoding that it was in."""

    text: str
    encoding: str


def decode(content: bytes) -> Decoded:
    """Bytes to text: by byte-order mark, else UTF-8 if it is valid UTF-8, else Windows-1252.

    Raises:
        NotATable: it is not text in any of them.
    """
    for mark, codec, name in _BOMS:
        if content.startswith(mark):
            try:
                return Decoded(content.decode(codec), name)
            except UnicodeDecodeError as error:
                raise _not_text() from error
    try:
        text, encoding = content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        try:
            text, encoding = content.decode("cp1252"), "Windows-1252"
        except UnicodeDecodeError as error:
            raise _not_text() from error
    if text.count("\0") > len(text) // 100:
        raise _not_text()
    return Decoded(text, encoding)


def read_delimited(name: str, content: bytes, limits: ImportLimits) -> Grid:
    """A CSV, TSV or pasted table.

    Raises:
        NotATable: it is not text, or there is nothing in it.
        TooLarge: more rows, columns or characters in a cell than the limits allow.
    """
    decoded = decode(content)
    if not decoded.text.strip():
        message = f"“{name}” is empty."
        raise NotATable(message, action="Hand in a table with a line of headings and at least one row.")
    delimiter = find_delimiter(decoded.text)
    rows: list[SourceRow] = []
    reader = csv.reader(io.StringIO(decoded.text, newline=""), delimiter=delimiter)
    csv.field_size_limit(limits.file_bytes)
    try:
        for number, cells in enumerate(reader, start=1):
            if not any(cell.strip() for cell in cells):
                continue
            check_row(name, number, cells, limits)
            rows.append(SourceRow(number, tuple(cells)))
            check_rows(name, len(rows), limits)
    except csv.Error as error:
        message = f"“{name}” cannot be read as a table at line {reader.line_num}."
        raise NotATable(message, cause=str(error), action="Save it as CSV once more, or paste the table.") from error
    notes = [f"Read as {decoded.encoding}, columns separated by {_NAMES[delimiter]}."]
    return Grid(name, tuple(rows), tuple(notes))


def check_row(name: str, number: int, cells: list[str] | tuple[object, ...], limits: ImportLimits) -> None:
    """Refuse what is too wide or too long.

    Raises:
        TooLarge: with the row's number.
    """
    if len(cells) > limits.columns:
        message = f"Row {number} of “{name}” has {len(cells)} columns; up to {limits.columns} can be taken in."
        raise TooLarge(message, action="Leave out the columns that the app does not need.")
    longest = max((len(cell) for cell in cells if isinstance(cell, str)), default=0)
    if longest > limits.cell_characters:
        message = (
            f"Row {number} of “{name}” has a cell of {longest:,} characters; {limits.cell_characters:,} can be kept."
        )
        raise TooLarge(message, action="Shorten that text, or leave out its column.")


def check_rows(name: str, count: int, limits: ImportLimits) -> None:
    """Refuse what is too long.

    Raises:
        TooLarge: more rows than the limits allow.
    """
    if count > limits.rows + 1:
        message = f"“{name}” has more than {limits.rows:,} rows."
        raise TooLarge(message, action="Split it, import the first part, and add the rest from the app's list page.")


def find_delimiter(text: str) -> str:
    """The character that splits the first lines into the same number of cells, more than one.

    With nothing that does so the table has one column.
    """
    head = text[:100_000]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        widths = _widths(head, delimiter)
        wide = [width for width in widths if width > 1]
        if not wide:
            continue
        common = max(set(wide), key=lambda width: (wide.count(width), width))
        # Steadiness counts first; a few more columns speak for a delimiter only among equally steady ones.
        score = wide.count(common) / len(widths) + min(common, 50) / 1_000
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _widths(head: str, delimiter: str) -> list[int]:
    widths: list[int] = []
    try:
        for cells in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter):
            if any(cell.strip() for cell in cells):
                widths.append(len(cells))
            if len(widths) >= _LOOKED_AT:
                break
    except csv.Error:
        return []
    return widths


def _not_text() -> NotATable:
    message = "This is not a table that can be read."
    return NotATable(message, action="Hand in a CSV, TSV or XLSX file, or paste the table. Save older formats as XLSX.")
