"""Reading what an app does by itself: rules, actions, reminders, marks, fragments; and protected and renamed parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.blueprint import clauses
from appliance.blueprint.behaviour import (
    MAX_ASSIGNMENTS,
    MAX_MESSAGE,
    Action,
    Assignment,
    Colour,
    Fragment,
    Mark,
    Occasion,
    Reminder,
    Rule,
)
from appliance.blueprint.errors import closest
from appliance.blueprint.expression_parser import read_condition, read_value
from appliance.blueprint.expressions import MAX_DAYS
from appliance.blueprint.fields import MAX_INPUTS, read_description, read_title
from appliance.blueprint.kinds import of_field
from appliance.blueprint.lexer import Kind
from appliance.blueprint.model import MAX_NAME, Field, Scalar

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity

_OCCASIONS: Final = tuple(item.value for item in Occasion)
_COLOURS: Final = tuple(item.value for item in Colour)
_BRACES: Final = re.compile(r"\{([^{}]*)\}")


def read_rule(cursor: Cursor, entities: Sequence[Entity]) -> Rule:
    """``Loan on create, edit: due >= today else "…"``.

    Raises:
        BlueprintError: an unknown occasion, a condition that does not fit, or no message.
    """
    entity = clauses.read_entity(cursor, entities, until=("on",))
    cursor.expect("on", "Say when it is looked at: on create, edit.")
    occasions: list[Occasion] = []
    while True:
        token = cursor.take()
        if token.text not in _OCCASIONS:
            cursor.fail(f"there is no occasion {token.text!r}", closest(token.text, _OCCASIONS), token)
        if Occasion(token.text) in occasions:
            cursor.fail(f"{token.text!r} is named twice", "Remove one.", token)
        occasions.append(Occasion(token.text))
        if not cursor.accept(","):
            break
    cursor.expect(":")
    condition = read_condition(cursor, entities, entity)
    cursor.expect("else", 'Say what is wrong when it does not hold: else "…".')
    message = read_title(cursor, "the message", MAX_MESSAGE)
    cursor.end()
    ordered = tuple(item for item in Occasion if item in occasions)
    return Rule(entity.name, ordered, condition, message)


def read_action(cursor: Cursor, entities: Sequence[Entity], roles: Sequence[str]) -> Action:
    """``Loan "Return" for Lab Manager, borrower when not returned: returned = true``.

    Raises:
        BlueprintError: an unknown role or field, a value that does not fit, or a field that cannot be set.
    """
    entity = clauses.read_entity(cursor, entities, until=())
    title = read_title(cursor, "the action's title", MAX_NAME)
    found = _who(cursor, entity, roles, until=("when", ":", ",")) if cursor.accept("for") else ((), ())
    when = read_condition(cursor, entities, entity) if cursor.accept("when") else None
    cursor.expect(":", "Then say what is set: returned = true.")
    assignments: list[Assignment] = []
    while True:
        token = cursor.peek()
        assignments.append(_assignment(cursor, entities, entity))
        if len(assignments) > MAX_ASSIGNMENTS or assignments[-1].field in [item.field for item in assignments[:-1]]:
            cursor.fail(f"an action sets up to {MAX_ASSIGNMENTS} fields, each once", "Remove one.", token)
        if not cursor.accept(","):
            break
    cursor.end()
    return Action(entity.name, title, *found, when, tuple(assignments))


def _assignment(cursor: Cursor, entities: Sequence[Entity], entity: Entity) -> Assignment:
    hint = "Use a field that people fill in, but no file."
    field = clauses.read_known(cursor, entity, _is_settable, hint)
    cursor.expect("=")
    here = cursor.peek()
    if cursor.accept("empty"):
        if field.required or field.type is Scalar.BOOLEAN:
            cursor.fail(f"{field.name!r} is never empty", "Set it to a value.", here)
        return Assignment(field.name, None)
    return Assignment(field.name, read_value(cursor, entities, entity, of_field(field)))


def _is_settable(field: Field) -> bool:
    return clauses.is_given(field) and field.type not in (Scalar.FILE, Scalar.IMAGE)


def _who(
    cursor: Cursor, entity: Entity, roles: Sequence[str], *, until: Collection[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Roles and person fields, in one list."""
    people = [field.name for field in entity.fields if field.type is Scalar.PERSON]
    found: list[str] = []
    while True:
        token = cursor.peek()
        name = cursor.known("role or person field", (*roles, *people), until=until)
        if name in roles and name in people:
            cursor.fail(f"{name!r} is a role and a field", "Give one of them another name.", token)
        if name in found:
            cursor.fail(f"{name!r} is named twice", "Remove one.", token)
        found.append(name)
        if not cursor.accept(","):
            break
    return tuple(name for name in found if name in roles), tuple(name for name in found if name in people)


def read_reminder(cursor: Cursor, entities: Sequence[Entity], roles: Sequence[str]) -> Reminder:
    """``Loan 1 day before due to borrower where not returned "Please bring {item} back"``; ``Loan on due to …``.

    Raises:
        BlueprintError: no date field, nobody to tell, or braces around something that is no field.
    """
    entity = clauses.read_entity(cursor, entities, until=("on", *_numbers(cursor)))
    days = 0
    if not cursor.accept("on"):
        days = _distance(cursor)
    field = clauses.read_known(cursor, entity, clauses.is_day, "Use a date field.")
    cursor.expect("to", "Say who is told: to borrower.")
    may, people = _who(cursor, entity, roles, until=("where", ","))
    where = clauses.read_where(cursor, entities, entity)
    token = cursor.peek()
    message = read_title(cursor, "the message", MAX_MESSAGE)
    for name in _BRACES.findall(message):
        if entity.field(name) is None:
            hint = closest(name, [item.name for item in entity.fields])
            cursor.fail(f"{entity.name!r} has no field {name!r}", hint, token)
    cursor.end()
    return Reminder(entity.name, days, field.name, people, may, where, message)


def _numbers(cursor: Cursor) -> Collection[str]:
    """The numbers on this line: where an entity's name may end."""
    found, at = [], 0
    while (token := cursor.ahead(at)) is not None:
        if token.kind is Kind.NUMBER:
            found.append(token.text)
        at += 1
    return found


def _distance(cursor: Cursor) -> int:
    token = cursor.take()
    hint = "Write 1 day before due, 2 weeks after due, or on due."
    if token.kind is not Kind.NUMBER or not token.text.isdigit() or not 0 < int(token.text) <= MAX_DAYS:
        cursor.fail(f"{token.text!r} is no number of days", hint, token)
    unit = cursor.take()
    if unit.text not in ("day", "days", "week", "weeks"):
        cursor.fail(f"{unit.text!r} is neither days nor weeks", hint, unit)
    days = int(token.text) * (7 if unit.text.startswith("week") else 1)
    if cursor.accept("before"):
        return -days
    cursor.expect("after", hint)
    return days


def read_mark(cursor: Cursor, entities: Sequence[Entity]) -> Mark:
    """``Loan red where due < today and not returned``.

    Raises:
        BlueprintError: an unknown colour, or no condition.
    """
    entity = clauses.read_entity(cursor, entities, until=_COLOURS)
    token = cursor.take()
    if token.text not in _COLOURS:
        cursor.fail(f"there is no colour {token.text!r}", closest(token.text, _COLOURS), token)
    cursor.expect("where", "Say which rows: where due < today.")
    where = read_condition(cursor, entities, entity)
    cursor.end()
    return Mark(entity.name, Colour(token.text), where)


def read_fragment(cursor: Cursor, entities: Sequence[Entity]) -> Fragment:
    """``Item "Shelf label" from name, serial "A label with …"``.

    Raises:
        BlueprintError: an unknown input, or too many.
    """
    entity = clauses.read_entity(cursor, entities, until=())
    title = read_title(cursor, "the fragment's title", MAX_NAME)
    cursor.expect("from", "Say which fields it is drawn from: from name.")
    inputs: list[str] = []
    while True:
        token = cursor.peek()
        inputs.append(clauses.read_known(cursor, entity, _is_drawn, "Use fields that hold a value.").name)
        if len(inputs) > MAX_INPUTS or inputs[-1] in inputs[:-1]:
            cursor.fail(f"a fragment has up to {MAX_INPUTS} inputs, each once", "Remove one.", token)
        if not cursor.accept(","):
            break
    description = read_description(cursor)
    cursor.end()
    return Fragment(entity.name, title, tuple(inputs), description)


def _is_drawn(field: Field) -> bool:
    return of_field(field).kind not in ("ref", "person", "file")
