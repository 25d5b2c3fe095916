"""Rows as CSV (RFC 4180), readable by spreadsheets and harmless in them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from litestar import Response

from .columns import FieldSpec, Kind

if TYPE_CHECKING:
    from .records import Entity
    from .visit import Visit

MAX_EXPORT_ROWS: Final = 20_000
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(visit: Visit, entity: Entity, rows: list[Any]) -> Response[bytes]:
    """A CSV answer with a byte-order mark, so that spreadsheets read it as UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    fields = visit.fields(entity)
    writer.writerow(["id", *(spec.label for spec in fields)])
    for row in rows:
        writer.writerow([row.id, *(cell(visit, spec, visit.value(entity, row, spec)) for spec in fields)])
    headers = {"content-disposition": f'attachment; filename="{entity.slug}.csv"', "cache-control": "no-store"}
    return Response(b"\xef\xbb\xbf" + buffer.getvalue().encode(), media_type="text/csv; charset=utf-8", headers=headers)


def cell(visit: Visit, spec: FieldSpec, value: Any) -> str:  # noqa: PLR0911 - one kind of value after the other
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if spec.kind is Kind.REF:
        return harmless(visit.referred(spec, value) or "")
    if spec.kind is Kind.PERSON:
        person = visit.somebody(value)
        return harmless(person.key if person is not None else "")
    if spec.is_upload:
        stored = visit.stored(value)
        return harmless(stored.filename if stored is not None else "")
    if isinstance(value, dt.datetime | dt.time):
        return value.isoformat(timespec="minutes")
    if isinstance(value, float):
        return format(Decimal(repr(value)).normalize(), "f")
    if isinstance(value, Decimal | dt.date):
        return str(value)
    return harmless(str(value))


def harmless(text: str) -> str:
    """A spreadsheet would run text that starts like a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
