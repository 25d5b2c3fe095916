"""Parts of conditions whose meaning needs a word: empty values, days, people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from .records import Person, attribute

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import ColumnExpressionArgument


@dataclass(frozen=True, slots=True)
class Moment:
    """What a condition depends on: the day where the app runs, and the ids of the person who looks."""

    today: dt.date
    me: tuple[int, ...]


def moment(me: tuple[int, ...]) -> Moment:
    """The present moment for somebody."""
    return Moment(today=local_now().date(), me=me)


def local_now() -> dt.datetime:
    """The wall clock where the app runs, without offset, as date and time fields hold it."""
    return dt.datetime.now().astimezone().replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Where:
    """A named condition: how it reads, and the filter it makes."""

    text: str
    clause: Callable[[Moment], ColumnElement[bool]]


def differs(column: Any, value: object) -> ColumnElement[bool]:
    """Not equal; an empty field differs from every value."""
    return or_(column.is_(None), column != value)


def on_day(column: Any, day: dt.date) -> ColumnElement[bool]:
    """A date and time falls on that day."""
    start = dt.datetime.combine(day, dt.time())
    return and_(column >= start, column < start + dt.timedelta(days=1))


def not_on_day(column: Any, day: dt.date) -> ColumnElement[bool]:
    """A date and time is empty or falls on another day."""
    return or_(column.is_(None), not_(on_day(column, day)))


def start_of(day: dt.date) -> dt.datetime:
    """The first instant of a day."""
    return dt.datetime.combine(day, dt.time())


def is_person(column: Any, key: str) -> ColumnElement[bool]:
    """The person with that e-mail address or subject."""
    matching: ColumnExpressionArgument[bool] = or_(
        func.lower(attribute(Person, "email")) == key.lower(), attribute(Person, "subject") == key
    )
    return column.in_(select(attribute(Person, "id")).where(matching))  # type: ignore[no-any-return]


def is_not_person(column: Any, key: str) -> ColumnElement[bool]:
    """Nobody, or somebody else than the person with that e-mail address or subject."""
    return or_(column.is_(None), not_(is_person(column, key)))


def is_me(column: Any, here: Moment) -> ColumnElement[bool]:
    """The person who looks."""
    return column.in_(here.me)  # type: ignore[no-any-return]


def is_not_me(column: Any, here: Moment) -> ColumnElement[bool]:
    """Nobody, or somebody else than the person who looks."""
    return or_(column.is_(None), column.not_in(here.me))
