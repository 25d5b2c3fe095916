"""Reading values, and knowing which fit which field."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING

from appliance.blueprint.errors import closest
from appliance.blueprint.lexer import Kind
from appliance.blueprint.model import Choice, FieldType, Literal, Me, Ref, Scalar, Today, Value

if TYPE_CHECKING:
    from appliance.blueprint.cursor import Cursor


def read_value(cursor: Cursor, kind: FieldType) -> Value:
    """``me``, ``today`` or a literal that fits the field type.

    Raises:
        BlueprintError: the value does not fit; the hint shows one that does.
    """
    if kind is Scalar.PERSON and cursor.accept("me"):
        return Me()
    if kind in (Scalar.DATE, Scalar.DATETIME) and cursor.accept("today"):
        return Today()
    return read_literal(cursor, kind)


def read_literal(cursor: Cursor, kind: FieldType) -> Literal:
    """A literal that fits the field type."""
    if isinstance(kind, Choice):
        option = cursor.one_of(kind.options)
        if option is None:
            word = cursor.take()
            cursor.fail(f"{word.text!r} is not one of the options", closest(word.text, kind.options), word)
        return option
    token = cursor.take()
    if kind in (Scalar.NUMBER, Scalar.MONEY):
        if token.kind is not Kind.NUMBER:
            cursor.fail(f"{token.text!r} is not a number", "Write a number such as 12 or 9.50.", token)
        value = float(token.text) if "." in token.text else int(token.text)
        return int(value) if isinstance(value, float) and value.is_integer() else value
    if kind is Scalar.BOOLEAN:
        if token.text not in ("true", "false"):
            cursor.fail(f"{token.text!r} is neither true nor false", "Write true or false.", token)
        return token.text == "true"
    if kind in (Scalar.DATE, Scalar.DATETIME):
        parser = date.fromisoformat if kind is Scalar.DATE else datetime.fromisoformat
        try:
            parser(token.text)
        except ValueError:
            shape = "2026-11-30" if kind is Scalar.DATE else "2026-11-30T14:00"
            cursor.fail(f"{token.text!r} is not a {kind.value}", f"Write it as {shape}.", token)
        return token.text
    if token.kind is not Kind.STRING:
        hint = f'Write "{token.text}".'
        where = "a related record" if isinstance(kind, Ref) else "a text"
        cursor.fail(f"{where} must be in quotes", hint, token)
    if kind is Scalar.TIME and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", token.text) is None:
        cursor.fail(f"{token.text!r} is not a time", 'Write it as "14:30".', token)
    return token.text
