"""One line of a revision as a step on a blueprint: the line is the model's, the step is the language's own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import (
    AddEntity,
    AddField,
    AddOption,
    AddRole,
    DeleteField,
    EditRefused,
    NarrowField,
    RemoveEntity,
    RemovePage,
    RemoveRole,
    RenameEntity,
    RenameField,
    RenamePage,
    RenameRole,
    RetypeField,
    SetApp,
    SetRequired,
)
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import Access, Choice, Entity, Field, Grant, Permission, Scalar, Verb
from appliance.blueprint.naming import label, slug
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import quote, to_text
from appliance.planner import lines, stages
from appliance.planner.completion import same_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.edits import Edit
    from appliance.blueprint.model import Blueprint

_LISTED: Final = {"list": "table", "board": "board", "calendar": "calendar", "chart": "chart bar"}


class NoStep(Exception):  # noqa: N818 - not an error: the line says nothing that can be done here
    """A line that changes nothing: something like it is there already, or it would break something."""


def step(blueprint: Blueprint, line: str) -> tuple[Blueprint, tuple[Edit, ...]]:
    """The blueprint after one line, and the edits behind it if the line renames something (so that data follows).

    Raises:
        NoStep: the line cannot be carried out.
    """
    edits = _edits(blueprint, line)
    try:
        if edits:
            made = replace(apply_all(blueprint, edits), renames=())
            return made, tuple(edit for edit in edits if isinstance(edit, RenameEntity | RenameField | RenameRole))
        if line.startswith("access "):
            return _access(blueprint, line), ()
        if re.match(r"(count|sum) ", line):
            return _with_field(blueprint, *_fold(blueprint, line)), ()
        return parse(f"{to_text(blueprint)}{_statement(blueprint, line)}\n"), ()
    except (EditRefused, BlueprintError) as error:
        raise NoStep(error.message) from error


def _edits(blueprint: Blueprint, line: str) -> tuple[Edit, ...]:  # noqa: C901, PLR0911, PLR0912 - one branch per line
    names = [entity.name for entity in blueprint.entities]
    if found := re.fullmatch(r"record (.+)", line):
        name = found[1]
        return (AddEntity(name, "name"),)
    if line.startswith("field ") and (entity := _leading(line[6:], names)):
        field = stages.read_field(line[6 + len(entity) + 1 :], names)
        if field is None:
            raise NoStep(line)
        return _new_field(blueprint.entity(entity), field)
    if found := re.fullmatch(r"only (.+) sees (.+)\.(\w+)", line):
        return (NarrowField(found[2], found[3], (found[1],)),)
    if re.fullmatch(r"rename \w+ (?:.+\.)?(.+) to \1", line):
        raise NoStep(line)
    if found := re.fullmatch(r"rename field (.+)\.(\w+) to (\w+)", line):
        return (RenameField(found[1], found[2], found[3]),)
    if found := re.fullmatch(r"rename record (.+?) to (.+)", line):
        return (RenameEntity(found[1], found[2]),)
    if found := re.fullmatch(r"rename role (.+?) to (.+)", line):
        return (RenameRole(found[1], found[2]),)
    if found := re.fullmatch(r'rename page "(.+)" to "(.+)"', line):
        return (RenamePage(found[1], found[2]),)
    if found := re.fullmatch(r'rename app to "(.+)"', line):
        return (SetApp("name", found[1]),)
    if found := re.fullmatch(r"colour (\w+)", line):
        return (SetApp("colour", found[1]),)
    if found := re.fullmatch(r"remove field (.+)\.(\w+)", line):
        return (DeleteField(found[1], found[2]),)
    if found := re.fullmatch(r"remove record (.+)", line):
        return (RemoveEntity(found[1]),)
    if found := re.fullmatch(r'remove page "(.+)"', line):
        return (RemovePage(found[1]),)
    if found := re.fullmatch(r"remove role (.+)", line):
        return (RemoveRole(found[1]),)
    if found := re.fullmatch(r"role (.+)", line):
        return (AddRole(found[1]),)
    if found := re.fullmatch(r"type (.+?)\.(\w+) (.+)", line):
        field = stages.read_field(f"{found[2]} {found[3]}", names)
        if field is None:
            raise NoStep(line)
        return (RetypeField(found[1], found[2], field.type),)
    if found := re.fullmatch(r"option (.+?)\.(\w+) (.+)", line):
        return (AddOption(found[1], found[2], found[3]),)
    if found := re.fullmatch(r"(required|optional) (.+)\.(\w+)", line):
        return (SetRequired(found[2], found[3], found[1] == "required"),)
    return ()


def _new_field(entity: Entity, field: Field) -> tuple[Edit, ...]:
    """A new field; one that says the same as a choice that is there already brings its options to that one."""
    there = next((item for item in entity.fields if same_field(item.name, field.name)), None)
    if there is None or not (isinstance(there.type, Choice) and isinstance(field.type, Choice)):
        return (AddField(entity.name, field.name, field.type),)
    known = {option.lower() for option in there.type.options}
    new = [option for option in field.type.options if option.lower() not in known]
    return tuple(AddOption(entity.name, there.name, option) for option in new)


def _leading(text: str, names: Sequence[str]) -> str | None:
    """The longest of ``names`` with which the text begins."""
    return next((name for name in sorted(names, key=len, reverse=True) if text.startswith(f"{name} ")), None)


def _access(blueprint: Blueprint, line: str) -> Blueprint:
    rest = line.removeprefix("access ")
    entity = _leading(rest, [item.name for item in blueprint.entities])
    role = _leading(rest[len(entity or "") + 1 :], blueprint.roles)
    if entity is None or role is None:
        raise NoStep(line)
    verbs = lines.LEVELS[rest[len(entity) + len(role) + 2 :]]
    grant = _grant(role, verbs)
    found = next((item for item in blueprint.access if item.entity == entity), Access(entity, ()))
    grants = tuple(item for item in found.grants if item.role != role) + ((grant,) if grant.permissions else ())
    others = tuple(item for item in blueprint.access if item.entity != entity)
    order = [item.name for item in blueprint.entities]
    made = (*others, Access(entity, grants)) if grants else others
    return replace(blueprint, access=tuple(sorted(made, key=lambda item: order.index(item.entity))))


def _grant(role: str, verbs: str) -> Grant:
    if verbs == "all":
        return Grant(role, tuple(Permission(verb) for verb in Verb))
    found = re.findall(r"(create|read|edit|delete)( own)?", verbs)
    return Grant(role, tuple(Permission(Verb(verb), bool(own)) for verb, own in found))


def _statement(blueprint: Blueprint, line: str) -> str:
    """A line of the language itself for what a direct edit does not cover."""
    word = line.split(" ", 1)[0]
    if word == "mark":
        return line
    if found := re.fullmatch(r'(list|board|calendar|chart) "(.+?)" (.+)', line):
        rest = f"{found[3]} count" if found[1] == "chart" else found[3]
        return f"page {quote(_free_title(blueprint, found[2].strip(), found[1]))} {_LISTED[found[1]]} {rest}"
    names = [entity.name for entity in blueprint.entities]
    entity = _leading(line[len(word) + 1 :], names)
    if entity is None:
        raise NoStep(line)
    rest = line[len(word) + len(entity) + 2 :]
    if word == "action" and (found := re.fullmatch(r'"(.+?)" (.+?): (\w+) = (.+)', rest)):
        boolean = next(
            (item.type is Scalar.BOOLEAN for item in blueprint.entity(entity).fields if item.name == found[3]), False
        )
        when = f"{'not ' if found[4] == 'true' else ''}{found[3]}" if boolean else f"{found[3]} != {found[4]}"
        return f"action {entity} {quote(found[1])} for {found[2]} when {when}: {found[3]} = {found[4]}"
    if word == "remind" and (found := re.fullmatch(r"(\d+) days (before|after) (\w+)", rest)):
        return _reminder(blueprint, entity, int(found[1]), found[2], found[3])
    if word == "check":
        left, sign, right = rest.split(" ")
        words = "before" if sign == ">=" else "on or before"
        message = f"{label(left)} may not be {words} {label(right).lower()}."
        return f"rule {entity} on create, edit: {left} {sign} {right} else {quote(message)}"
    raise NoStep(line)


def _free_title(blueprint: Blueprint, title: str, kind: str) -> str:
    """The title, or with the kind of page behind it if there is such a page already."""
    taken = {slug(page.title) for page in blueprint.pages}
    return title if slug(title) not in taken else f"{title} {kind}"


def _reminder(blueprint: Blueprint, entity: str, days: int, side: str, field: str) -> str:
    people = [item.name for item in blueprint.entity(entity).fields if item.type is Scalar.PERSON]
    to = people[:2] or list(blueprint.roles[-1:])
    if not to:
        raise NoStep(entity)
    unit = "day" if days == 1 else "days"
    message = f"{entity}: {label(field).lower()} on {{{field}}}"
    return f"remind {entity} {days} {unit} {side} {field} to {', '.join(to)} {quote(message)}"


def _fold(blueprint: Blueprint, line: str) -> tuple[str, str]:
    """An entity and a computed field of it over the records that refer to it."""
    word, rest = line.split(" ", 1)
    entity = _leading(rest, [item.name for item in blueprint.entities])
    if entity is None:
        raise NoStep(line)
    name, target = rest[len(entity) + 1 :].split(" ", 1)
    other, _, number = target.partition(".")
    by = next(
        (
            item.name
            for item in blueprint.entity(other).fields
            if not isinstance(item.type, Scalar) and getattr(item.type, "entity", None) == entity
        ),
        None,
    )
    if by is None:
        raise NoStep(line)
    kind = "number"
    if number:
        found = blueprint.entity(other).field(number)
        kind = "money" if found is not None and found.type is Scalar.MONEY else "number"
    value = f"sum({other}.{number} by {by})" if word == "sum" else f"count({other} by {by})"
    return entity, f"  {name} {kind} = {value}"


def _with_field(blueprint: Blueprint, entity: str, line: str) -> Blueprint:
    """The blueprint with one more line among an entity's fields."""
    head = f"entity {entity}\n"
    text = to_text(blueprint)
    start = text.index(head) + len(head)
    fields = re.match(r"(?:  .*\n)*", text[start:])
    end = start + (fields.end() if fields else 0)
    return parse(f"{text[:end]}{line}\n{text[end:]}")
