"""CSV (RFC 4180) that no spreadsheet takes for a formula.

A cell that a spreadsheet would compute (it begins with ``= + - @``, their full-width forms, a tab or a line break,
also after blanks) gets an apostrophe in front (CWE-1236). Every cell is quoted.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO, Final

from appliance.audit.export.wording import column_values

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.export.view import Entry, LogView

COLUMNS: Final = ("index", "hash", "time", "kind", "event", "principal", "resource", "result", "intent", "details")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - full-width


def cell(value: str | int | None) -> str:
    """A value as it may stand in a cell."""
    if value is None:
        return ""
    text = str(value).replace("\x00", "�")
    risky = text.startswith(_FORMULA) or text.lstrip(" \u00a0\u3000\ufeff").startswith(_FORMULA)
    return f"'{text}" if risky else text


def write(entries: Iterable[Entry], view: LogView, out: BinaryIO) -> None:  # noqa: ARG001 - one shape for all formats
    """Write a header and one row an entry, UTF-8. Raises OSError."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for entry in entries:
        values = column_values(entry)
        rows.writerow([cell(values[name]) for name in COLUMNS])
    text.detach()
