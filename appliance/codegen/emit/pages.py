"""``pages.py``: what stands in the navigation."""

from __future__ import annotations

from typing import assert_never

from appliance.blueprint import naming
from appliance.blueprint.model import Condition
from appliance.blueprint.screens import (
    BarWidget,
    CountWidget,
    DashboardPage,
    DetailPage,
    FormPage,
    ListWidget,
    Page,
    TablePage,
    Widget,
)
from appliance.codegen.emit.logic import Conditions, clause_text
from appliance.codegen.emit.names import Names, plain


def pages_module(names: Names, conditions: Conditions) -> str:
    """The text of ``pages.py``; registers the conditions that it needs."""
    for page in names.blueprint.pages:  # a table page gives a condition a better name than a widget
        if isinstance(page, TablePage):
            _where(conditions, page.title, page.entity, page.where)
    body = "".join(f"    {_page(names, conditions, page)},\n" for page in names.blueprint.pages)
    kinds = [
        name
        for name in ("Bars", "Count", "DashboardPage", "DetailPage", "FormPage", "Newest", "TablePage")
        if f"{name}(" in body
    ]
    head = f'"""The pages of {plain(names.blueprint.name)}, in the order of the navigation."""\n\n'
    imports = "from __future__ import annotations\n\nfrom . import " + ", ".join(
        (["logic"] if "logic." in body else []) + (["models"] if "models." in body else [])
    )
    if not body:
        return (
            head
            + "from __future__ import annotations\n\nfrom .kit.definition import Page\n\nPAGES: tuple[Page, ...] = ()\n"
        )
    imports += f"\nfrom .kit.definition import {', '.join(sorted([*kinds, 'Page']))}\n\n"
    return f"{head}{imports}PAGES: tuple[Page, ...] = (\n{body})\n"


def _page(names: Names, conditions: Conditions, page: Page) -> str:
    start = f"{page.title!r}, {naming.slug(page.title)!r}"
    match page:
        case TablePage():
            where = _where(conditions, page.title, page.entity, page.where)
            return f"TablePage({start}, {_entity(names, page.entity)}{where})"
        case FormPage():
            return f"FormPage({start}, {_entity(names, page.entity)})"
        case DetailPage():
            return f"DetailPage({start}, {_entity(names, page.entity)})"
        case DashboardPage():
            widgets = "".join(f"{_widget(names, conditions, page.title, widget)}, " for widget in page.widgets)
            return f"DashboardPage({start}, ({widgets}))"
        case _:
            assert_never(page)


def _widget(names: Names, conditions: Conditions, page: str, widget: Widget) -> str:
    where = _where(conditions, page, widget.entity, widget.where)
    title = repr(widget_title(names, widget))
    match widget:
        case CountWidget():
            return f"Count({title}, {_entity(names, widget.entity)}{where})"
        case BarWidget():
            by = naming.identifier(widget.by)
            return f"Bars({title}, {_entity(names, widget.entity)}, {by!r}{where})"
        case ListWidget():
            return f"Newest({title}, {_entity(names, widget.entity)}{where})"
        case _:
            assert_never(widget)


def widget_title(names: Names, widget: Widget) -> str:
    """What stands above the numbers: ``Loans by item, not returned``."""
    noun = naming.plural(widget.entity)
    title = {CountWidget: noun, ListWidget: f"Newest {noun if noun.isupper() else noun.lower()}"}.get(
        type(widget), noun
    )
    if isinstance(widget, BarWidget):
        title = f"{noun} by {naming.label(widget.by).lower()}"
    if widget.where is None:
        return title
    for page in names.blueprint.pages:
        same = isinstance(page, TablePage) and (page.entity, page.where) == (widget.entity, widget.where)
        if same and isinstance(widget, CountWidget | ListWidget):
            return page.title
    entity = names.blueprint.entity(widget.entity)
    return f"{title}: {' and '.join(clause_text(entity, clause) for clause in widget.where.clauses)}"


def _entity(names: Names, name: str) -> str:
    return f"models.{names.constants[name]}"


def _where(conditions: Conditions, title: str, entity: str, where: Condition | None) -> str:
    return "" if where is None else f", where=logic.{conditions.name(title, entity, where)}"
