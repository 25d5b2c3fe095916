"""The moment in which something is asked, and conditions on days and people that lists need, too."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from .records import Person, attribute

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import ColumnExpressionArgument
    from sqlmodel import Session

    from .expressions import Value


@dataclass(frozen=True, slots=True)
class Moment:
    """What a condition depends on: the day and the wall clock where the app runs, and the ids of who looks."""

    today: dt.date
    me: tuple[int, ...]
    now: dt.datetime


def moment(me: tuple[int, ...]) -> Moment:
    """The present moment for somebody."""
    present = local_now()
    return Moment(today=present.date(), me=me, now=present)


def local_now() -> dt.datetime:
    """The wall clock where the app runs, without offset, as date and time fields hold it."""
    return dt.datetime.now().astimezone().replace(tzinfo=None)


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """A condition about a row, with the words for it: in Python and in SQL, and both mean the same."""

    text: str
    condition: Value

    def holds(self, session: Session, row: Any, here: Moment) -> bool:
        """Whether it holds for a row that is in the database."""
        return self.condition.holds(session, row, here)

    def clause(self, here: Moment) -> ColumnElement[bool]:
        """The same as a filter over all rows of the entity."""
        return self.condition.clause(here)


def on_day(column: Any, day: dt.date) -> ColumnElement[bool]:
    """A date and time falls on that day."""
    start = dt.datetime.combine(day, dt.time())
    return and_(column >= start, column < start + dt.timedelta(days=1))


def start_of(day: dt.date) -> dt.datetime:
    """The first instant of a day."""
    return dt.datetime.combine(day, dt.time())


def is_person(column: Any, key: str) -> ColumnElement[bool]:
    """The person with that e-mail address or subject."""
    matching: ColumnExpressionArgument[bool] = or_(
        func.lower(attribute(Person, "email")) == key.lower(), attribute(Person, "subject") == key
    )
    return column.in_(select(attribute(Person, "id")).where(matching))  # type: ignore[no-any-return]
