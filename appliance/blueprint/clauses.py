"""Reading conditions, widgets of dashboards and example rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.errors import closest
from appliance.blueprint.model import MAX_CLAUSES, Choice, Comparison, Condition, Field, Literal, Operator, Ref, Scalar
from appliance.blueprint.screens import MAX_WIDGETS, BarWidget, CountWidget, ListWidget, Widget
from appliance.blueprint.values import read_literal, read_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity, Value

WIDGET_WORDS: Final = ("count", "bar", "list")
ORDERED: Final = (Scalar.NUMBER, Scalar.MONEY, Scalar.DATE, Scalar.DATETIME)
GROUPABLE: Final = (Scalar.BOOLEAN, Scalar.PERSON)
COMPARABLE: Final = (*ORDERED, Scalar.BOOLEAN, Scalar.PERSON, Scalar.TEXT, Scalar.EMAIL)


def is_groupable(field: Field) -> bool:
    """Whether a bar chart can count by this field."""
    return isinstance(field.type, Choice | Ref) or field.type in GROUPABLE


def is_comparable(field: Field) -> bool:
    """Whether a condition can look at this field."""
    return isinstance(field.type, Choice) or field.type in COMPARABLE


def read_where(cursor: Cursor, entity: Entity) -> Condition | None:
    """``where due < today and not returned``, or nothing.

    Raises:
        BlueprintError: unknown field, a comparison that the field's type does not have, or too many clauses.
    """
    if not cursor.accept("where"):
        return None
    clauses = [_read_comparison(cursor, entity)]
    while cursor.accept("and"):
        if len(clauses) == MAX_CLAUSES:
            cursor.fail(f"a condition has at most {MAX_CLAUSES} parts")
        clauses.append(_read_comparison(cursor, entity))
    return Condition(tuple(clauses))


def _known_field(cursor: Cursor, entity: Entity) -> Field:
    token = cursor.take()
    field = entity.field(token.text)
    if field is None:
        names = [field.name for field in entity.fields]
        return cursor.fail(f"{entity.name!r} has no field {token.text!r}", closest(token.text, names), token)
    return field


def _read_comparison(cursor: Cursor, entity: Entity) -> Comparison:
    negated = cursor.accept("not")
    token = cursor.peek()
    field = _known_field(cursor, entity)
    if field.type is Scalar.BOOLEAN and not cursor.at("=", "!="):
        return Comparison(field.name, Operator.EQ, not negated)
    if negated:
        cursor.fail("'not' stands only before a yes/no field", f"Write {field.name} != …", token)
    if not is_comparable(field):
        cursor.fail(f"a condition cannot look at {field.name!r}", "Use a choice, number, date or yes/no field.", token)
    symbol = cursor.take()
    allowed = [item.value for item in Operator] if field.type in ORDERED else ["=", "!="]
    if symbol.text not in allowed:
        cursor.fail(f"{symbol.text!r} cannot follow {field.name!r}", f"Use one of {' '.join(allowed)}.", symbol)
    value: Value = read_value(cursor, field.type)
    operator = Operator(symbol.text)
    if field.type is Scalar.BOOLEAN and operator is Operator.NE:
        return Comparison(field.name, Operator.EQ, not value)
    return Comparison(field.name, operator, value)


def read_widgets(cursor: Cursor, entities: Sequence[Entity]) -> tuple[Widget, ...]:
    """``count Loan where not returned, bar Loan by item``.

    Raises:
        BlueprintError: unknown widget, entity or field, or too many of them.
    """
    found: list[Widget] = []
    while True:
        if len(found) == MAX_WIDGETS:
            cursor.fail(f"a dashboard has at most {MAX_WIDGETS} widgets")
        found.append(_read_widget(cursor, entities))
        if not cursor.accept(","):
            return tuple(found)


def _read_widget(cursor: Cursor, entities: Sequence[Entity]) -> Widget:
    kind = cursor.take()
    if kind.text not in WIDGET_WORDS:
        cursor.fail(f"there is no widget {kind.text!r}", closest(kind.text, WIDGET_WORDS), kind)
    name = cursor.known("entity", (item.name for item in entities), until=("where", "by", ","))
    entity = next(item for item in entities if item.name == name)
    if kind.text == "bar":
        cursor.expect("by", "Say what to count by: bar Loan by status.")
        token = cursor.peek()
        field = _known_field(cursor, entity)
        if not is_groupable(field):
            cursor.fail(f"a chart cannot count by {field.name!r}", "Use a choice, yes/no, person or ref field.", token)
        return BarWidget(name, field.name, read_where(cursor, entity))
    where = read_where(cursor, entity)
    return CountWidget(name, where) if kind.text == "count" else ListWidget(name, where)


def read_values(cursor: Cursor, entity: Entity) -> tuple[Literal | None, ...]:
    """The values of an example row, for the leading fields; ``-`` leaves one out.

    Raises:
        BlueprintError: more values than fields, or one that does not fit its field.
    """
    found: list[Literal | None] = []
    while True:
        if len(found) == len(entity.fields):
            cursor.fail(f"{entity.name!r} has only {len(entity.fields)} fields", "Remove the last values.")
        if cursor.accept("-"):
            found.append(None)
        else:
            found.append(read_literal(cursor, entity.fields[len(found)].type))
        if not cursor.accept(","):
            break
    cursor.end()
    return tuple(found)
