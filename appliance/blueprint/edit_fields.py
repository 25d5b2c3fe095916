"""Edits of fields and of the options of choices. See ``edit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from appliance.blueprint.edits import (
    AddField,
    AddOption,
    DeleteField,
    EditRefused,
    FieldEdit,
    HideField,
    MoveField,
    OptionEdit,
    OrderOptions,
    RemoveOption,
    RenameField,
    RenameOption,
    RetypeField,
    SetDefault,
    SetHelp,
    SetLabel,
    SetRequired,
    SetUnique,
)
from appliance.blueprint.kinds import of_field_type
from appliance.blueprint.model import MAX_CHOICES, MAX_FIELDS, Choice, Example, Field, Literal, Ref
from appliance.blueprint.naming import identifier
from appliance.blueprint.references import RenameOne, rewrite, uses
from appliance.blueprint.screens import ReportPage, TablePage
from appliance.blueprint.words import is_field, is_option

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from appliance.blueprint.model import Blueprint, Entity
    from appliance.blueprint.screens import Page


def known_entity(blueprint: Blueprint, name: str) -> Entity:
    """The entity, or a refusal."""
    found = next((entity for entity in blueprint.entities if entity.name == name), None)
    if found is None:
        message = f"There is no kind of record called “{name}”."
        raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
    return found


def known_field(blueprint: Blueprint, entity: str, name: str) -> Field:
    """The field, or a refusal."""
    found = known_entity(blueprint, entity).field(name)
    if found is None:
        message = f"{entity} has no field “{name}”."
        raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
    return found


def refuse_if_used(blueprint: Blueprint, what: str, name: str, doing: str) -> None:
    """Refuse with every place that names it."""
    places = dict.fromkeys(use.place for use in uses(blueprint) if (use.what, use.name) == (what, name))
    if places:
        message = f"{doing} would break {', '.join(places)}."
        raise EditRefused(message, action="Change or remove these first.")


def with_field(blueprint: Blueprint, entity: str, change: Callable[[tuple[Field, ...]], Iterable[Field]]) -> Blueprint:
    """The blueprint with other fields in one entity; example rows follow their fields."""
    old = known_entity(blueprint, entity)
    new = replace(old, fields=tuple(change(old.fields)))
    entities = tuple(new if item.name == entity else item for item in blueprint.entities)
    made = (_example(example, old, new) for example in blueprint.examples)
    return replace(blueprint, entities=entities, examples=tuple(example for example in made if example is not None))


def _example(example: Example, old: Entity, new: Entity) -> Example | None:
    """The row with its values where the fields are now; None if nothing is left of it."""
    if example.entity != old.name:
        return example
    was = {field.name: (field, value) for field, value in zip(old.fields, example.values, strict=False)}
    values: list[Literal | None] = []
    for field in new.fields:
        before, value = was.get(field.name, (field, None))
        fits = before.type == field.type or _fits(field, value)
        values.append(value if fits else None)
    while values and values[-1] is None:
        values.pop()
    return Example(new.name, tuple(values)) if values else None


def _fits(field: Field, value: Literal | None) -> bool:
    if isinstance(field.type, Choice):
        return value in field.type.options
    return isinstance(value, str) and of_field_type(field.type).kind.value == "text"


def _each(name: str, change: Callable[[Field], Field]) -> Callable[[tuple[Field, ...]], Iterable[Field]]:
    return lambda fields: (change(field) if field.name == name else field for field in fields)


def apply(blueprint: Blueprint, edit: FieldEdit) -> Blueprint:
    """One edit of a field."""
    entity, name = edit.entity, edit.field
    if isinstance(edit, AddField):
        return _add(blueprint, edit)
    field = known_field(blueprint, entity, name)
    match edit:
        case RenameField(to=to):
            _check_name(blueprint, entity, to, but=name)
            return rewrite(blueprint, RenameOne("field", name, to, within=entity))
        case MoveField(to=to):
            rest = [item for item in known_entity(blueprint, entity).fields if item != field]
            rest.insert(max(0, min(to, len(rest))), field)
            return with_field(blueprint, entity, lambda _: rest)
        case DeleteField():
            return _delete(blueprint, entity, field)
        case RetypeField():
            return _retype(blueprint, entity, field, edit)
        case HideField(hidden=hidden):
            made = replace(field, hidden=hidden)
        case SetRequired(required=required):
            made = replace(field, required=required)
        case SetUnique(unique=unique):
            made = replace(field, unique=unique)
        case SetDefault(default=default):
            made = replace(field, default=default)
        case SetLabel(label=label):
            made = replace(field, label=label)
        case SetHelp(help=text):
            made = replace(field, help=text)
        case _:
            assert_never(edit)
    return with_field(blueprint, entity, _each(name, lambda _: made))


def _check_name(blueprint: Blueprint, entity: str, name: str, *, but: str = "") -> None:
    fields = known_entity(blueprint, entity).fields
    if not is_field(name):
        message = f"“{name}” cannot be the name of a field."
        raise EditRefused(message, action="Use lower-case words joined by underscores, such as due_date.")
    if any(identifier(field.name) == identifier(name) and field.name != but for field in fields):
        message = f"{entity} has a field “{name}” already."
        raise EditRefused(message, action="Choose another name.")


def _add(blueprint: Blueprint, edit: AddField) -> Blueprint:
    entity = known_entity(blueprint, edit.entity)
    _check_name(blueprint, edit.entity, edit.field)
    if len(entity.fields) >= MAX_FIELDS:
        message = f"{entity.name} has {MAX_FIELDS} fields already, which is as many as there can be."
        raise EditRefused(message, action="Remove one first, or begin a new kind of record.")
    if isinstance(edit.type, Ref):
        known_entity(blueprint, edit.type.entity)
    made = list(entity.fields)
    at = len(made) if edit.to is None else max(0, min(edit.to, len(made)))
    made.insert(at, Field(edit.field, edit.type, required=edit.required, label=edit.label))
    return with_field(blueprint, edit.entity, lambda _: made)


def _delete(blueprint: Blueprint, entity: str, field: Field) -> Blueprint:
    if len(known_entity(blueprint, entity).fields) == 1:
        message = f"“{field.name}” is the only field of {entity}."
        raise EditRefused(message, action="Add another field first.")
    tidy = replace(
        blueprint,
        pages=tuple(without_column(page, entity, field.name) for page in blueprint.pages),
        field_access=tuple(
            item for item in blueprint.field_access if (item.entity, item.field) != (entity, field.name)
        ),
        cases=tuple(item for item in blueprint.cases if (item.entity, item.name) != (entity, field.name)),
    )
    refuse_if_used(tidy, "field", f"{entity}.{field.name}", f"Removing “{field.name}” from {entity}")
    return with_field(tidy, entity, lambda fields: (item for item in fields if item.name != field.name))


def without_column(page: Page, entity: str, name: str) -> Page:
    """Lists simply show one column less."""
    if not isinstance(page, TablePage | ReportPage) or page.entity != entity:
        return page
    columns = tuple(column for column in page.columns if column != name)
    if isinstance(page, ReportPage):
        return replace(page, columns=columns)
    sort = None if page.sort is not None and page.sort.field == name else page.sort
    return replace(page, columns=columns, sort=sort)


def _retype(blueprint: Blueprint, entity: str, field: Field, edit: RetypeField) -> Blueprint:
    if field.computed is not None or field.custom is not None:
        message = f"“{field.name}” is worked out by the app, so its type follows from that."
        raise EditRefused(message, action="Change how it is worked out.")
    if isinstance(edit.type, Ref):
        known_entity(blueprint, edit.type.entity)
    if of_field_type(field.type).kind is not of_field_type(edit.type).kind:
        plain = replace(blueprint, pages=tuple(without_column(page, entity, field.name) for page in blueprint.pages))
        plain = replace(plain, field_access=())
        doing = f"Another type for “{field.name}” of {entity}"
        refuse_if_used(plain, "field", f"{entity}.{field.name}", doing)
    default = field.default if _fits(replace(field, type=edit.type), _literal(field)) else None
    made = replace(field, type=edit.type, default=default)
    return with_field(blueprint, entity, _each(field.name, lambda _: made))


def _literal(field: Field) -> Literal | None:
    return field.default if isinstance(field.default, str | int | float | bool) else None


def apply_option(blueprint: Blueprint, edit: OptionEdit) -> Blueprint:
    """One edit of a choice's options."""
    field = known_field(blueprint, edit.entity, edit.field)
    if not isinstance(field.type, Choice):
        message = f"“{edit.field}” of {edit.entity} is not a choice."
        raise EditRefused(message, action="Change its type to a choice first.")
    options = field.type.options
    if isinstance(edit, RenameOption | RemoveOption) and edit.option not in options:
        message = f"“{edit.option}” is not one of the options of “{edit.field}”."
        raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
    match edit:
        case RenameOption(option=option, to=to):
            _check_option(to, options)
            renamer = RenameOne("option", option, to, within=edit.entity, of=edit.field)
            return rewrite(blueprint, renamer)
        case AddOption(option=option):
            _check_option(option, options)
            if len(options) >= MAX_CHOICES:
                message = f"A choice has at most {MAX_CHOICES} options."
                raise EditRefused(message, action="Remove one first.")
            made = Choice((*options, option))
        case RemoveOption(option=option):
            doing = f"Removing the option “{option}” of “{edit.field}”"
            refuse_if_used(blueprint, "option", f"{edit.entity}.{edit.field}.{option}", doing)
            if len(options) <= 2 or field.default == option:
                message = f"“{option}” is the default, or one of only two options."
                raise EditRefused(message, action="Change the default or add an option first.")
            made = Choice(tuple(item for item in options if item != option))
        case OrderOptions(options=ordered):
            if sorted(ordered) != sorted(options):
                message = "The new order must have the same options."
                raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
            made = Choice(ordered)
        case _:
            assert_never(edit)
    return with_field(blueprint, edit.entity, _each(edit.field, lambda item: replace(item, type=made)))


def _check_option(option: str, options: tuple[str, ...]) -> None:
    if not is_option(option):
        message = f"“{option}” cannot be an option."
        raise EditRefused(message, action="Use words and digits, without commas and brackets.")
    if option.lower() in {other.lower() for other in options}:
        message = f"There is an option “{option}” already."
        raise EditRefused(message, action="Choose another word.")
