"""What a row is called."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .display import clock, day

if TYPE_CHECKING:
    from .records import Entity


def title(entity: Entity, row: Any) -> str:
    """The row's name for people.

    The label field if it is text; a choice or a date alone would not tell rows apart, so the number stands before it.
    """
    numbered = f"{entity.name} {row.id}"
    if entity.label is None:
        return numbered
    value = getattr(row, entity.label.attribute)
    if value is None or not str(value).strip():
        return numbered
    if entity.label.is_text:
        return str(value)
    if isinstance(value, dt.datetime):
        return f"{numbered} · {day(value)} {clock(value)}"
    return f"{numbered} · {day(value) if isinstance(value, dt.date) else value}"
