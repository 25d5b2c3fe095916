"""Pages to text."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from appliance.blueprint.expression_printer import expression_text, quoted
from appliance.blueprint.expressions import Fold
from appliance.blueprint.screens import (
    BarWidget,
    BoardPage,
    CalendarPage,
    ChartPage,
    CountWidget,
    DashboardPage,
    DetailPage,
    FigureWidget,
    FormPage,
    KioskPage,
    ListWidget,
    ReportPage,
    TablePage,
    TimelinePage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.expressions import Expression
    from appliance.blueprint.model import Blueprint
    from appliance.blueprint.screens import Measure, Page, Widget


def where_text(where: Expression | None, blueprint: Blueprint, entity: str) -> str:
    """`` where …`` or nothing."""
    if where is None:
        return ""
    return f" where {expression_text(where, blueprint.entities, blueprint.entity(entity))}"


def measure_text(measure: Measure) -> str:
    """``count`` or ``sum amount``."""
    return measure.fold.value if measure.of is None else f"{measure.fold} {measure.of}"


def widget_text(widget: Widget, blueprint: Blueprint) -> str:
    """A widget of a dashboard."""
    where = where_text(widget.where, blueprint, widget.entity)
    match widget:
        case CountWidget():
            return f"count {widget.entity}{where}"
        case FigureWidget():
            return f"{measure_text(widget.measure)} of {widget.entity}{where}"
        case BarWidget():
            measure = f" {measure_text(widget.measure)}" if widget.measure is not None else ""
            return f"bar {widget.entity} by {widget.by}{measure}{where}"
        case ListWidget():
            return f"list {widget.entity}{where}"
        case _:
            assert_never(widget)


def page_line(page: Page, blueprint: Blueprint) -> str:
    """``page "Overdue" table Loan where due < today``."""
    head = f"page {quoted(page.title)}"
    match page:
        case FormPage():
            return f"{head} form {page.entity}"
        case DetailPage():
            return f"{head} detail {page.entity}"
        case KioskPage():
            thanks = f" thanks {quoted(page.thanks)}" if page.thanks else ""
            return f"{head} kiosk {page.entity}{_fields(page.fields)}{thanks}"
        case DashboardPage():
            return f"{head} dashboard: " + ", ".join(widget_text(widget, blueprint) for widget in page.widgets)
        case _:
            return f"{head} {_rows(page)}{where_text(page.where, blueprint, page.entity)}"


def _rows(page: TablePage | BoardPage | CalendarPage | TimelinePage | ChartPage | ReportPage) -> str:
    match page:
        case TablePage():
            sort = f" sort {page.sort.field}{' down' if page.sort.down else ''}" if page.sort else ""
            return f"table {page.entity}{_fields(page.columns)}{sort}"
        case BoardPage():
            return f"board {page.entity} by {page.by}"
        case CalendarPage():
            return f"calendar {page.entity} by {page.start}" + (f" to {page.end}" if page.end else "")
        case TimelinePage():
            return f"timeline {page.entity} from {page.start} to {page.end}" + (f" by {page.by}" if page.by else "")
        case ChartPage():
            per = f" per {page.per}" if page.per else ""
            measure = "" if page.measure.fold is Fold.COUNT else f" {measure_text(page.measure)}"
            return f"chart {page.shape} {page.entity} by {page.by}{per}{measure}"
        case ReportPage():
            by = f" by {page.by}" if page.by else ""
            totals = ", ".join(measure_text(total) for total in page.totals)
            return f"report {page.entity}{_fields(page.columns)}{by}{f' {totals}' if totals else ''}"
        case _:
            assert_never(page)


def _fields(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""
