"""``behaviour.py``: computed fields, rules, actions, marks and reminders, as values that the kit acts on."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.blueprint import naming
from appliance.blueprint.kinds import of_field
from appliance.blueprint.screens import TablePage
from appliance.codegen.emit.field_access import inputs
from appliance.codegen.emit.names import Names, plain
from appliance.codegen.errors import RenderError

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Action, Mark, Reminder, Rule
    from appliance.blueprint.model import Entity
    from appliance.codegen.emit.custom import CustomCode
    from appliance.codegen.emit.logic import Conditions

_BRACES: Final = re.compile(r"\{([^{}]*)\}")
_KINDS: Final = ("Action", "Behaviour", "Fragment", "Mark", "Occasion", "Reminder", "Rule")


def behaviour_module(names: Names, logic: Conditions, custom: CustomCode) -> str:
    """The text of ``behaviour.py``; registers the expressions that it needs.

    Raises:
        RenderError: two actions of an entity would have the same address.
    """
    blueprint = names.blueprint
    for entity in blueprint.entities:
        _distinct_actions(names, entity)
    parts = {
        "computed": "".join(_computed(names, logic, custom, entity) for entity in blueprint.entities),
        "rules": "".join(_rule(names, logic, rule) for rule in blueprint.rules),
        "actions": "".join(_action(names, logic, action) for action in blueprint.actions),
        "marks": "".join(_mark(names, logic, mark) for mark in blueprint.marks),
        "reminders": "".join(_reminders(names, logic)),
        "fragments": "".join(f"        {custom.fragment(place)},\n" for place in custom.fragments),
    }
    body = "".join(
        f"    {part}={'{' if part == 'computed' else '('}\n{text}    {'}' if part == 'computed' else ')'},\n"
        for part, text in parts.items()
        if text
    )
    head = f'"""What {plain(blueprint.name)} does by itself: computed fields, rules, actions, marks, reminders."""\n\n'
    modules = [name for name in ("logic", "models") if f"{name}." in body]
    kit = [name for name in _KINDS if f"{name}(" in body or f"{name}." in body or name == "Behaviour"]
    imports = f"from . import {', '.join(modules)}\n" if modules else ""
    if "Function(" in body:
        imports += "from .kit.bounded import Function\n"
    imports += f"from .kit.behaviour import {', '.join(kit)}\n"
    return f"{head}from __future__ import annotations\n\n{imports}\nBEHAVIOUR = Behaviour(\n{body})\n"


def _computed(names: Names, logic: Conditions, custom: CustomCode, entity: Entity) -> str:
    values = [
        f"{naming.identifier(item.name)!r}: logic.{logic.computed(entity, item)}"
        for item in entity.fields
        if item.computed is not None
    ]
    values += [
        f"{naming.identifier(place.name)!r}: {custom.value(place)}"
        for place in custom.functions.values()
        if place.entity == entity.name
    ]
    return f"        {names.table(entity)!r}: {{{', '.join(values)}}},\n" if values else ""


def _rule(names: Names, logic: Conditions, rule: Rule) -> str:
    occasions = "".join(f"Occasion.{occasion.name}, " for occasion in rule.occasions)
    test = logic.name(_start(rule.message), rule.entity, rule.condition)
    return f"        Rule({_entity(names, rule.entity)}, ({occasions}), logic.{test}, {rule.message!r}),\n"


def _action(names: Names, logic: Conditions, action: Action) -> str:
    arguments = [_entity(names, action.entity), repr(action.title), repr(naming.slug(action.title))]
    if action.roles:
        arguments.append(f"roles={action.roles!r}")
    if action.people:
        arguments.append(f"people={_identifiers(action.people)!r}")
    if action.when is not None:
        arguments.append(f"when=logic.{logic.name(f'{action.title} possible', action.entity, action.when)}")
    pairs = []
    for step in action.assignments:
        value, field = "None", names.blueprint.entity(action.entity).field(step.field)
        if step.value is not None and field is not None:
            wanted = of_field(field)
            value = f"logic.{logic.name(f'{action.title} {step.field}', action.entity, step.value, wanted)}"
        pairs.append(f"({naming.identifier(step.field)!r}, {value}), ")
    arguments.append(f"assign=({''.join(pairs)})")
    return f"        Action({', '.join(arguments)}),\n"


def _mark(names: Names, logic: Conditions, mark: Mark) -> str:
    word = next(
        (
            page.title
            for page in names.blueprint.pages
            if isinstance(page, TablePage) and (page.entity, page.where) == (mark.entity, mark.where)
        ),
        "",
    )
    fields = {field for entity, field in inputs(names.blueprint, mark.entity, mark.where) if entity == mark.entity}
    arguments = [_entity(names, mark.entity), repr(mark.colour.value)]
    arguments.append(f"logic.{logic.name(word or f'marked {mark.colour}', mark.entity, mark.where)}")
    if word:
        arguments.append(f"word={word!r}")
    if fields:
        arguments.append(f"needs={_identifiers(tuple(sorted(fields)))!r}")
    return f"        Mark({', '.join(arguments)}),\n"


def _reminders(names: Names, logic: Conditions) -> list[str]:
    taken = set[str]()
    return [_reminder(names, logic, reminder, taken) for reminder in names.blueprint.reminders]


def _reminder(names: Names, logic: Conditions, reminder: Reminder, taken: set[str]) -> str:
    entity = names.blueprint.entity(reminder.entity)
    base = key = f"{names.table(entity)}.{naming.identifier(reminder.field)}.{reminder.days}"
    count = 1
    while key in taken:
        count += 1
        key = f"{base}.{count}"
    taken.add(key)
    message = _BRACES.sub(lambda found: f"{{{naming.identifier(found[1].strip())}}}", reminder.message)
    arguments = [repr(key), _entity(names, reminder.entity), repr(naming.identifier(reminder.field))]
    arguments += [str(reminder.days), repr(message)]
    if reminder.people:
        arguments.append(f"people={_identifiers(reminder.people)!r}")
    if reminder.roles:
        arguments.append(f"roles={reminder.roles!r}")
    if reminder.where is not None:
        arguments.append(f"where=logic.{logic.name(_start(reminder.message), reminder.entity, reminder.where)}")
    return f"        Reminder({', '.join(arguments)}),\n"


def _start(text: str) -> str:
    """The first words of a message, to name its condition."""
    return " ".join(naming.words(text)[:5])


def _identifiers(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(naming.identifier(field) for field in fields)


def _entity(names: Names, name: str) -> str:
    return f"models.{names.constants[name]}"


def _distinct_actions(names: Names, entity: Entity) -> None:
    seen = set[str]()
    for action in names.blueprint.actions:
        if action.entity == entity.name:
            slug = naming.slug(action.title)
            if slug in seen:
                message = f"Two actions of {entity.name} would both be called {slug!r} in addresses."
                raise RenderError(message, action="Rename one of them.")
            seen.add(slug)
