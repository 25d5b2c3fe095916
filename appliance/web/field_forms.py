"""From the forms of the Data page to typed edits: only what differs from what stands becomes an edit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.blueprint.edits import (
    AddEntity,
    AddField,
    AddOption,
    DeleteField,
    Edit,
    EditRefused,
    HideField,
    MoveField,
    OrderOptions,
    RemoveEntity,
    RemoveOption,
    RenameEntity,
    RenameField,
    RenameOption,
    RetypeField,
    SetHelp,
    SetLabel,
    SetRequired,
    SetUnique,
)
from appliance.blueprint.model import Choice, FieldType, Numbering, Ref, Scalar
from appliance.blueprint.naming import label as in_words
from appliance.web.forms import gone, known_entity, moves_to, named

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint, Entity, Field
    from appliance.web.forms import Form

_PATTERN: Final = re.compile(r"(\D{0,12}?)(\d{1,9})")
_SCALARS: Final = frozenset(item.value for item in Scalar)


def field(form: Form, blueprint: Blueprint) -> list[Edit]:
    """A field as its form shows it, or its removal."""
    entity = known_entity(blueprint, form.one("entity"))
    stands = entity.field(form.one("field"))
    if stands is None:
        raise gone()
    if form.one("remove"):
        return [DeleteField(entity.name, stands.name)]
    where = (entity.name, stands.name)
    made: list[Edit] = []
    if stands.computed is None and stands.custom is None:
        made += _type_edits(form, entity, stands)
        required, unique = bool(form.one("required")), bool(form.one("unique"))
        made += [SetRequired(*where, required)] if required != stands.required else []
        made += [SetUnique(*where, unique)] if unique != stands.unique else []
    hidden, help_ = bool(form.one("hidden")), form.one("help")
    made += [HideField(*where, hidden)] if hidden != stands.hidden else []
    made += [SetHelp(*where, help_)] if help_ != stands.help else []
    text = form.one("name")
    if text and text != (stands.label or in_words(stands.name)):
        name, label = named(text)
        made += [SetLabel(*where, label)] if label != stands.label else []
        made += [RenameField(*where, name)] if name != stands.name else []
    return made


def _type_edits(form: Form, entity: Entity, field: Field) -> list[Edit]:
    """Another type, or other options of the same choice; renamed options keep their rows."""
    where = (entity.name, field.name)
    wanted = form.one("type")
    if wanted != "choice" or not isinstance(field.type, Choice):
        options = [option for option in form.all("option") if option]
        kind = _type(wanted, options, form.one("pattern"))
        return [] if kind == field.type else [RetypeField(*where, kind)]
    pairs = list(zip(form.all("option_was"), form.all("option"), strict=False))
    if not {was for was, _ in pairs if was} <= set(field.type.options):
        raise gone()
    made: list[Edit] = [RenameOption(*where, was, now) for was, now in pairs if was and now and was != now]
    made += [AddOption(*where, now) for was, now in pairs if now and not was]
    made += [RemoveOption(*where, was) for was, now in pairs if was and not now]
    order = tuple(now for _, now in pairs if now)
    renamed = {was: now for was, now in pairs if was}
    stands = tuple(renamed[option] for option in field.type.options if renamed.get(option))
    stands += tuple(now for was, now in pairs if now and not was)
    return made + ([OrderOptions(*where, order)] if order != stands else [])


def _type(wanted: str, options: list[str], pattern: str) -> FieldType:
    if wanted == "choice":
        if len(options) < 2:
            message = "A choice needs at least two choices."
            raise EditRefused(message, action="Write them down, one a line.")
        return Choice(tuple(options))
    if wanted.startswith("ref:"):
        return Ref(wanted.removeprefix("ref:"))
    if wanted == "sequence":
        found = _PATTERN.fullmatch(pattern)
        if found is None:
            message = f"“{pattern}” cannot be the first number."
            raise EditRefused(message, action="Write letters and then digits, such as REQ-0001.")
        return Numbering(found[1], len(found[2]), int(found[2]))
    if wanted not in _SCALARS:
        message = "There is no such kind of field."
        raise EditRefused(message, action="Choose one from the list.")
    return Scalar(wanted)


def field_add(form: Form, blueprint: Blueprint) -> list[Edit]:
    """A new field."""
    entity = known_entity(blueprint, form.one("entity"))
    name, label = named(form.one("name"))
    kind = _type(form.one("type"), form.lines("choices"), form.one("pattern"))
    made: list[Edit] = [AddField(entity.name, name, kind, required=bool(form.one("required")), label=label)]
    return made + ([SetUnique(entity.name, name, unique=True)] if form.one("unique") else [])


def field_order(form: Form, blueprint: Blueprint) -> list[Edit]:
    """The fields in another order."""
    entity = known_entity(blueprint, form.one("entity"))
    names = [field.name for field in entity.fields]
    return [MoveField(entity.name, name, at) for name, at in moves_to(names, form.one("order").split(","))]


def entity_rename(form: Form, blueprint: Blueprint) -> list[Edit]:
    """Another name for a kind of record."""
    entity, to = known_entity(blueprint, form.one("entity")), form.one("name")
    return [RenameEntity(entity.name, to)] if to != entity.name else []


def entity_add(form: Form, blueprint: Blueprint) -> list[Edit]:  # noqa: ARG001 - one shape for all readers
    """A new kind of record with its first field."""
    name, label = named(form.one("field"))
    return [AddEntity(form.one("name"), name, label)]


def entity_remove(form: Form, blueprint: Blueprint) -> list[Edit]:
    """A kind of record less."""
    return [RemoveEntity(known_entity(blueprint, form.one("entity")).name)]
