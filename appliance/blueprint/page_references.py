"""The names inside pages and the figures of dashboards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

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
    Measure,
    Page,
    ReportPage,
    TablePage,
    TimelinePage,
    Widget,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.blueprint.expressions import Expression
    from appliance.blueprint.references import Renamer

    Where = Callable[[str, Expression | None], Expression | None]
    Dotted = Callable[[str, str], str]


class PageWalk:
    """Rewrites pages; ``where`` rewrites a condition on an entity, ``dotted`` a path such as ``item.category``."""

    def __init__(self, renamer: Renamer, where: Where, dotted: Dotted) -> None:
        self._to = renamer
        self._where = where
        self._dotted = dotted

    def page(self, page: Page) -> Page:  # noqa: PLR0911 - one return per kind
        """The rewritten page."""
        if isinstance(page, DashboardPage):
            return replace(page, widgets=tuple(self._widget(widget) for widget in page.widgets))
        here = page.entity

        def named(name: str) -> str:
            return self._to.field(here, name)

        entity = self._to.entity(here)
        match page:
            case FormPage() | DetailPage():
                return replace(page, entity=entity)
            case KioskPage():
                return replace(page, entity=entity, fields=tuple(named(name) for name in page.fields))
            case TablePage():
                sort = None if page.sort is None else replace(page.sort, field=named(page.sort.field))
                columns = tuple(named(name) for name in page.columns)
                return replace(page, entity=entity, where=self._where(here, page.where), columns=columns, sort=sort)
            case BoardPage():
                return replace(page, entity=entity, by=named(page.by), where=self._where(here, page.where))
            case CalendarPage() | TimelinePage():
                return self._dated(page, named, entity)
            case ChartPage():
                return replace(
                    page,
                    entity=entity,
                    by=self._dotted(page.by, here),
                    measure=self._measure(here, page.measure),
                    where=self._where(here, page.where),
                )
            case ReportPage():
                return replace(
                    page,
                    entity=entity,
                    columns=tuple(named(name) for name in page.columns),
                    by=None if page.by is None else named(page.by),
                    totals=tuple(self._measure(here, measure) for measure in page.totals),
                    where=self._where(here, page.where),
                )
            case _:
                assert_never(page)

    def _dated(self, page: CalendarPage | TimelinePage, named: Callable[[str], str], entity: str) -> Page:
        where = self._where(page.entity, page.where)
        if isinstance(page, CalendarPage):
            end = None if page.end is None else named(page.end)
            return replace(page, entity=entity, start=named(page.start), end=end, where=where)
        by = None if page.by is None else named(page.by)
        return replace(page, entity=entity, start=named(page.start), end=named(page.end), by=by, where=where)

    def _measure(self, entity: str, measure: Measure) -> Measure:
        return measure if measure.of is None else replace(measure, of=self._to.field(entity, measure.of))

    def _widget(self, widget: Widget) -> Widget:
        here = widget.entity
        entity, where = self._to.entity(here), self._where(here, widget.where)
        match widget:
            case CountWidget() | ListWidget():
                return replace(widget, entity=entity, where=where)
            case FigureWidget():
                return replace(widget, entity=entity, measure=self._measure(here, widget.measure), where=where)
            case BarWidget():
                measure = None if widget.measure is None else self._measure(here, widget.measure)
                return replace(widget, entity=entity, by=self._dotted(widget.by, here), where=where, measure=measure)
            case _:
                assert_never(widget)
