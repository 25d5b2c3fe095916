"""Single values: from what a column holds to JSON, and from JSON to what a form of the app takes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from . import ids
from .refusing import Refusal
from .types import read_moment

if TYPE_CHECKING:
    from ..language import Language
    from ..visit import Visit
    from .model import Part


def to_json(visit: Visit, value: Any, part: Part) -> Any:  # noqa: PLR0911 - one kind of value after the other
    """A column's value as the property is written; None stays None."""
    if value is None:
        return [] if part.lines and part.required else None
    if part.lines:
        return [line for line in str(value).split("\n") if line.strip()]
    if part.source == "ref" and part.to is not None:
        return ids.written(part.to, value, part.leaf)
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float | Decimal):
        return _number(visit, value, part)
    if isinstance(value, dt.datetime):
        return value.astimezone().isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return value.isoformat(timespec="auto" if value.microsecond else "seconds")
    return str(value)


def _number(visit: Visit, value: float | Decimal, part: Part) -> Any:
    """A number; or somebody's address, where the column holds the number of a person."""
    if part.leaf not in ("integer", "number"):
        person = visit.somebody(int(value))
        return None if person is None else person.key
    exact = float(value)
    return int(exact) if exact.is_integer() else exact


def to_text(language: Language, value: Any, part: Part) -> str:  # noqa: PLR0911 - one kind of value after the other
    """What a form of the app takes for a value in JSON.

    Raises:
        Refusal: it names a record that is not there.
    """
    if value is None:
        return ""
    if part.source == "embedded" and part.to is not None:
        value = value.get(part.leaf) if isinstance(value, dict) else None
    if part.source in ("ref", "embedded") and part.to is not None:
        found = ids.read(part.to, str(value))
        if found is None:
            message = language.say("There is no such {record}.", record=part.to.entity.noun)
            raise Refusal.invalid(message, ((part.name, message),))
        return str(found)
    if isinstance(value, bool):
        return "on" if value else ""
    if isinstance(value, int | float):
        return language.plain_number(Decimal(repr(value)))
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    if part.leaf == "date-time":
        return read_moment(value).astimezone().replace(tzinfo=None).isoformat()
    if part.leaf == "time":
        return str(value).upper().removesuffix("Z")[:15].partition("+")[0].removesuffix("-00:00")
    return str(value)
