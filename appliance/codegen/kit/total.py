"""Functions that expressions use, total and the same everywhere: in Python, in SQLite (which calls the Python ones) and
in PostgreSQL (as SQL of its own). An empty argument gives an empty result; so does a result that cannot be held."""

from __future__ import annotations

import calendar
import datetime as dt
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Date, DateTime, Double, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.types import TypeEngine

MAX_MONTHS: Final = 1200
_LAST_DAY: Final = dt.date.max.toordinal() - 1
_FIRST: Final = "DATE '0001-01-01'"


def rounded(number: float, places: int) -> float:
    """Rounded half away from zero, after 15 significant digits, as PostgreSQL turns a double into a numeric."""
    step = Decimal(1).scaleb(-places)
    return float(Decimal(f"{number:.15g}").quantize(step, ROUND_HALF_UP))


def plus_days(day: dt.date, days: int) -> dt.date | None:
    """A day that many days later; empty outside the years 1 to 9999. A date and time keeps its time."""
    try:
        return day + dt.timedelta(days=days)
    except OverflowError:
        return None


def days_between(later: dt.date, earlier: dt.date) -> int:
    """How many days lie between two days."""
    return (later - earlier).days


def plus_months(day: dt.date, months: float) -> dt.date | None:
    """The same day of another month, or its last day if it is shorter; whole months, at most 1200 of them."""
    whole = int(months)
    if abs(whole) > MAX_MONTHS:
        return None
    year, month = divmod(day.year * 12 + day.month - 1 + whole, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        return None
    return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def day_of(moment: dt.datetime) -> dt.date:
    """The day of a date and time."""
    return moment.date()


def year_of(day: dt.date) -> float:
    """Its year."""
    return float(day.year)


def month_of(day: dt.date) -> float:
    """Its month, 1 to 12."""
    return float(day.month)


def weekday_of(day: dt.date) -> float:
    """Its day of the week, 1 for Monday to 7 for Sunday."""
    return float(day.isoweekday())


def length_of(text: str) -> float:
    """How many characters it has."""
    return float(len(text))


def contains(text: str, part: str) -> bool:
    """Whether a text contains another; letter case does not count."""
    return part.lower() in text.lower()


def lowest(*values: Any) -> Any:
    """The lowest value."""
    return min(values)


def highest(*values: Any) -> Any:
    """The highest value."""
    return max(values)


class Total(FunctionElement[Any]):
    """A function call in SQL; ``python`` is what it means."""

    inherit_cache = True
    name: str
    python: Callable[..., Any]


def _function(name: str, python: Callable[..., Any], kind: TypeEngine[Any] | None, postgresql: str) -> type[Total]:
    made: type[Total] = type(name, (Total,), {"name": name, "python": staticmethod(python), "inherit_cache": True})
    if kind is not None:
        made.type = kind

    @compiles(made)
    def plain(element: Total, compiler: SQLCompiler, **options: Any) -> str:
        return f"total_{name}({compiler.process(element.clauses, **options)})"

    @compiles(made, "postgresql")
    def spelled(element: Total, compiler: SQLCompiler, **options: Any) -> str:
        arguments = [compiler.process(item, **options) for item in element.clauses]
        listed = ", ".join(f"({argument})" for argument in arguments)
        return "(" + postgresql.format(*arguments, all=listed) + ")"

    return made


def _held(number: str) -> str:
    """The day with that number, counted from the first one there is; empty outside."""
    bounded = f"greatest(least({number}, {_LAST_DAY + 1}), -1)"
    return f"{_FIRST} + nullif(nullif({bounded}, {_LAST_DAY + 1}), -1)"


_MONTHS: Final = (
    f"nullif(nullif(greatest(least(trunc({{1}}), {MAX_MONTHS + 1}), -{MAX_MONTHS + 1}), {MAX_MONTHS + 1}), "
    f"-{MAX_MONTHS + 1})"
)
_ALL_OF: Final = "SELECT CASE WHEN count(v) = count(*) THEN {fold}(v) END FROM (VALUES {{all}}) AS t(v)"

Rounded = _function(
    "rounded", rounded, Double(), "CAST(round(CAST({0} AS NUMERIC), CAST({1} AS INTEGER)) AS DOUBLE PRECISION)"
)
PlusDays = _function("plus_days", plus_days, Date(), _held(f"({{0}} - {_FIRST}) + {{1}}"))
PlusDaysTimed = _function(
    "plus_days_timed",
    plus_days,
    DateTime(),
    "(" + _held(f"(CAST({{0}} AS DATE) - {_FIRST}) + {{1}}") + ") + CAST({0} AS TIME)",
)
DaysBetween = _function("days_between", days_between, Integer(), "{0} - {1}")
PlusMonths = _function(
    "plus_months",
    plus_months,
    Date(),
    _held(f"CAST({{0}} + make_interval(months => CAST({_MONTHS} AS INTEGER)) AS DATE) - {_FIRST}"),
)
DayOf = _function("day_of", day_of, Date(), "CAST({0} AS DATE)")
YearOf = _function("year_of", year_of, Double(), "CAST(extract(year FROM {0}) AS DOUBLE PRECISION)")
MonthOf = _function("month_of", month_of, Double(), "CAST(extract(month FROM {0}) AS DOUBLE PRECISION)")
WeekdayOf = _function("weekday_of", weekday_of, Double(), "CAST(extract(isodow FROM {0}) AS DOUBLE PRECISION)")
LengthOf = _function("length_of", length_of, Double(), "CAST(char_length({0}) AS DOUBLE PRECISION)")
Upper = _function("upper", str.upper, Text(), "upper({0})")
Lower = _function("lower", str.lower, Text(), "lower({0})")
Contains = _function("contains", contains, Integer(), "CAST(strpos(lower({0}), lower({1})) > 0 AS INTEGER)")
Lowest = _function("lowest", lowest, None, _ALL_OF.format(fold="min"))
Highest = _function("highest", highest, None, _ALL_OF.format(fold="max"))

FUNCTIONS: Final = (
    *(Rounded, PlusDays, PlusDaysTimed, DaysBetween, PlusMonths, DayOf, YearOf, MonthOf, WeekdayOf, LengthOf),
    *(Upper, Lower, Contains, Lowest, Highest),
)
_DATED: Final = frozenset({"plus_days", "days_between", "plus_months", "year_of", "month_of", "weekday_of"})
_TIMED: Final = frozenset({"plus_days_timed", "day_of"})


def register(connection: sqlite3.Connection) -> None:
    """Give a SQLite connection these functions."""
    for made in FUNCTIONS:
        count = made.python.__code__.co_argcount if hasattr(made.python, "__code__") else 1
        many = made in (Lowest, Highest)
        name = str(made.name)
        connection.create_function(
            f"total_{name}", -1 if many else count, _lifted(name, made.python), deterministic=True
        )


def _lifted(name: str, python: Callable[..., Any]) -> Callable[..., Any]:
    """From and to what SQLite holds: days and times are texts there."""

    def lifted(*values: Any) -> Any:
        if None in values:
            return None
        if name in _DATED:
            values = tuple(dt.date.fromisoformat(item[:10]) if isinstance(item, str) else item for item in values)
        elif name in _TIMED:
            values = tuple(dt.datetime.fromisoformat(item) if isinstance(item, str) else item for item in values)
        found = python(*values)
        if isinstance(found, dt.datetime):
            return found.isoformat(sep=" ", timespec="microseconds")
        return found.isoformat() if isinstance(found, dt.date) else found

    return lifted
