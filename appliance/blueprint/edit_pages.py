"""Edits of pages. See ``edit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from appliance.blueprint.behaviour import Part, Protection
from appliance.blueprint.edit_fields import known_entity, known_field
from appliance.blueprint.edits import (
    AddPage,
    EditRefused,
    MovePage,
    NewPage,
    PageEdit,
    RemovePage,
    RenamePage,
    SetColumns,
)
from appliance.blueprint.model import MAX_NAME
from appliance.blueprint.naming import slug
from appliance.blueprint.screens import (
    MAX_COLUMNS,
    MAX_PAGES,
    BoardPage,
    CalendarPage,
    DetailPage,
    FormPage,
    ReportPage,
    TablePage,
)
from appliance.blueprint.words import is_title

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint
    from appliance.blueprint.screens import Page


def apply(blueprint: Blueprint, edit: PageEdit) -> Blueprint:
    """One edit of a page."""
    pages = list(blueprint.pages)
    if isinstance(edit, AddPage):
        return replace(blueprint, pages=(*pages, _new(blueprint, edit)))
    at = next((index for index, page in enumerate(pages) if page.title == edit.page), None)
    if at is None:
        message = f"There is no page “{edit.page}”."
        raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
    match edit:
        case RenamePage(to=to):
            check_title(blueprint, to, but=edit.page)
            pages[at] = replace(pages[at], title=to)
            protections = tuple(
                Protection(Part.PAGE, to) if item == Protection(Part.PAGE, edit.page) else item
                for item in blueprint.protections
            )
            blueprint = replace(blueprint, protections=protections)
        case MovePage(to=to):
            page = pages.pop(at)
            pages.insert(max(0, min(to, len(pages))), page)
        case RemovePage():
            del pages[at]
            kept = tuple(item for item in blueprint.protections if item != Protection(Part.PAGE, edit.page))
            blueprint = replace(blueprint, protections=kept)
        case SetColumns(columns=columns):
            pages[at] = _columns(blueprint, pages[at], columns)
        case _:
            assert_never(edit)
    return replace(blueprint, pages=tuple(pages))


def check_title(blueprint: Blueprint, title: str, *, but: str = "") -> None:
    """Whether a page may be called so."""
    if not is_title(title) or len(title) > MAX_NAME:
        message = f"“{title}” cannot be the title of a page."
        raise EditRefused(message, action=f"Use 1 to {MAX_NAME} characters, without quotes.")
    if any(slug(page.title) == slug(title) and page.title != but for page in blueprint.pages):
        message = f"There is a page “{title}” already."
        raise EditRefused(message, action="Choose another title.")


def _new(blueprint: Blueprint, edit: AddPage) -> Page:
    check_title(blueprint, edit.page)
    known_entity(blueprint, edit.entity)
    if len(blueprint.pages) >= MAX_PAGES:
        message = f"An app has at most {MAX_PAGES} pages."
        raise EditRefused(message, action="Remove one first.")
    match edit.kind:
        case NewPage.TABLE:
            return TablePage(edit.page, edit.entity)
        case NewPage.FORM:
            return FormPage(edit.page, edit.entity)
        case NewPage.DETAIL:
            return DetailPage(edit.page, edit.entity)
        case NewPage.BOARD:
            return BoardPage(edit.page, edit.entity, known_field(blueprint, edit.entity, edit.by).name)
        case NewPage.CALENDAR:
            return CalendarPage(edit.page, edit.entity, known_field(blueprint, edit.entity, edit.start).name)
        case _:
            assert_never(edit.kind)


def _columns(blueprint: Blueprint, page: Page, columns: tuple[str, ...]) -> Page:
    if not isinstance(page, TablePage | ReportPage):
        message = f"“{page.title}” has no columns."
        raise EditRefused(message, action="Only tables and reports have columns.")
    for column in columns:
        known_field(blueprint, page.entity, column)
    if len(columns) > MAX_COLUMNS or len(set(columns)) != len(columns):
        message = f"A list shows each column once, and at most {MAX_COLUMNS}."
        raise EditRefused(message, action="Take some away.")
    return replace(page, columns=columns)
