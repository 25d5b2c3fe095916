"""Expressions about a row: one definition with two meanings, a value in Python and a column in SQL, always equal.

Empty values: an operation on one gives an empty value; a comparison with one does not hold, only ``different`` and
``is_empty`` do. A condition in SQL may be NULL where it does not hold; ``negated`` and ``column`` take that for false.
Numbers are doubles. Money is calculated in whole cents, rounded half away from zero after each product.
"""

from __future__ import annotations

import datetime as dt
import operator as python
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    cast,
    func,
    true,
    type_coerce,
)
from sqlalchemy import literal as bound

from . import total
from .kinds import SQL_TYPES, Kind
from .stored import Cents

if TYPE_CHECKING:
    from sqlmodel import Session

    from .conditions import Moment


@dataclass(frozen=True, slots=True)
class Reading:
    """What an expression about one row is read with: a session for related rows, and the moment."""

    session: Session
    here: Moment


class Value(ABC):
    """An expression about a row. ``find`` and ``sql`` say what it means, with money in cents; the rest is for others.

    ``source`` is the model whose rows are meant, or an alias of it.
    """

    kind: Kind

    @abstractmethod
    def find(self, reading: Reading, row: Any) -> Any:
        """The value for a row."""

    @abstractmethod
    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        """The value over the rows of ``source``."""

    @property
    def model(self) -> Any:
        """The model whose rows it is about; None for what is about no row."""
        return None

    def of(self, session: Session, row: Any, here: Moment) -> Any:
        """The value for a row that is in the database, as a field would hold it."""
        found = self.find(Reading(session, here), row)
        if self.kind is Kind.BOOLEAN:
            return bool(found)
        return Decimal(int(found)) / 100 if self.kind is Kind.MONEY and found is not None else found

    def column(self, here: Moment) -> ColumnElement[Any]:
        """The same over all rows of the entity, for listing, sorting, filtering and adding up."""
        found = self.sql(here, self.model)
        if self.kind is Kind.BOOLEAN:
            return found.is_(true())
        return type_coerce(cast(found, BigInteger), Cents()) if self.kind is Kind.MONEY else found

    def holds(self, session: Session, row: Any, here: Moment) -> bool:
        """Whether a condition holds for a row that is in the database."""
        return bool(self.find(Reading(session, here), row))

    def clause(self, here: Moment) -> ColumnElement[bool]:
        """A condition as a filter over all rows of the entity."""
        return self.sql(here, self.model)

    def __add__(self, other: Given) -> Value:
        return plus(self, other)

    def __sub__(self, other: Given) -> Value:
        return minus(self, other)

    def __mul__(self, other: Given) -> Value:
        return times(self, other)

    def __truediv__(self, other: Given) -> Value:
        return over(self, other)

    def __neg__(self) -> Value:
        return Worked(self.kind, lambda value: -value, lambda value: -value, (self,))

    def __lt__(self, other: Given) -> Value:
        return compared(self, "<", other)

    def __le__(self, other: Given) -> Value:
        return compared(self, "<=", other)

    def __gt__(self, other: Given) -> Value:
        return compared(self, ">", other)

    def __ge__(self, other: Given) -> Value:
        return compared(self, ">=", other)


Given = Value | str | float | Decimal | bool | dt.date | dt.time | dt.timedelta
"""A value, or one as Python writes it."""


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Value):
    """A value that is the same for every row."""

    kind: Kind
    value: Any

    def find(self, reading: Reading, row: Any) -> Any:  # noqa: ARG002 - the same for every row
        return self.value

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:  # noqa: ARG002 - the same for every row
        return bound(self.value, SQL_TYPES[self.kind])


@dataclass(frozen=True, slots=True, eq=False)
class Now(Value):
    """What depends on the moment."""

    kind: Kind
    take: Callable[[Moment], Any]

    def find(self, reading: Reading, row: Any) -> Any:  # noqa: ARG002 - the same for every row
        return self.take(reading.here)

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:  # noqa: ARG002 - the same for every row
        return bound(self.take(here), SQL_TYPES[self.kind])


TODAY: Final = Now(Kind.DATE, lambda here: here.today)
NOW: Final = Now(Kind.DATETIME, lambda here: here.now)
ME: Final = Now(Kind.PERSON, lambda here: here.me[0] if here.me else None)


@dataclass(frozen=True, slots=True, eq=False)
class Worked(Value):
    """An operation on values: empty as soon as one of them is."""

    kind: Kind
    python: Callable[..., Any]
    in_sql: Callable[..., Any]
    operands: tuple[Value, ...]

    @property
    def model(self) -> Any:
        return next((found for item in self.operands if (found := item.model) is not None), None)

    def find(self, reading: Reading, row: Any) -> Any:
        values = [operand.find(reading, row) for operand in self.operands]
        return None if None in values else self.python(*values)

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        return type_coerce(self.in_sql(*(item.sql(here, source) for item in self.operands)), SQL_TYPES[self.kind])


_KINDS: Final = (
    (bool, Kind.BOOLEAN),
    (str, Kind.TEXT),
    (Decimal, Kind.MONEY),
    (dt.datetime, Kind.DATETIME),
    (dt.date, Kind.DATE),
    (dt.time, Kind.TIME),
    (dt.timedelta, Kind.DURATION),
    (int | float, Kind.NUMBER),
)
_COMPARE: Final = {"=": python.eq, "<": python.lt, "<=": python.le, ">": python.gt, ">=": python.ge}


def value(given: Given) -> Value:
    """A value as Python writes it, as an expression."""
    if isinstance(given, Value):
        return given
    kind = next(kind for known, kind in _KINDS if isinstance(given, known))
    if isinstance(given, Decimal):
        return Constant(kind, float(given * 100))
    if isinstance(given, dt.timedelta):
        return Constant(kind, given.days)
    if kind is Kind.TEXT:
        return Constant(kind, str(given))
    return Constant(kind, float(given) if isinstance(given, int | float) and kind is Kind.NUMBER else given)


def money(given: Given) -> Value:
    """A number as an amount of money, to the cent."""
    found = value(given)
    if found.kind is Kind.MONEY:
        return found
    return Worked(
        Kind.MONEY,
        lambda number: total.rounded(number * 100.0, 0),
        lambda column: total.Rounded(column * 100.0, 0),
        (found,),
    )


def number(given: Given) -> Value:
    """An amount of money as a number."""
    found = value(given)
    if found.kind is not Kind.MONEY:
        return found
    return Worked(Kind.NUMBER, lambda cents: cents / 100.0, lambda column: column / 100.0, (found,))


def alike(left: Given, right: Given) -> tuple[Value, Value]:
    """Two values of one kind: a number beside money is money, a date and time beside a date is its day."""
    first, second = value(left), value(right)
    kinds = {first.kind, second.kind}
    if kinds == {Kind.NUMBER, Kind.MONEY}:
        return money(first), money(second)
    if kinds == {Kind.DATE, Kind.DATETIME}:
        return day(first), day(second)
    return first, second


def compared(left: Given, sign: str, right: Given) -> Value:
    """A comparison, which does not hold if a side is empty."""
    compare = _COMPARE[sign]
    return Worked(Kind.BOOLEAN, compare, compare, alike(left, right))


def day(given: Given) -> Value:
    """The day of a date and time; a date is one already."""
    found = value(given)
    return Worked(Kind.DATE, total.day_of, total.DayOf, (found,)) if found.kind is Kind.DATETIME else found


def plus(left: Given, right: Given) -> Value:
    """A sum; a day some days later; two texts joined."""
    first, second = alike(left, right)
    if Kind.DURATION in (first.kind, second.kind) and first.kind is not second.kind:
        start, days = (second, first) if first.kind is Kind.DURATION else (first, second)
        in_sql = total.PlusDaysTimed if start.kind is Kind.DATETIME else total.PlusDays
        return Worked(start.kind, total.plus_days, in_sql, (start, days))
    if first.kind is Kind.TEXT:
        return Worked(Kind.TEXT, python.add, lambda one, other: one.concat(other), (first, second))
    return Worked(first.kind, python.add, python.add, (first, second))


def minus(left: Given, right: Given) -> Value:
    """A difference; the days from one day to another; a day some days earlier."""
    first, second = alike(left, right)
    if first.kind is second.kind is Kind.DATE:
        return Worked(Kind.DURATION, total.days_between, total.DaysBetween, (first, second))
    if second.kind is Kind.DURATION and first.kind is not Kind.DURATION:
        return plus(first, -second)
    return Worked(first.kind, python.sub, python.sub, (first, second))


def times(left: Given, right: Given) -> Value:
    """A product; of money and a number, to the cent."""
    first, second = value(left), value(right)
    found = Worked(Kind.NUMBER, python.mul, python.mul, (first, second))
    return _cents(found) if Kind.MONEY in (first.kind, second.kind) else found


def over(left: Given, right: Given) -> Value:
    """A quotient, empty when the divisor is zero; money by a number, to the cent; money by money, a number."""
    first, second = value(left), value(right)
    found = Worked(
        Kind.NUMBER,
        lambda one, other: one / other if other else None,
        lambda one, other: one / func.nullif(other, 0.0),
        (first, second),
    )
    return _cents(found) if first.kind is Kind.MONEY and second.kind is not Kind.MONEY else found


def _cents(found: Value) -> Value:
    return Worked(Kind.MONEY, lambda cents: total.rounded(cents, 0), lambda column: total.Rounded(column, 0), (found,))
