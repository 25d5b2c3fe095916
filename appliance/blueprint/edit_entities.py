"""Edits that add or remove whole things: kinds of records, roles, and who sees one field. See ``edit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from appliance.blueprint.behaviour import Part
from appliance.blueprint.edit_fields import known_entity, known_field, refuse_if_used
from appliance.blueprint.edit_parts import check_entity, known_role
from appliance.blueprint.edits import AddEntity, EditRefused, EntityEdit, NarrowField, RemoveEntity, RemoveRole
from appliance.blueprint.model import MAX_ENTITIES, Entity, Field, FieldAccess, Grant, Permission, Scalar, Verb
from appliance.blueprint.screens import DashboardPage
from appliance.blueprint.words import is_field

if TYPE_CHECKING:
    from appliance.blueprint.model import Access, Blueprint
    from appliance.blueprint.screens import Page


def apply(blueprint: Blueprint, edit: EntityEdit) -> Blueprint:
    """One edit that adds or removes a whole thing."""
    match edit:
        case AddEntity():
            return _add(blueprint, edit)
        case RemoveEntity(entity=name):
            return remove_entity(blueprint, known_entity(blueprint, name))
        case RemoveRole(role=role):
            return _remove_role(blueprint, role)
        case NarrowField():
            return _narrow(blueprint, edit)
        case _:
            assert_never(edit)


def _add(blueprint: Blueprint, edit: AddEntity) -> Blueprint:
    check_entity(blueprint, edit.entity, but="")
    if not is_field(edit.field):
        message = f"“{edit.field}” cannot be the name of a field."
        raise EditRefused(message, action="Use lower-case words joined by underscores, such as due_date.")
    if len(blueprint.entities) >= MAX_ENTITIES:
        message = f"An app has at most {MAX_ENTITIES} kinds of records."
        raise EditRefused(message, action="Remove one first, or make a second app.")
    made = Entity(edit.entity, (Field(edit.field, Scalar.TEXT, required=True, label=edit.label),))
    return replace(blueprint, entities=(*blueprint.entities, made))


def remove_entity(blueprint: Blueprint, entity: Entity) -> Blueprint:
    """The kind of record with everything that is only about it; fields of others that refer to it are in the way."""
    name = entity.name
    if len(blueprint.entities) == 1:
        message = f"“{name}” is the only kind of record."
        raise EditRefused(message, action="Add another one first.")
    pages = tuple(page for page in (_page_without(page, name) for page in blueprint.pages) if page is not None)
    titles = {page.title for page in pages}
    gone = {page.title for page in blueprint.pages} - titles
    tidy = replace(
        blueprint,
        pages=pages,
        access=tuple(item for item in blueprint.access if item.entity != name),
        field_access=tuple(item for item in blueprint.field_access if item.entity != name),
        rules=tuple(item for item in blueprint.rules if item.entity != name),
        actions=tuple(item for item in blueprint.actions if item.entity != name),
        reminders=tuple(item for item in blueprint.reminders if item.entity != name),
        marks=tuple(item for item in blueprint.marks if item.entity != name),
        fragments=tuple(item for item in blueprint.fragments if item.entity != name),
        cases=tuple(item for item in blueprint.cases if item.entity != name),
        checks=tuple(item for item in blueprint.checks if item.entity != name),
        examples=tuple(item for item in blueprint.examples if item.entity != name),
        protections=tuple(
            item for item in blueprint.protections if item.name not in ({name} if item.part is not Part.PAGE else gone)
        ),
    )
    others = replace(tidy, entities=tuple(item for item in tidy.entities if item.name != name))
    refuse_if_used(others, "entity", name, f"Removing {name}")
    return others


def _page_without(page: Page, entity: str) -> Page | None:
    if isinstance(page, DashboardPage):
        widgets = tuple(widget for widget in page.widgets if widget.entity != entity)
        return replace(page, widgets=widgets) if widgets else None
    return None if page.entity == entity else page


def _remove_role(blueprint: Blueprint, role: str) -> Blueprint:
    known_role(blueprint, role)
    if len(blueprint.roles) == 1:
        message = f"“{role}” is the only role."
        raise EditRefused(message, action="Add another one first.")
    access = tuple(_without_role(item, role) for item in blueprint.access)
    narrowed = tuple(
        replace(item, grants=tuple(grant for grant in item.grants if grant.role != role))
        for item in blueprint.field_access
    )
    tidy = replace(
        blueprint,
        roles=tuple(item for item in blueprint.roles if item != role),
        access=tuple(item for item in access if item.grants),
        field_access=tuple(item for item in narrowed if item.grants),
        checks=tuple(item for item in blueprint.checks if item.role != role),
    )
    refuse_if_used(tidy, "role", role, f"Removing the role “{role}”")
    return tidy


def _without_role(access: Access, role: str) -> Access:
    return replace(access, grants=tuple(grant for grant in access.grants if grant.role != role))


def _narrow(blueprint: Blueprint, edit: NarrowField) -> Blueprint:
    known_field(blueprint, edit.entity, edit.field)
    for role in edit.roles:
        known_role(blueprint, role)
    rest = tuple(item for item in blueprint.field_access if (item.entity, item.field) != (edit.entity, edit.field))
    if not edit.roles:
        return replace(blueprint, field_access=rest)
    grants = tuple(_grant(blueprint, edit.entity, role) for role in blueprint.roles if role in edit.roles)
    return replace(blueprint, field_access=(*rest, FieldAccess(edit.entity, edit.field, grants)))


def _grant(blueprint: Blueprint, entity: str, role: str) -> Grant:
    """What the role may do with the record anyway: seeing it, and changing it where it may change the record."""
    found = [blueprint.permission(entity, role, verb) for verb in (Verb.READ, Verb.EDIT)]
    permissions = tuple(item for item in found if item is not None) or (Permission(Verb.READ),)
    return Grant(role, permissions)
