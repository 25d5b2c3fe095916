"""Taking out what nobody asked for, with all that shows it: pages, figures, links of other records. See ``edit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.blueprint.edit_entities import remove_entity
from appliance.blueprint.edit_fields import apply as apply_field
from appliance.blueprint.edit_fields import known_entity, known_field, without_column
from appliance.blueprint.edits import DeleteField
from appliance.blueprint.model import Ref
from appliance.blueprint.references import uses
from appliance.blueprint.screens import DashboardPage

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint
    from appliance.blueprint.screens import Page


def drop(blueprint: Blueprint, name: str) -> Blueprint:
    """The blueprint without a record (``Author``) or a field (``Book.photo``).

    Raises:
        EditRefused: there is none, it is the only one, or a rule, an action or a computed field needs it.
    """
    if any(entity.name == name for entity in blueprint.entities):
        return _record(blueprint, name)
    entity, _, field = name.rpartition(".")
    known_field(blueprint, entity, field)
    return _field(blueprint, entity, field)


def _record(blueprint: Blueprint, name: str) -> Blueprint:
    made = blueprint
    for entity in blueprint.entities:
        for field in entity.fields:
            if entity.name != name and field.type == Ref(name) and len(known_entity(made, entity.name).fields) > 1:
                made = _field(made, entity.name, field.name)
    return remove_entity(made, known_entity(made, name))


def _field(blueprint: Blueprint, entity: str, field: str) -> Blueprint:
    full = f"{entity}.{field}"
    pages = (_page(blueprint, page, full) for page in blueprint.pages)
    made = replace(blueprint, pages=tuple(page for page in pages if page is not None))
    gone = {page.title for page in blueprint.pages} - {page.title for page in made.pages}
    kept = tuple(item for item in made.protections if item.part != "page" or item.name not in gone)
    return apply_field(replace(made, protections=kept), DeleteField(entity, field))


def _page(blueprint: Blueprint, page: Page, full: str) -> Page | None:
    """The page without what needs the field; None if nothing is left of it. Lists simply lose a column."""
    if isinstance(page, DashboardPage):
        single = (replace(page, widgets=(widget,)) for widget in page.widgets)
        widgets = tuple(one.widgets[0] for one in single if not _shows(blueprint, one, full))
        return replace(page, widgets=widgets) if widgets else None
    entity, _, field = full.rpartition(".")
    narrowed = without_column(page, entity, field)
    return None if _shows(blueprint, narrowed, full) else narrowed


def _shows(blueprint: Blueprint, page: Page, full: str) -> bool:
    alone = replace(blueprint, pages=(page,))
    place = f"the page “{page.title}”"
    return any((use.what, use.name, use.place) == ("field", full, place) for use in uses(alone))
