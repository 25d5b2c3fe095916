"""Reading the lines of an entity and of an access list."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint import clauses
from appliance.blueprint.behaviour import MAX_DESCRIPTION, Custom
from appliance.blueprint.errors import closest
from appliance.blueprint.expression_parser import read_value as read_expression
from appliance.blueprint.kinds import of_field
from appliance.blueprint.model import (
    MAX_ABOUT,
    MAX_CHOICES,
    MAX_NAME,
    MAX_UNIQUE,
    Choice,
    Field,
    FieldType,
    Numbering,
    Ref,
    Scalar,
)
from appliance.blueprint.values import read_value
from appliance.blueprint.words import is_field, is_option, is_title

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity

TYPE_WORDS: Final = (*(scalar.value for scalar in Scalar), "choice", "ref", "sequence")
_NO_DEFAULT: Final = (Scalar.FILE, Scalar.IMAGE)
_NEVER_UNIQUE: Final = (Scalar.BOOLEAN, Scalar.FILE, Scalar.IMAGE, Scalar.LONGTEXT)
_COMPUTED: Final = (Scalar.TEXT, Scalar.NUMBER, Scalar.MONEY, Scalar.BOOLEAN, Scalar.DATE, Scalar.DATETIME)
MARKS: Final = ("required", "unique", "hidden", "label", "help", "default")
MAX_INPUTS: Final = 8
_INPUT_HINT: Final = "Use other fields that hold a value themselves: no reference, person, file or custom field."
MAX_DIGITS: Final = 9
MAX_PREFIX: Final = 12
_SEQUENCE: Final = re.compile(r"((?:\w[\w./-]*?)??)([0-9]{1,9})")


def read_field(cursor: Cursor, entities: Sequence[str]) -> Field:
    """``due date required``: name, type, then any of required, unique, hidden, label, help, default.

    Stops before ``= …`` and ``custom(…)``, which :func:`finish_field` reads once all fields are known.

    Raises:
        BlueprintError: a name that is not allowed, an unknown type or word, or a default that does not fit.
    """
    first = cursor.take()
    if not is_field(first.text) or len(first.text) > MAX_NAME:
        cursor.fail(f"{first.text!r} cannot be a field's name", "Write it in lower case, joined by _: due_date.", first)
    return _read_marks(cursor, Field(first.text, read_type(cursor, entities)))


def _read_marks(cursor: Cursor, field: Field) -> Field:
    while (token := cursor.peek()) is not None and not cursor.at("=", "custom"):
        if not field.required and cursor.accept("required"):
            field = replace(field, required=True)
        elif not field.hidden and cursor.accept("hidden"):
            field = replace(field, hidden=True)
        elif not field.label and cursor.accept("label"):
            field = replace(field, label=read_title(cursor, "a label", MAX_NAME))
        elif not field.help and cursor.accept("help"):
            field = replace(field, help=read_title(cursor, "a help text", MAX_ABOUT))
        elif not field.unique and cursor.accept("unique"):
            if field.type in _NEVER_UNIQUE:
                cursor.fail(f"a field of type {field.type} cannot be unique", "Remove 'unique'.", token)
            field = replace(field, unique=True)
        elif field.default is None and cursor.accept("default"):
            if field.type in _NO_DEFAULT or isinstance(field.type, Ref | Numbering):
                cursor.fail("a field of this type has no default", "Remove it.", token)
            field = replace(field, default=read_value(cursor, field.type))
        else:
            hint = f"After the type only {', '.join(MARKS)} and = follow."
            cursor.fail(f"{token.text!r} is too much here", hint, token)
    given = field.required or field.unique or field.default is not None
    if isinstance(field.type, Numbering) and given:
        cursor.fail("every row gets a number that no other has", "Remove required and unique.")
    if field.hidden and field.required and field.default is None:
        cursor.fail("nobody can fill in a hidden field", "Give it a default, or remove 'required'.")
    return field


def finish_field(cursor: Cursor, entities: Sequence[Entity], entity: Entity, field: Field) -> Field:
    """What the app works out: ``= expression`` or ``custom(inputs) "description"``, then marks as before.

    Raises:
        BlueprintError: an expression that does not fit the type, an unknown input, or a mark that has no meaning.
    """
    start = cursor.peek()
    if start is None:
        return field
    if field.required or field.unique or field.default is not None:
        hint = "Remove required, unique and default: the app works it out."
        cursor.fail(f"{field.name!r} is not typed in", hint, start)
    if field.type not in _COMPUTED and not isinstance(field.type, Choice):
        names = ", ".join(kind.value for kind in _COMPUTED)
        cursor.fail("a field of this type cannot be worked out", f"Use {names} or choice.", start)
    if cursor.accept("="):
        value = read_expression(cursor, entities, entity, of_field(field))
        found = _read_marks(cursor, replace(field, computed=value))
    else:
        cursor.expect("custom")
        inputs = clauses.read_fields(cursor, entity, MAX_INPUTS, _is_input(field), _INPUT_HINT)
        found = _read_marks(cursor, replace(field, custom=Custom(inputs, read_description(cursor))))
    if (found.required, found.unique, found.default) != (False, False, None):
        hint = "Remove required, unique and default: the app works it out."
        cursor.fail(f"{field.name!r} is not typed in", hint, start)
    cursor.end()
    return found


def _is_input(field: Field) -> Callable[[Field], bool]:
    return lambda other: (
        other.name != field.name
        and other.custom is None
        and not isinstance(other.type, Ref)
        and other.type not in (Scalar.PERSON, Scalar.FILE, Scalar.IMAGE)
    )


def read_title(cursor: Cursor, what: str, limit: int) -> str:
    """A printable text in quotes.

    Raises:
        BlueprintError: it is not in quotes, empty, too long, or has characters that cannot be shown.
    """
    token = cursor.peek()
    text = cursor.string(what)
    if not is_title(text) or len(text) > limit:
        cursor.fail(f"{what} must be 1 to {limit} printable characters", "Shorten it; leave out quotes.", token)
    return text


def read_description(cursor: Cursor) -> str:
    """What a function of its own shall do, in quotes."""
    return read_title(cursor, "the description", MAX_DESCRIPTION)


def read_unique(cursor: Cursor, entity: Entity) -> tuple[str, ...]:
    """``item, due`` of a ``unique`` line.

    Raises:
        BlueprintError: an unknown, repeated or unsuitable field, or too many.
    """
    found: list[str] = []
    while True:
        token = cursor.peek()
        field = clauses.read_known(cursor, entity, _is_unique_part, "Use fields that people fill in.")
        if field.name in found:
            cursor.fail(f"{field.name!r} is there twice", "Remove one.", token)
        found.append(field.name)
        if len(found) > MAX_UNIQUE:
            cursor.fail(f"at most {MAX_UNIQUE} fields can be unique together", "Remove some.", token)
        if not cursor.accept(","):
            break
    cursor.end()
    return tuple(found)


def _is_unique_part(field: Field) -> bool:
    return clauses.is_given(field) and field.type not in _NEVER_UNIQUE


def read_type(cursor: Cursor, entities: Sequence[str]) -> FieldType:
    """A field type; ``choice(…)`` and ``ref(…)`` take arguments."""
    token = cursor.take()
    if token.text == "choice":
        cursor.expect("(", "Write the options in brackets: choice(new, done).")
        options: list[str] = []
        while True:
            option, where = cursor.name(
                "an option", until=(",", ")"), allowed=lambda text: is_option(text) and len(text) <= MAX_NAME
            )
            if any(option.lower() == other.lower() for other in options):
                cursor.fail(f"the option {option!r} is there twice", "Remove one.", where)
            options.append(option)
            if not cursor.accept(","):
                break
        cursor.expect(")")
        if not 2 <= len(options) <= MAX_CHOICES:
            cursor.fail(f"a choice has 2 to {MAX_CHOICES} options", "Write them in brackets: choice(new, done).", token)
        return Choice(tuple(options))
    if token.text == "ref":
        cursor.expect("(", "Write the entity in brackets: ref(Item).")
        entity = cursor.known("entity", entities, until=(")",))
        cursor.expect(")")
        return Ref(entity)
    if token.text == "sequence":
        return _read_sequence(cursor)
    if token.text in TYPE_WORDS:
        return Scalar(token.text)
    return cursor.fail(f"there is no type {token.text!r}", closest(token.text, TYPE_WORDS), token)


def _read_sequence(cursor: Cursor) -> Numbering:
    """``(REQ-0001)``: the first number as it shall look."""
    hint = "Write the first number as it shall look: sequence(REQ-0001)."
    cursor.expect("(", hint)
    text, token = cursor.name("a number", until=(")",), allowed=lambda _: True)
    cursor.expect(")", "Close the bracket.")
    found = _SEQUENCE.fullmatch(text)
    if found is None or len(found[1]) > MAX_PREFIX:
        return cursor.fail(f"{text!r} is no number to begin with", hint, token)
    return Numbering(found[1], len(found[2]), int(found[2]))
