"""Expressions of the blueprint: typed, total and free of side effects; one definition, equal meaning in Python and SQL.

Pure data. :mod:`appliance.blueprint.expression_parser` reads and checks them, ``docs/blueprint.md`` explains them.
An expression is about one row of an entity. Every operation on an empty value gives an empty value; a comparison with
an empty value is false, except ``!=`` and ``is empty``; a division by zero is empty. So a condition is always true or
false, never unknown.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

MAX_DEPTH: Final = 8
MAX_SIZE: Final = 60
MAX_EXPANDED: Final = 200
MAX_PRODUCTS: Final = 6
MAX_ARGUMENTS: Final = 6
MAX_DAYS: Final = 36_525
MAX_REFERENCES: Final = 2


class Kind(StrEnum):
    """What an expression's value is. A duration is a whole number of days; a reference is a row's identity."""

    TEXT = "text"
    NUMBER = "number"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    DURATION = "duration"
    PERSON = "person"
    CHOICE = "choice"
    REF = "ref"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice's option, written as it is named."""

    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written; exact."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Truth:
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A date, ``2026-05-02``."""

    value: dt.date


@dataclass(frozen=True, slots=True)
class Instant:
    """A date and time, ``2026-05-02T14:30``, on the wall clock where the app runs."""

    value: dt.datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day, written ``"14:30"`` where a time belongs."""

    value: dt.time


@dataclass(frozen=True, slots=True)
class Days:
    """A duration: ``3 days``, ``2 weeks``."""

    value: int


class Moment(StrEnum):
    """What depends on when and by whom it is asked: the day, the wall clock, and the person who looks."""

    TODAY = "today"
    NOW = "now"
    ME = "me"


@dataclass(frozen=True, slots=True)
class Path:
    """A field of this row, or of the row that one to two references lead to: ``due``, ``item.category``."""

    names: tuple[str, ...]


class Comparator(StrEnum):
    """Comparisons."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right``; both of comparable kinds. Text is compared for equality only."""

    operator: Comparator
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class OneOf:
    """``status in (open, late)``."""

    operand: Expression
    options: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class IsEmpty:
    """``due is empty``; ``is not empty`` is its negation."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Contains:
    """``title contains "urgent"``: letter case does not count."""

    operand: Expression
    part: Expression


@dataclass(frozen=True, slots=True)
class Not:
    """``not returned``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All parts hold; two or more."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part holds; two or more."""

    parts: tuple[Expression, ...]


class Sign(StrEnum):
    """Arithmetic."""

    PLUS = "+"
    MINUS = "-"
    TIMES = "*"
    OVER = "/"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Numbers, money, dates with durations, two dates (a duration); ``+`` also joins texts."""

    sign: Sign
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Negative:
    """``-amount``."""

    operand: Expression


class Function(StrEnum):
    """Functions. ``days`` of a duration is a number; ``day`` of a datetime is its date; ``months`` moves a date."""

    DAYS = "days"
    DAY = "day"
    YEAR = "year"
    MONTH = "month"
    WEEKDAY = "weekday"
    ADD_MONTHS = "add_months"
    ROUND = "round"
    ABS = "abs"
    LOWEST = "lowest"
    HIGHEST = "highest"
    LENGTH = "length"
    UPPER = "upper"
    LOWER = "lower"
    FIRST = "first"


@dataclass(frozen=True, slots=True)
class Call:
    """``days(today - due)``; ``first(a, b)`` is the first argument that is not empty."""

    function: Function
    arguments: tuple[Expression, ...]


class Fold(StrEnum):
    """What is made of many rows."""

    COUNT = "count"
    SUM = "sum"
    AVERAGE = "average"
    LOWEST = "lowest"
    HIGHEST = "highest"


@dataclass(frozen=True, slots=True)
class Related:
    """Over the rows of ``entity`` whose reference ``by`` leads to this row: ``count(Loan by item where not returned)``,
    ``sum(Order Line.amount by order)``. ``where`` is about the related row. No rows: a count is 0, a sum 0, else empty.
    """

    fold: Fold
    entity: str
    by: str
    of: str | None = None
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class When:
    """``value when condition``: otherwise empty, or ``otherwise`` if given (``a when c else b``)."""

    value: Expression
    condition: Expression
    otherwise: Expression | None = None


Expression = (
    Text
    | Option
    | Number
    | Truth
    | Day
    | Instant
    | Clock
    | Days
    | Moment
    | Path
    | Compare
    | OneOf
    | IsEmpty
    | Contains
    | Not
    | And
    | Or
    | Arithmetic
    | Negative
    | Call
    | Related
    | When
)
