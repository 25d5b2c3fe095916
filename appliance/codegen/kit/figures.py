"""Functions of expressions, and figures over related rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Double, cast, func, select, type_coerce
from sqlalchemy.orm import aliased

from . import total
from .expressions import Given, Reading, Value, Worked, money, value
from .kinds import SQL_TYPES, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conditions import Moment


def days(duration: Value) -> Value:
    """A duration as a number of days."""
    return Worked(Kind.NUMBER, float, lambda column: cast(column, Double()), (duration,))


def year(given: Given) -> Value:
    """The year of a day."""
    return Worked(Kind.NUMBER, total.year_of, total.YearOf, (value(given),))


def month(given: Given) -> Value:
    """The month of a day, 1 to 12."""
    return Worked(Kind.NUMBER, total.month_of, total.MonthOf, (value(given),))


def weekday(given: Given) -> Value:
    """The day of the week, 1 for Monday to 7 for Sunday."""
    return Worked(Kind.NUMBER, total.weekday_of, total.WeekdayOf, (value(given),))


def add_months(given: Given, count: Given) -> Value:
    """The same day some months later."""
    return Worked(Kind.DATE, total.plus_months, total.PlusMonths, (value(given), value(count)))


def rounded(given: Given, places: int = 0) -> Value:
    """Rounded half away from zero; money to whole units or to its cents."""
    found = value(given)
    if found.kind is not Kind.MONEY:
        return Worked(
            found.kind,
            lambda number: total.rounded(number, places),
            lambda column: total.Rounded(column, places),
            (found,),
        )
    finer = min(places, 2) - 2
    return Worked(
        found.kind,
        lambda cents: total.rounded(cents, finer),
        lambda column: total.Rounded(column, finer),
        (found,),
    )


def absolute(given: Given) -> Value:
    """Without its sign."""
    found = value(given)
    return Worked(found.kind, abs, func.abs, (found,))


def lowest(*given: Given) -> Value:
    """The lowest of some values; empty if one of them is."""
    return _extreme(total.lowest, total.Lowest, given)


def highest(*given: Given) -> Value:
    """The highest of some values; empty if one of them is."""
    return _extreme(total.highest, total.Highest, given)


def _extreme(python: Callable[..., Any], in_sql: Callable[..., Any], given: tuple[Given, ...]) -> Value:
    found = _all_alike(given)
    return Worked(found[0].kind, python, in_sql, found)


def _all_alike(given: tuple[Given, ...]) -> tuple[Value, ...]:
    found = [value(item) for item in given]
    if {item.kind for item in found} == {Kind.NUMBER, Kind.MONEY}:
        return tuple(money(item) for item in found)
    return tuple(found)


def length(text: Given) -> Value:
    """How many characters a text has."""
    return Worked(Kind.NUMBER, total.length_of, total.LengthOf, (value(text),))


def upper(text: Given) -> Value:
    """In capital letters."""
    return Worked(Kind.TEXT, str.upper, total.Upper, (value(text),))


def lower(text: Given) -> Value:
    """In small letters."""
    return Worked(Kind.TEXT, str.lower, total.Lower, (value(text),))


@dataclass(frozen=True, slots=True, eq=False)
class First(Value):
    """The first value that is there."""

    kind: Kind
    values: tuple[Value, ...]

    @property
    def model(self) -> Any:
        return next((found for item in self.values if (found := item.model) is not None), None)

    def find(self, reading: Reading, row: Any) -> Any:
        return next((found for item in self.values if (found := item.find(reading, row)) is not None), None)

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        return type_coerce(func.coalesce(*(item.sql(here, source) for item in self.values)), SQL_TYPES[self.kind])


def first_of(*given: Given) -> Value:
    """The first of some values that is not empty."""
    found = _all_alike(given)
    return First(found[0].kind, found)


_FOLDS: Final[dict[str, Callable[..., Any]]] = {
    "sum": func.sum,
    "average": func.avg,
    "lowest": func.min,
    "highest": func.max,
}


@dataclass(frozen=True, slots=True, eq=False)
class Figure(Value):
    """A figure over the rows whose reference ``by`` leads to this row; the database makes it in either case."""

    kind: Kind
    fold: str
    by: Any
    measured: Value | None
    where: Value | None
    target: Any

    @property
    def model(self) -> Any:
        return self.target

    def find(self, reading: Reading, row: Any) -> Any:
        other = aliased(self.by.class_)
        return reading.session.scalar(self._select(reading.here, other).where(getattr(other, self.by.key) == row.id))

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        other = aliased(self.by.class_)
        found = self._select(here, other).where(getattr(other, self.by.key) == source.id)
        column: ColumnElement[Any] = found.correlate(source).scalar_subquery()
        return column

    def _select(self, here: Moment, other: Any) -> Any:
        conditions = [] if self.where is None else [self.where.sql(here, other)]
        return select(self._folded(here, other)).select_from(other).where(*conditions)

    def _folded(self, here: Moment, other: Any) -> Any:
        if self.measured is None:
            return cast(func.count(), Double())
        folded = _FOLDS[self.fold](self.measured.sql(here, other))
        if self.fold == "sum":
            folded = func.coalesce(folded, 0.0)
        if self.fold == "average" and self.kind is Kind.MONEY:
            folded = total.Rounded(folded, 0)
        return type_coerce(folded, SQL_TYPES[self.kind])


def count(by: Any, target: Any, where: Value | None = None) -> Value:
    """How many rows lead here."""
    return Figure(Kind.NUMBER, "count", by, None, where, target)


def sum_of(measured: Value, by: Any, target: Any, where: Value | None = None) -> Value:
    """The sum over the rows that lead here; 0 without any."""
    return Figure(measured.kind, "sum", by, measured, where, target)


def average_of(measured: Value, by: Any, target: Any, where: Value | None = None) -> Value:
    """The average over the rows that lead here; empty without any."""
    return Figure(measured.kind, "average", by, measured, where, target)


def lowest_of(measured: Value, by: Any, target: Any, where: Value | None = None) -> Value:
    """The lowest value among the rows that lead here; empty without any."""
    return Figure(measured.kind, "lowest", by, measured, where, target)


def highest_of(measured: Value, by: Any, target: Any, where: Value | None = None) -> Value:
    """The highest value among the rows that lead here; empty without any."""
    return Figure(measured.kind, "highest", by, measured, where, target)
