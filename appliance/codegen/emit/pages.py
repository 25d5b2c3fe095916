"""``pages.py``: what stands in the navigation."""

from __future__ import annotations

import re
from typing import Final, assert_never

from appliance.blueprint import naming
from appliance.blueprint.screens import (
    BoardPage,
    CalendarPage,
    ChartPage,
    DashboardPage,
    DetailPage,
    FormPage,
    KioskPage,
    Page,
    ReportPage,
    TablePage,
    TimelinePage,
)
from appliance.codegen.emit.logic import Conditions
from appliance.codegen.emit.names import Names, plain
from appliance.codegen.emit.widgets import measure_value, path_text, widget_value

_FROM_KIT: Final = re.compile(r"\b(Bars|Count|Figure|Measure|Newest|[A-Z][a-z]+Page)\(")


def pages_module(names: Names, conditions: Conditions) -> str:
    """The text of ``pages.py``; registers the conditions that it needs."""
    for page in names.blueprint.pages:  # a table page gives a condition a better name than a widget
        if isinstance(page, TablePage) and page.where is not None:
            conditions.name(page.title, page.entity, page.where)
    body = "".join(f"    {_page(names, conditions, page)},\n" for page in names.blueprint.pages)
    kinds = {*_FROM_KIT.findall(body), "Page"}
    head = f'"""The pages of {plain(names.blueprint.name)}, in the order of the navigation."""\n\n'
    imports = "from __future__ import annotations\n\nfrom . import " + ", ".join(
        (["logic"] if "logic." in body else []) + (["models"] if "models." in body else [])
    )
    if not body:
        return (
            head
            + "from __future__ import annotations\n\nfrom .kit.definition import Page\n\nPAGES: tuple[Page, ...] = ()\n"
        )
    imports += f"\nfrom .kit.definition import {', '.join(sorted(kinds))}\n\n"
    return f"{head}{imports}PAGES: tuple[Page, ...] = (\n{body})\n"


def _page(names: Names, conditions: Conditions, page: Page) -> str:
    start = f"{page.title!r}, {naming.slug(page.title)!r}"
    if isinstance(page, DashboardPage):
        widgets = "".join(f"{widget_value(names, conditions, page.title, widget)}, " for widget in page.widgets)
        return f"DashboardPage({start}, ({widgets}))"
    entity = f"models.{names.constants[page.entity]}"
    if isinstance(page, FormPage | DetailPage):
        return f"{type(page).__name__}({start}, {entity})"
    if isinstance(page, KioskPage):
        thanks = f", thanks={page.thanks!r}" if page.thanks else ""
        return f"KioskPage({start}, {entity}, {_fields(page.fields)}{thanks})"
    where = ""
    if page.where is not None:
        where = f", where=logic.{conditions.name(page.title, page.entity, page.where)}"
    return _rows_page(page, start, entity, where)


def _rows_page(
    page: TablePage | BoardPage | CalendarPage | TimelinePage | ChartPage | ReportPage,
    start: str,
    entity: str,
    where: str,
) -> str:
    match page:
        case TablePage():
            sort = f"{'-' if page.sort.down else ''}{naming.identifier(page.sort.field)}" if page.sort else ""
            columns = f", columns={_fields(page.columns)}" if page.columns else ""
            return f"TablePage({start}, {entity}{where}{columns}{f', sort={sort!r}' if sort else ''})"
        case BoardPage():
            return f"BoardPage({start}, {entity}, {naming.identifier(page.by)!r}{where})"
        case CalendarPage():
            end = f", {naming.identifier(page.end)!r}" if page.end else ""
            return f"CalendarPage({start}, {entity}, {naming.identifier(page.start)!r}{end}{where})"
        case TimelinePage():
            by = f", by={naming.identifier(page.by)!r}" if page.by else ""
            days = f"{naming.identifier(page.start)!r}, {naming.identifier(page.end)!r}"
            return f"TimelinePage({start}, {entity}, {days}{by}{where})"
        case ChartPage():
            per = f", per={page.per.value!r}" if page.per else ""
            what = f"{path_text(page.by)!r}, {measure_value(page.measure)}"
            return f"ChartPage({start}, {page.shape.value!r}, {entity}, {what}{per}{where})"
        case ReportPage():
            columns = f", columns={_fields(page.columns)}" if page.columns else ""
            by = f", by={path_text(page.by)!r}" if page.by else ""
            totals = f", totals={_tuple([measure_value(total) for total in page.totals])}" if page.totals else ""
            return f"ReportPage({start}, {entity}{columns}{by}{totals}{where})"
        case _:
            assert_never(page)


def _fields(fields: tuple[str, ...]) -> str:
    return _tuple([repr(naming.identifier(field)) for field in fields])


def _tuple(values: list[str]) -> str:
    """Without a comma at the end, so that the formatter keeps a short one on its line."""
    return f"({values[0]},)" if len(values) == 1 else f"({', '.join(values)})"
