"""Carries out direct edits: pure functions from a blueprint to a blueprint. What would break is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint import (
    edit_assumed,
    edit_checks,
    edit_custom,
    edit_entities,
    edit_fields,
    edit_pages,
    edit_parts,
)
from appliance.blueprint.behaviour import Rename, Renamed
from appliance.blueprint.edits import (
    CheckEdit,
    CustomEdit,
    DropAssumed,
    EditRefused,
    EntityEdit,
    FieldEdit,
    OptionEdit,
    PageEdit,
    RenameEntity,
    RenameField,
    RenameOption,
    RenameRole,
)
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import Choice
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.blueprint.changes import Thing
    from appliance.blueprint.edits import Edit
    from appliance.blueprint.model import Blueprint

MAX_EDITS: Final = 100


def apply(blueprint: Blueprint, edit: Edit) -> Blueprint:
    """The blueprint after one edit, without its renames.

    Raises:
        EditRefused: it names something that is not there, or would break something; the places are named.
    """
    made = edit_custom.without_stale(_apply(blueprint, edit))
    try:
        parse(to_text(made))
    except BlueprintError as error:
        message = "This change would break something else."
        raise EditRefused(message, cause=error.message, action=error.hint or "Change that first.") from error
    return made


def _apply(blueprint: Blueprint, edit: Edit) -> Blueprint:  # noqa: PLR0911 - one return per family
    if isinstance(edit, FieldEdit):
        return edit_fields.apply(blueprint, edit)
    if isinstance(edit, OptionEdit):
        return edit_fields.apply_option(blueprint, edit)
    if isinstance(edit, PageEdit):
        return edit_pages.apply(blueprint, edit)
    if isinstance(edit, EntityEdit):
        return edit_entities.apply(blueprint, edit)
    if isinstance(edit, CheckEdit):
        return edit_checks.apply(blueprint, edit)
    if isinstance(edit, CustomEdit):
        return edit_custom.apply(blueprint, edit)
    if isinstance(edit, DropAssumed):
        return edit_assumed.drop(blueprint, edit.name)
    return edit_parts.apply(blueprint, edit)


def apply_all(blueprint: Blueprint, edits: Sequence[Edit]) -> Blueprint:
    """The blueprint after all edits; its ``renames`` say what they renamed, put together over all of them.

    Raises:
        EditRefused: see :func:`apply`; nothing is changed then.
    """
    if len(edits) > MAX_EDITS:
        message = f"{len(edits)} edits at once are too many; up to {MAX_EDITS} can be taken in."
        raise EditRefused(message, action="Make them in several steps.")
    made = replace(blueprint, renames=())
    origin: dict[Thing, str | None] = {thing: thing[2] for thing in things(made)}
    for edit in edits:
        after = apply(made, edit)
        origin = {thing: origin.get(_before(edit, thing)) for thing in things(after)}
        made = after
    renames = tuple(
        Rename(kind, within, was, name) for (kind, within, name), was in origin.items() if was not in (None, name)
    )
    return replace(made, renames=renames)


def things(blueprint: Blueprint) -> Iterable[Thing]:
    """Everything that has an identity of its own, entities and roles first."""
    yield from ((Renamed.ENTITY, "", entity.name) for entity in blueprint.entities)
    yield from ((Renamed.ROLE, "", role) for role in blueprint.roles)
    for entity in blueprint.entities:
        yield from ((Renamed.FIELD, entity.name, field.name) for field in entity.fields)
    for entity in blueprint.entities:
        for field in entity.fields:
            if isinstance(field.type, Choice):
                yield from ((Renamed.OPTION, f"{entity.name}.{field.name}", option) for option in field.type.options)


def _before(edit: Edit, thing: Thing) -> Thing:  # noqa: PLR0911 - per kind of rename
    """What a thing after the edit was called before it."""
    kind, within, name = thing
    match edit:
        case RenameEntity(entity=old, to=new):
            if kind is Renamed.ENTITY and name == new:
                return kind, within, old
            entity, dot, field = within.rpartition(".") if kind is Renamed.OPTION else (within, "", "")
            return kind, f"{old if entity == new else entity}{dot}{field}", name
        case RenameRole(role=old, to=new) if (kind, name) == (Renamed.ROLE, new):
            return kind, within, old
        case RenameField(entity=entity, field=old, to=new):
            if (kind, within, name) == (Renamed.FIELD, entity, new):
                return kind, within, old
            return kind, f"{entity}.{old}" if within == f"{entity}.{new}" else within, name
        case RenameOption(entity=entity, field=field, option=old, to=new):
            return (kind, within, old) if (within, name) == (f"{entity}.{field}", new) else thing
        case _:
            return thing
