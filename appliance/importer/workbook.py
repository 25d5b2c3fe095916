"""XLSX workbooks (ISO/IEC 29500), read-only and bounded: values, never formulas; merged cells filled in."""

from __future__ import annotations

import datetime as dt
import io
import warnings
import zipfile
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse
from openpyxl import load_workbook
from openpyxl.utils.cell import range_boundaries
from openpyxl.utils.exceptions import InvalidFileException

from appliance.importer.delimited import check_row, check_rows
from appliance.importer.errors import ImportRefused, NotATable, TooLarge
from appliance.importer.grid import Grid, Native, SourceRow

if TYPE_CHECKING:
    from appliance.importer.limits import ImportLimits

_MAX_MERGED: Final = 5_000
_MIDNIGHT: Final = dt.time(0)
_BROKEN: Final = (
    InvalidFileException, zipfile.BadZipFile, ParseError, DefusedXmlException, KeyError, ValueError, TypeError,
    AttributeError, IndexError, EOFError, NotImplementedError, OSError,
)  # fmt: skip
"""What a damaged workbook makes its readers raise; none of them is ours."""


def is_workbook(content: bytes) -> bool:
    """Whether it is a ZIP container, as an XLSX file is (APPNOTE.TXT 4.3.7)."""
    return content.startswith(b"PK\x03\x04")


def read_workbook(name: str, content: bytes, limits: ImportLimits) -> list[Grid]:
    """Every sheet with something in it.

    Raises:
        NotATable: it is damaged, encrypted, or no workbook.
        TooLarge: it unpacks to too much, or has too many sheets, rows or columns.
    """
    try:
        _check_container(name, content, limits)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unknown extensions and styles of a workbook do not concern its values
            return _read(name, content, limits)
    except ImportRefused:
        raise
    except _BROKEN as error:
        message = f"“{name}” cannot be read as a workbook."
        action = "Open it in your spreadsheet program, save it as XLSX without a password, and try again."
        raise NotATable(message, cause=type(error).__name__, action=action) from error


def _check_container(name: str, content: bytes, limits: ImportLimits) -> None:
    """Refuse what would unpack to far more than it is; the reader never unpacks more than the sizes stated here."""
    with zipfile.ZipFile(io.BytesIO(content)) as container:
        parts = container.infolist()
    unpacked = sum(part.file_size for part in parts)
    inflated = any(
        part.file_size > max(1 << 20, part.compress_size * limits.unpacked_ratio) and part.file_size > 1 << 20
        for part in parts
    )
    if len(parts) > limits.parts or unpacked > limits.unpacked_bytes or inflated:
        message = f"“{name}” would unpack to far more than it says ({unpacked / 2**20:,.0f} MiB), so it was not opened."
        raise TooLarge(message, action="Save only the sheets that you need in a new file, or save them as CSV.")
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        message = f"“{name}” is not an Excel workbook."
        raise NotATable(message, action="Hand in an XLSX file, or save the table as CSV.")


def _read(name: str, content: bytes, limits: ImportLimits) -> list[Grid]:
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        if len(sheets) > 4 * limits.tables:
            message = f"“{name}” has {len(sheets)} sheets; up to {limits.tables} can be taken in."
            raise TooLarge(message, action="Save the sheets that you need in a new file.")
        grids = [_sheet(sheet, content, limits) for sheet in sheets]
        hidden = len(book.worksheets) - len(sheets)
    finally:
        book.close()
    found = [grid for grid in grids if grid.rows]
    if hidden and found:
        first = found[0]
        found[0] = Grid(first.name, first.rows, (*first.notes, f"{hidden} hidden sheets were left out."))
    return found


def _sheet(sheet: Any, content: bytes, limits: ImportLimits) -> Grid:
    title = str(sheet.title)
    sheet.reset_dimensions()  # what a file says about its size need not be true
    cells: list[list[Native]] = []
    kept = 0
    last = limits.rows * 5
    for number, values in enumerate(sheet.iter_rows(max_col=limits.columns + 1, values_only=True), start=1):
        if number > last:
            message = f"The sheet “{title}” goes down to row {number:,} and further."
            raise TooLarge(message, action=f"Remove empty rows; up to {limits.rows:,} rows can be taken in.")
        row = _trimmed([_native(value) for value in values])
        check_row(title, number, tuple(row), limits)
        kept += bool(row)
        check_rows(title, kept, limits)
        cells.append(row)
    filled = _fill_merged(cells, _merged_ranges(sheet, content), limits)
    notes = ("Merged cells were filled in with their value.",) if filled else ()
    rows = [SourceRow(number, tuple(row)) for number, row in enumerate(cells, start=1) if row]
    return Grid(title, tuple(rows), notes)


def _native(value: object) -> Native:  # noqa: PLR0911 - one kind of cell after the other
    if value is None:
        return ""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        # A spreadsheet stores 0.1 + 0.2 as it computes it; fifteen digits are what it shows (ECMA-376 numbers).
        number = Decimal(format(value, ".15g"))
        return number if number.is_finite() else ""
    if isinstance(value, dt.datetime):
        return value.date() if value.time() == _MIDNIGHT else value.replace(microsecond=0)
    if isinstance(value, dt.date | dt.time):
        return value
    if isinstance(value, dt.timedelta):
        return Decimal(format(value.total_seconds() / 3600, ".10g"))
    return str(value)


def _trimmed(row: list[Native]) -> list[Native]:
    while row and (row[-1] == "" or (isinstance(row[-1], str) and not row[-1].strip())):
        row.pop()
    return row


def _merged_ranges(sheet: Any, content: bytes) -> list[tuple[int, int, int, int]]:
    """Merged ranges as first column, first row, last column, last row; the read-only reader does not tell them."""
    found: list[tuple[int, int, int, int]] = []
    path = str(sheet._worksheet_path).lstrip("/")
    with zipfile.ZipFile(io.BytesIO(content)) as container, container.open(path) as part:
        for _, element in iterparse(part, events=("end",), forbid_dtd=True):
            tag = str(element.tag).rpartition("}")[2]
            if tag == "mergeCell":
                first_column, first_row, last_column, last_row = range_boundaries(element.get("ref") or "")
                if None not in (first_column, first_row, last_column, last_row) and len(found) < _MAX_MERGED:
                    found.append(
                        (int(first_column or 0), int(first_row or 0), int(last_column or 0), int(last_row or 0))
                    )
            elif tag == "row":
                element.clear()
    return found


def _fill_merged(cells: list[list[Native]], merged: list[tuple[int, int, int, int]], limits: ImportLimits) -> bool:
    """Give every row of a merged range the value of its first cell; a range in one row stays as it is."""
    filled = False
    for first_column, first_row, last_column, last_row in merged:
        if first_row == last_row or first_row > len(cells) or last_column > limits.columns:
            continue
        top = cells[first_row - 1]
        value = top[first_column - 1] if first_column <= len(top) else ""
        if value == "":
            continue
        for row in cells[first_row : min(last_row, len(cells))]:
            row.extend([""] * (first_column - len(row)))
            row[first_column - 1] = value
            filled = True
    return filled
