"""Blueprint to text. ``parse(to_text(bp)) == bp`` for every resolved blueprint; the form is canonical."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint import behaviour_printer as behaviour
from appliance.blueprint.case_parser import case_line
from appliance.blueprint.check_words import check_line, value_text
from appliance.blueprint.expression_printer import WHEN, expression_text
from appliance.blueprint.expression_printer import quoted as quote
from appliance.blueprint.kinds import of_field
from appliance.blueprint.model import Choice, Numbering, Scalar, Verb
from appliance.blueprint.page_printer import page_line
from appliance.blueprint.words import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.model import (
        Access,
        Blueprint,
        Entity,
        Example,
        Field,
        FieldAccess,
        FieldType,
        Grant,
    )


def to_text(blueprint: Blueprint) -> str:
    """The canonical text, ending in a newline."""
    lines = [f"app {quote(blueprint.name)}"]
    if blueprint.about:
        lines.append(f"about {quote(blueprint.about)}")
    if blueprint.language != LANGUAGES[0]:
        lines.append(f"language {blueprint.language}")
    if blueprint.colour:
        lines.append(f"colour {blueprint.colour}")
    lines += [f"role {role}" for role in blueprint.roles]
    for entity in blueprint.entities:
        lines += entity_lines(entity, blueprint.entities)
    lines += [access_line(access) for access in blueprint.access]
    lines += [field_access_line(access) for access in blueprint.field_access]
    lines += [behaviour.rule_line(rule, blueprint) for rule in blueprint.rules]
    lines += [behaviour.action_line(action, blueprint) for action in blueprint.actions]
    lines += [behaviour.reminder_line(reminder, blueprint) for reminder in blueprint.reminders]
    lines += [behaviour.mark_line(mark, blueprint) for mark in blueprint.marks]
    lines += [behaviour.fragment_line(fragment) for fragment in blueprint.fragments]
    lines += [page_line(page, blueprint) for page in blueprint.pages]
    lines += [case_line(case, blueprint) for case in blueprint.cases]
    lines += [check_line(check, blueprint) for check in blueprint.checks]
    lines += [behaviour.protection_line(protection) for protection in blueprint.protections]
    lines += [behaviour.rename_line(rename) for rename in blueprint.renames]
    lines += [example_line(example, blueprint) for example in blueprint.examples]
    return "\n".join(lines) + "\n"


def entity_lines(entity: Entity, entities: Sequence[Entity]) -> list[str]:
    """The ``entity`` line, its fields, and the combinations that are unique."""
    fields = [f"  {field_text(field, entity, entities)}" for field in entity.fields]
    return [f"entity {entity.name}", *fields, *(f"  unique {', '.join(names)}" for names in entity.unique)]


def type_text(kind: FieldType) -> str:
    """A field type as written."""
    if isinstance(kind, Scalar):
        return kind.value
    if isinstance(kind, Choice):
        return f"choice({', '.join(kind.options)})"
    if isinstance(kind, Numbering):
        return f"sequence({kind.prefix}{kind.start:0{kind.digits}})"
    return f"ref({kind.entity})"


def field_text(field: Field, entity: Entity, entities: Sequence[Entity]) -> str:
    """A field without its indentation; what is worked out comes last."""
    marks = [word for word, holds in (("required", field.required), ("unique", field.unique)) if holds]
    parts = [field.name, type_text(field.type), *marks]
    if field.hidden:
        parts.append("hidden")
    if field.label:
        parts.append(f"label {quote(field.label)}")
    if field.help:
        parts.append(f"help {quote(field.help)}")
    if field.default is not None:
        parts.append(f"default {value_text(field.default, field.type)}")
    if field.computed is not None:
        wanted = of_field(field)
        text = expression_text(field.computed, entities, entity, wanted=wanted, loosest=WHEN)
        parts.append(f"= {text}")
    if field.custom is not None:
        parts.append(f"custom({', '.join(field.custom.inputs)}) {quote(field.custom.description)}")
    return " ".join(parts)


def grant_text(grant: Grant) -> str:
    """``Borrower create, read own``."""
    if all((found := grant.permission(verb)) is not None and not found.own for verb in Verb):
        return f"{grant.role} all"
    return f"{grant.role} " + ", ".join(f"{item.verb} own" if item.own else item.verb for item in grant.permissions)


def access_line(access: Access) -> str:
    """``access Item: Lab Manager all; Borrower read``."""
    return f"access {access.entity}: " + "; ".join(grant_text(grant) for grant in access.grants)


def field_access_line(access: FieldAccess) -> str:
    """``access Loan.deposit: Lab Manager read, edit``."""
    return f"access {access.entity}.{access.field}: " + "; ".join(grant_text(grant) for grant in access.grants)


def example_line(example: Example, blueprint: Blueprint) -> str:
    """``example Item: "ThinkPad X1", "SN-1042", laptop``; ``-`` where a value is left out."""
    fields = blueprint.entity(example.entity).fields
    values = [
        "-" if value is None else value_text(value, field.type)
        for field, value in zip(fields, example.values, strict=False)
    ]
    return f"example {example.entity}: {', '.join(values)}"


__all__ = ["access_line", "entity_lines", "example_line", "field_text", "page_line", "quote", "to_text"]
