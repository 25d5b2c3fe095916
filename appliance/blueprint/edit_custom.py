"""Edits of custom places and of their cases. See ``edit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from appliance.blueprint.behaviour import MAX_DESCRIPTION, MAX_FRAGMENTS, Custom, Fragment, Part
from appliance.blueprint.case_parser import case_text, read_case
from appliance.blueprint.cursor import Cursor
from appliance.blueprint.edit_fields import apply as apply_field
from appliance.blueprint.edit_fields import known_entity, with_field
from appliance.blueprint.edits import (
    AddCase,
    AddCustom,
    AddField,
    AddFragment,
    Describe,
    EditRefused,
    RemoveCase,
    RemoveFragment,
)
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.places import MAX_CASES, Case, Place, fragment_key, places
from appliance.blueprint.words import is_title

if TYPE_CHECKING:
    from appliance.blueprint.edits import CustomEdit
    from appliance.blueprint.model import Blueprint


def apply(blueprint: Blueprint, edit: CustomEdit) -> Blueprint:
    """One edit of a custom place."""
    match edit:
        case AddCustom():
            _described(edit.description)
            made = apply_field(blueprint, AddField(edit.entity, edit.field, edit.type, label=edit.label))
            custom = Custom(edit.inputs, edit.description)
            return _with_custom(made, edit.entity, edit.field, custom)
        case AddFragment():
            return _add_fragment(blueprint, edit)
        case RemoveFragment(entity=entity, title=title):
            kept = tuple(item for item in blueprint.fragments if (item.entity, item.title) != (entity, title))
            if kept == blueprint.fragments:
                raise _gone()
            cases = tuple(item for item in blueprint.cases if (item.entity, item.name) != (entity, title))
            return replace(blueprint, fragments=kept, cases=cases)
        case Describe():
            return _describe(blueprint, edit)
        case AddCase(case=text):
            return replace(blueprint, cases=(*blueprint.cases, _read(blueprint, text)))
        case RemoveCase(case=text):
            kept_cases = tuple(item for item in blueprint.cases if case_text(item, blueprint) != text)
            if kept_cases == blueprint.cases:
                raise _gone()
            return replace(blueprint, cases=kept_cases)
        case _:
            assert_never(edit)


def known_place(blueprint: Blueprint, key: str) -> Place:
    """The custom place, or a refusal."""
    found = next((place for place in places(blueprint) if place.key == key), None)
    if found is None:
        raise _gone()
    return found


def without_stale(blueprint: Blueprint) -> Blueprint:
    """The blueprint without protections of custom places that are gone."""
    known = {place.key for place in places(blueprint)}
    kept = tuple(item for item in blueprint.protections if item.part is not Part.CUSTOM or item.name in known)
    return blueprint if kept == blueprint.protections else replace(blueprint, protections=kept)


def _gone() -> EditRefused:
    message = "There is no such place or example."
    return EditRefused(message, action="Reload the page; somebody may have changed the app.")


def _described(text: str) -> None:
    if not is_title(text) or len(text) > MAX_DESCRIPTION:
        message = "This description cannot be used."
        action = f"Say in 1 to {MAX_DESCRIPTION} characters what shall come out; leave out double quotes."
        raise EditRefused(message, action=action)


def _with_custom(blueprint: Blueprint, entity: str, field: str, custom: Custom) -> Blueprint:
    return with_field(
        blueprint,
        entity,
        lambda fields: (replace(item, custom=custom) if item.name == field else item for item in fields),
    )


def _add_fragment(blueprint: Blueprint, edit: AddFragment) -> Blueprint:
    known_entity(blueprint, edit.entity)
    _described(edit.description)
    made = Fragment(edit.entity, edit.title, edit.inputs, edit.description)
    if len(blueprint.fragments) >= MAX_FRAGMENTS or not edit.inputs or not is_title(edit.title):
        message = f"An app has up to {MAX_FRAGMENTS} such parts, each with a title and at least one field."
        raise EditRefused(message, action="Give it a title and tick a field, or remove another part first.")
    if any(fragment_key(item) == fragment_key(made) for item in blueprint.fragments):
        message = f"{edit.entity} has a part “{edit.title}” already."
        raise EditRefused(message, action="Give it another title.")
    return replace(blueprint, fragments=(*blueprint.fragments, made))


def _describe(blueprint: Blueprint, edit: Describe) -> Blueprint:
    place = known_place(blueprint, edit.place)
    _described(edit.description)
    if place.output is not None:
        names = tuple(item.name for item in place.inputs)
        return _with_custom(blueprint, place.entity, place.name, Custom(names, edit.description))
    changed = tuple(
        replace(item, description=edit.description) if fragment_key(item) == place.key else item
        for item in blueprint.fragments
    )
    return replace(blueprint, fragments=changed)


def _read(blueprint: Blueprint, text: str) -> Case:
    if len(blueprint.cases) >= MAX_CASES:
        message = f"An app has at most {MAX_CASES} examples for its code."
        raise EditRefused(message, action="Remove one first.")
    try:
        return read_case(Cursor(text, 1), blueprint.entities, blueprint.fragments, blueprint.cases)
    except BlueprintError as error:
        wrong = error.message.partition(": ")[2]
        message = f"This example cannot be read: {wrong}."
        raise EditRefused(message, action=error.hint or "Choose other values.") from error
