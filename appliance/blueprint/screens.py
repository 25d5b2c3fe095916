"""The screens of an app: pages in the navigation, and the figures of a dashboard. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.blueprint.expressions import Expression, Fold

MAX_PAGES: Final = 16
MAX_WIDGETS: Final = 8
MAX_COLUMNS: Final = 12
MAX_TOTALS: Final = 4


@dataclass(frozen=True, slots=True)
class Sort:
    """``sort due`` or ``sort due down``."""

    field: str
    down: bool = False


@dataclass(frozen=True, slots=True)
class TablePage:
    """``table Loan (item, due) sort due down where not returned``: a list with search, sort, filter and paging;
    ``columns`` empty: the app chooses."""

    title: str
    entity: str
    where: Expression | None = None
    columns: tuple[str, ...] = ()
    sort: Sort | None = None


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page for creating one row."""

    title: str
    entity: str


@dataclass(frozen=True, slots=True)
class DetailPage:
    """Pick a row, see it with its related records."""

    title: str
    entity: str


@dataclass(frozen=True, slots=True)
class BoardPage:
    """``board Task by status``: a column per option of a choice (or boolean); dragging a card sets the field."""

    title: str
    entity: str
    by: str
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """``calendar Loan by due`` or ``calendar Leave by first_day to last_day``: a month of rows by date."""

    title: str
    entity: str
    start: str
    end: str | None = None
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """``timeline Project from start to end by owner``: bars on a time axis, in lanes per value of ``by``."""

    title: str
    entity: str
    start: str
    end: str
    by: str | None = None
    where: Expression | None = None


class Shape(StrEnum):
    """How a chart is drawn."""

    BAR = "bar"
    LINE = "line"
    PIE = "pie"


class Period(StrEnum):
    """How dates are put together."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Measure:
    """What is counted or added up: ``count``, or ``sum amount``; ``of`` is a number, money or duration field."""

    fold: Fold
    of: str | None = None


@dataclass(frozen=True, slots=True)
class ChartPage:
    """``chart line Order by ordered_on per month sum amount where …``. ``by`` is a field or, over a reference,
    ``item.category``; ``per`` is given for dates."""

    title: str
    shape: Shape
    entity: str
    by: str
    measure: Measure
    per: Period | None = None
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class KioskPage:
    """``kiosk Visitor (name, company, host) thanks "Please take a seat"``: a form without sign-in, which only adds."""

    title: str
    entity: str
    fields: tuple[str, ...]
    thanks: str = ""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """``report Expense (date, what, amount) by person sum amount``: made for paper: groups, sums, date and page."""

    title: str
    entity: str
    columns: tuple[str, ...] = ()
    by: str | None = None
    totals: tuple[Measure, ...] = ()
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class CountWidget:
    """How many rows."""

    entity: str
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class FigureWidget:
    """``sum amount of Order``: one figure over the rows."""

    entity: str
    measure: Measure
    where: Expression | None = None


@dataclass(frozen=True, slots=True)
class BarWidget:
    """Rows counted (or measured) per value of ``by``: a choice, boolean, ref or person field, or ``item.category``."""

    entity: str
    by: str
    where: Expression | None = None
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class ListWidget:
    """The newest few rows."""

    entity: str
    where: Expression | None = None


Widget = CountWidget | FigureWidget | BarWidget | ListWidget


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """Widgets side by side."""

    title: str
    widgets: tuple[Widget, ...]


Page = (
    TablePage
    | FormPage
    | DetailPage
    | BoardPage
    | CalendarPage
    | TimelinePage
    | ChartPage
    | KioskPage
    | ReportPage
    | DashboardPage
)
