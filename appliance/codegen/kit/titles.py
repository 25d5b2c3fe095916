"""What a row is called."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .language import Language
    from .records import Entity


def title(entity: Entity, row: Any, *, named: bool, language: Language) -> str:
    """The row's name for people; ``named``: whether they may know its naming field.

    The naming field if it is text; a choice or a date alone would not tell rows apart, so the number stands before it.
    """
    numbered = f"{entity.name} {row.id}"
    if entity.label is None or not named:
        return numbered
    value = getattr(row, entity.label.attribute)
    if value is None or not str(value).strip():
        return numbered
    if entity.label.is_name:
        return str(value)
    if isinstance(value, dt.datetime):
        return f"{numbered} · {language.day(value)} {language.clock(value)}"
    return f"{numbered} · {language.day(value) if isinstance(value, dt.date) else value}"
