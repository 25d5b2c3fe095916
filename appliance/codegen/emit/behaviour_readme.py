"""The parts of the README that say what the app does by itself, and who reads which field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.model import Numbering, Verb
from appliance.codegen.emit.field_access import field_scopes
from appliance.codegen.emit.names import Names

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Action, Reminder


def section(names: Names) -> str:
    """``## What it does by itself``; empty if there is nothing."""
    blueprint = names.blueprint
    lines = [
        f"- {entity.name}: {names.label(item).lower()} is a number that the app gives out, each once"
        for entity in blueprint.entities
        for item in entity.fields
        if isinstance(item.type, Numbering)
    ]
    for entity in blueprint.entities:
        worked = [names.label(item).lower() for item in entity.fields if item.computed is not None]
        if worked:
            lines.append(f"- {entity.name}: works out {', '.join(worked)}")
        for combination in entity.unique:
            fields = [names.label(item).lower() for name in combination if (item := entity.field(name)) is not None]
            lines.append(f"- {entity.name}: no two with the same {', '.join(fields)}")
    for rule in blueprint.rules:
        lines.append(f"- {rule.entity}, on {', '.join(rule.occasions)}: {rule.message}")
    lines += [_action(action) for action in blueprint.actions]
    lines += [_reminder(reminder) for reminder in blueprint.reminders]
    body = "\n".join(lines)
    return f"## What it does by itself\n\n{body}\n\n" if lines else ""


def field_table(names: Names) -> str:
    """Markdown: the fields that only some roles may read or set; empty if there are none."""
    blueprint, scopes = names.blueprint, field_scopes(names.blueprint)
    rows = []
    for entity in blueprint.entities:
        for item in entity.fields:
            granted = scopes.get((entity.name, item.name))
            if granted is not None:
                cells = [
                    ", ".join(
                        f"{verb} own" if granted[role][verb] == "OWN" else verb.value
                        for verb in Verb
                        if verb in granted.get(role, {})
                    )
                    or "–"
                    for role in blueprint.roles
                ]
                rows.append(f"| {entity.name}: {names.label(item).lower()} | {' | '.join(cells)} |")
    if not rows:
        return ""
    head = f"| field | {' | '.join(blueprint.roles)} |\n{'|---' * (len(blueprint.roles) + 1)}|\n"
    return "\n" + head + "\n".join(rows) + "\n"


def _action(action: Action) -> str:
    people = [field.replace("_", " ") for field in action.people]
    return f"- {action.entity}: “{action.title}” for {', '.join([*action.roles, *people]) or 'the owner'}"


def _reminder(reminder: Reminder) -> str:
    day = "on" if reminder.days == 0 else f"{abs(reminder.days)} days {'before' if reminder.days < 0 else 'after'}"
    people = [field.replace("_", " ") for field in reminder.people]
    return (
        f"- {reminder.entity}: reminds {', '.join([*people, *reminder.roles])} {day} {reminder.field.replace('_', ' ')}"
    )
