"""Reminders: worked out from the data whenever somebody looks; each person can put each of them away."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, UniqueConstraint, and_, exists, false, func, or_, select, true
from sqlmodel import Field

from .access import Verb
from .columns import PEOPLE_TABLE, FieldSpec, Kind
from .conditions import start_of
from .plain import plain_text
from .records import Base, attribute

if TYPE_CHECKING:
    from .behaviour import Reminder
    from .visit import Visit

WINDOW_DAYS: Final = 90
"""A reminder without a condition that nobody put away stays this long."""
LONGEST_DAYS: Final = 3660
"""One with a condition stays as long as that holds, within reason."""
MAX_SHOWN: Final = 100
_BRACES: Final = re.compile(r"\{([a-z0-9_]+)\}")


class PutAway(Base, table=True):
    """A reminder that a person has done with: about one row and one date; another date reminds again."""

    __tablename__ = "_reminders_done"
    __table_args__ = (UniqueConstraint("person", "key", "row_id", "day"),)

    id: int | None = Field(default=None, primary_key=True)
    person: int = Field(foreign_key=f"{PEOPLE_TABLE}.id", index=True)
    key: str
    row_id: int
    day: dt.date


@dataclass(frozen=True, slots=True)
class Due:
    """One reminder for the person who looks; ``day`` is the date in the row that it is about."""

    reminder: Reminder
    row: Any
    day: dt.date
    message: str
    shows_day: bool


def count_due(visit: Visit) -> int:
    """How many reminders wait: the number on the bell, :data:`MAX_SHOWN` at most."""
    found = 0
    for reminder in visit.runtime.definition.behaviour.reminders:
        condition = _condition(visit, reminder)
        if condition is not None:
            counted = select(func.count()).select_from(reminder.entity.model).where(condition)
            found += visit.session.scalar(counted) or 0
    return min(found, MAX_SHOWN)


def due(visit: Visit) -> list[Due]:
    """What waits for this person, the most pressing first."""
    found: list[Due] = []
    for reminder in visit.runtime.definition.behaviour.reminders:
        condition, spec = _condition(visit, reminder), reminder.entity.field(reminder.field)
        if condition is None or spec is None:
            continue
        model = reminder.entity.model
        chosen = select(model).where(condition).order_by(visit.held(reminder.entity, spec)).limit(MAX_SHOWN)
        rows = list(visit.session.scalars(chosen))
        visit.learn(reminder.entity, rows)
        for row in rows:
            readable = visit.access.reads(reminder.entity, spec, row)
            found.append(Due(reminder, row, _day(row, spec), fill(visit, reminder, row), readable))
    return sorted(found, key=lambda item: item.day)[:MAX_SHOWN]


def fill(visit: Visit, reminder: Reminder, row: Any) -> str:
    """The message with the row's values in it, as far as this person may read them; plain text."""

    def value(found: re.Match[str]) -> str:
        spec = reminder.entity.field(found[1])
        return found[0] if spec is None else plain_text(visit, reminder.entity, row, spec)

    return _BRACES.sub(value, reminder.message)


def _day(row: Any, spec: FieldSpec) -> dt.date:
    value = getattr(row, spec.attribute)
    return value.date() if isinstance(value, dt.datetime) else value


def _condition(visit: Visit, reminder: Reminder) -> ColumnElement[bool] | None:
    """The rows about which this person is to be reminded now; None if the person cannot be meant or may not look."""
    entity, spec = reminder.entity, reminder.entity.field(reminder.field)
    if spec is None or not visit.access.may(entity, Verb.READ):
        return None
    mine = _for_me(visit, reminder)
    if mine is None:
        return None
    column = visit.held(entity, spec)
    if column is None:
        return None
    last = visit.moment.today - dt.timedelta(days=reminder.days)
    first = last - dt.timedelta(days=WINDOW_DAYS if reminder.where is None else LONGEST_DAYS)
    if spec.kind is Kind.DATETIME:
        when = and_(column >= start_of(first), column < start_of(last + dt.timedelta(days=1)))
    else:
        when = and_(column >= first, column <= last)
    away = exists().where(
        attribute(PutAway, "person").in_(visit.access.me),
        attribute(PutAway, "key") == reminder.key,
        attribute(PutAway, "row_id") == attribute(entity.model, "id"),
        attribute(PutAway, "day") == _as_day(column, spec),
    )
    parts = [visit.access.rows(entity, Verb.READ), mine, when, ~away]
    if reminder.where is not None:
        parts.append(reminder.where.clause(visit.moment))
    return and_(*parts)


def _as_day(column: Any, spec: FieldSpec) -> Any:
    """The day of a date, or of a date and time, in SQLite and PostgreSQL."""
    return func.date(column) if spec.kind is Kind.DATETIME else column


def _for_me(visit: Visit, reminder: Reminder) -> ColumnElement[bool] | None:
    if visit.access.roles.intersection(reminder.roles):
        return true()
    columns = [
        attribute(reminder.entity.model, spec.attribute)
        for spec in reminder.entity.people
        if spec.name in reminder.people
    ]
    if not columns or not visit.access.me:
        return None
    return or_(false(), *(column.in_(visit.access.me) for column in columns))
