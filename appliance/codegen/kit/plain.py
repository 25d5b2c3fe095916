"""A field of a row as plain text, for sentences; pages draw it with ``parts.html``."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from .columns import FieldSpec, Kind

if TYPE_CHECKING:
    from .records import Entity
    from .visit import Visit

NOTHING: Final = "–"


def plain_text(visit: Visit, entity: Entity, row: Any, spec: FieldSpec) -> str:
    """What stands in a field of a learned row: a dash if it is empty or this person may not read it."""
    readable = visit.access.reads(entity, spec, row)
    return worded(visit, spec, visit.value(entity, row, spec)) if readable else NOTHING


def worded(visit: Visit, spec: FieldSpec, value: Any) -> str:  # noqa: PLR0911 - one kind after the other
    """A value of a field in words; the names behind it have been learned."""
    language = visit.language
    if spec.kind is Kind.BOOLEAN:
        return language.say("Yes") if value else language.say("No")
    if value is None or value == "":
        return NOTHING
    if spec.kind is Kind.REF:
        return visit.referred(spec, value) or NOTHING
    if spec.kind is Kind.PERSON:
        person = visit.somebody(value)
        return person.display if person is not None else NOTHING
    if spec.is_upload:
        stored = visit.stored(value)
        return stored.filename if stored is not None else NOTHING
    if isinstance(value, dt.datetime):
        return f"{language.day(value)}, {language.clock(value)}"
    if isinstance(value, dt.date):
        return language.day(value)
    if isinstance(value, dt.time):
        return language.clock(value)
    if isinstance(value, Decimal):
        return language.money(value) if spec.kind is Kind.MONEY else language.number(float(value))
    return language.number(value) if isinstance(value, int | float) else str(value)
