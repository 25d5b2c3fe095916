"""Reading parts of pages: conditions, measures, lists of fields, widgets of dashboards, example rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.errors import closest
from appliance.blueprint.expression_parser import read_condition
from appliance.blueprint.expressions import Expression, Fold
from appliance.blueprint.kinds import NUMERIC, of_field
from appliance.blueprint.model import Choice, Field, Literal, Numbering, Ref, Scalar
from appliance.blueprint.screens import (
    MAX_WIDGETS,
    BarWidget,
    CountWidget,
    FigureWidget,
    ListWidget,
    Measure,
    Widget,
)
from appliance.blueprint.values import read_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity

WIDGET_WORDS: Final = ("count", "bar", "list", "sum", "average", "lowest", "highest")
GROUPABLE: Final = (Scalar.BOOLEAN, Scalar.PERSON)
DAYS: Final = (Scalar.DATE, Scalar.DATETIME)
FOLDS: Final = tuple(fold.value for fold in Fold)


def is_groupable(field: Field) -> bool:
    """Whether a bar chart can count by this field."""
    return field.custom is None and (isinstance(field.type, Choice | Ref) or field.type in GROUPABLE)


def is_day(field: Field) -> bool:
    """Whether this field holds a date, with or without a time, that the database knows."""
    return field.custom is None and field.type in DAYS


def is_measurable(field: Field) -> bool:
    """Whether the database can add this field up."""
    return field.custom is None and of_field(field).kind in NUMERIC


def is_sortable(field: Field) -> bool:
    """Whether rows can be put in order by this field."""
    return not field.hidden and field.custom is None


def is_given(field: Field) -> bool:
    """Whether people type this field in: it is not computed, and not numbered by the app."""
    return field.computed is None and field.custom is None and not isinstance(field.type, Numbering)


def read_entity(cursor: Cursor, entities: Sequence[Entity], *, until: Sequence[str]) -> Entity:
    """An entity's name, followed by one of ``until`` or the end.

    Raises:
        BlueprintError: there is no such entity.
    """
    name = cursor.known("entity", (item.name for item in entities), until=until)
    return next(item for item in entities if item.name == name)


def read_where(cursor: Cursor, entities: Sequence[Entity], entity: Entity) -> Expression | None:
    """``where due < today and not returned``, or nothing.

    Raises:
        BlueprintError: an expression that does not fit, or is neither true nor false.
    """
    return read_condition(cursor, entities, entity) if cursor.accept("where") else None


def read_known(
    cursor: Cursor, entity: Entity, accepted: Callable[[Field], bool] = lambda _: True, hint: str = ""
) -> Field:
    """The name of a field that ``accepted`` takes.

    Raises:
        BlueprintError: there is no such field, or another kind is needed; ``hint`` says which.
    """
    token = cursor.take()
    field = entity.field(token.text)
    if field is None:
        names = [field.name for field in entity.fields if accepted(field)]
        return cursor.fail(f"{entity.name!r} has no field {token.text!r}", closest(token.text, names), token)
    if not accepted(field):
        cursor.fail(f"{field.name!r} cannot stand here", hint, token)
    return field


def read_group(cursor: Cursor, entities: Sequence[Entity], entity: Entity, *, days: bool = False) -> tuple[str, Field]:
    """What rows are put together by: ``status``, or over one reference ``item.category``; the text and the field."""
    token = cursor.peek()
    text = cursor.take().text
    first, _, second = text.partition(".")
    field = entity.field(first)
    if field is None:
        names = [item.name for item in entity.fields if is_groupable(item)]
        return cursor.fail(f"{entity.name!r} has no field {first!r}", closest(first, names), token)
    if second:
        if not isinstance(field.type, Ref):
            cursor.fail(f"{first!r} leads to no other record", f"Write {first} alone.", token)
        target = next(item for item in entities if item.name == field.type.entity)
        found = target.field(second)
        if found is None:
            names = [item.name for item in target.fields if is_groupable(item)]
            cursor.fail(f"{target.name!r} has no field {second!r}", closest(second, names), token)
        field = found
    if not is_groupable(field) and not (days and is_day(field)):
        hint = f"Use a choice, yes/no, person{', ref or date' if days else ' or ref'} field."
        cursor.fail(f"a chart cannot count by {text!r}", hint, token)
    return text, field


def read_measure(cursor: Cursor, entity: Entity) -> Measure:
    """``count``, or ``sum amount``.

    Raises:
        BlueprintError: an unknown word, or a field that cannot be added up.
    """
    token = cursor.take()
    if token.text not in FOLDS:
        cursor.fail(f"{token.text!r} is no measure", closest(token.text, FOLDS), token)
    if token.text == Fold.COUNT:
        return Measure(Fold.COUNT)
    return Measure(Fold(token.text), _measured(cursor, entity).name)


def _measured(cursor: Cursor, entity: Entity) -> Field:
    return read_known(cursor, entity, is_measurable, "Use a number or money field.")


def read_fields(
    cursor: Cursor, entity: Entity, most: int, accepted: Callable[[Field], bool], hint: str
) -> tuple[str, ...]:
    """``(item, due)``, each once.

    Raises:
        BlueprintError: an unknown, repeated or unsuitable field, or too many of them.
    """
    cursor.expect("(", f"Name the fields in brackets: ({entity.fields[0].name}).")
    found: list[str] = []
    while True:
        token = cursor.peek()
        name = read_known(cursor, entity, accepted, hint).name
        if name in found:
            cursor.fail(f"{name!r} is there twice", "Remove one.", token)
        if len(found) == most:
            cursor.fail(f"at most {most} fields fit here", "Remove some.", token)
        found.append(name)
        if not cursor.accept(","):
            break
    cursor.expect(")", "Close the bracket.")
    return tuple(found)


def is_shown(field: Field) -> bool:
    """Whether this field can be a column."""
    return not field.hidden


def read_widgets(cursor: Cursor, entities: Sequence[Entity]) -> tuple[Widget, ...]:
    """``count Loan where not returned, bar Loan by item``.

    Raises:
        BlueprintError: unknown widget, entity or field, or too many of them.
    """
    found: list[Widget] = []
    while True:
        if len(found) == MAX_WIDGETS:
            cursor.fail(f"a dashboard has at most {MAX_WIDGETS} widgets", "Put the others on another page.")
        found.append(_read_widget(cursor, entities))
        if not cursor.accept(","):
            return tuple(found)


def _read_widget(cursor: Cursor, entities: Sequence[Entity]) -> Widget:
    kind = cursor.take()
    if kind.text not in WIDGET_WORDS:
        cursor.fail(f"there is no widget {kind.text!r}", closest(kind.text, WIDGET_WORDS), kind)
    if kind.text in FOLDS and kind.text != Fold.COUNT:
        return _read_figure(cursor, entities, Fold(kind.text))
    entity = read_entity(cursor, entities, until=("where", "by", ","))
    if kind.text == "bar":
        cursor.expect("by", "Say what to count by: bar Loan by status.")
        by, _ = read_group(cursor, entities, entity)
        measure = read_measure(cursor, entity) if cursor.at(*FOLDS) else None
        measure = None if measure == Measure(Fold.COUNT) else measure
        return BarWidget(entity.name, by, read_where(cursor, entities, entity), measure)
    where = read_where(cursor, entities, entity)
    return CountWidget(entity.name, where) if kind.text == "count" else ListWidget(entity.name, where)


def _read_figure(cursor: Cursor, entities: Sequence[Entity], fold: Fold) -> FigureWidget:
    """``amount of Order``; which entity is meant comes after the field."""
    mark = cursor.mark()
    cursor.take()
    cursor.expect("of", f"Say of what: {fold} amount of Order.")
    entity = read_entity(cursor, entities, until=("where", ","))
    after = cursor.mark()
    cursor.back(mark)
    field = _measured(cursor, entity)
    cursor.back(after)
    return FigureWidget(entity.name, Measure(fold, field.name), read_where(cursor, entities, entity))


def read_values(cursor: Cursor, entity: Entity) -> tuple[Literal | None, ...]:
    """The values of an example row, for the leading fields; ``-`` leaves one out.

    Raises:
        BlueprintError: more values than fields, one that does not fit its field, or one that the app works out.
    """
    found: list[Literal | None] = []
    while True:
        if len(found) == len(entity.fields):
            cursor.fail(f"{entity.name!r} has only {len(entity.fields)} fields", "Remove the last values.")
        field = entity.fields[len(found)]
        if cursor.accept("-"):
            found.append(None)
        elif not is_given(field):
            cursor.fail(f"the app itself works out {field.name!r}", "Write - in its place.")
        else:
            found.append(read_literal(cursor, field.type))
        if not cursor.accept(","):
            break
    cursor.end()
    return tuple(found)
