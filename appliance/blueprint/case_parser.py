"""Reading and printing the cases of custom places."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.check_words import value_text
from appliance.blueprint.errors import closest
from appliance.blueprint.fields import read_title
from appliance.blueprint.lexer import Kind
from appliance.blueprint.model import MAX_NAME, Scalar
from appliance.blueprint.places import MAX_CASES_OF_PLACE, Case, place_key
from appliance.blueprint.values import read_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.behaviour import Fragment
    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Blueprint, Entity, Field, FieldType, Literal


def read_case(
    cursor: Cursor, entities: Sequence[Entity], fragments: Sequence[Fragment], before: Sequence[Case]
) -> Case:
    """``Loan.code: 2026-11-30, 7 gives "2026007"``, ``Item "Shelf label": "ThinkPad X1" shows "THINKPAD X1"``.

    Raises:
        BlueprintError: no such place, other than one value per input, a value that does not fit, or too many cases.
    """
    here = cursor.peek()
    entity, name, inputs, output = _place(cursor, entities, fragments)
    cursor.expect(":", "Then write a value for each input.")
    values: list[Literal | None] = []
    for field in inputs:
        if values:
            cursor.expect(",", f"This place has {len(inputs)} inputs: {', '.join(item.name for item in inputs)}.")
        values.append(_value(cursor, field.type))
    word = "gives" if output is not None else "shows"
    cursor.expect(word, f"Then write {word} and what is expected.")
    gives = _value(cursor, output) if output is not None else read_title(cursor, "what is shown", MAX_NAME)
    cursor.end()
    if sum((item.entity, item.name) == (entity, name) for item in before) >= MAX_CASES_OF_PLACE:
        cursor.fail(f"a place has at most {MAX_CASES_OF_PLACE} cases", "Remove some.", here)
    return Case(entity, name, tuple(values), gives)


def _place(
    cursor: Cursor, entities: Sequence[Entity], fragments: Sequence[Fragment]
) -> tuple[str, str, list[Field], FieldType | None]:
    here = cursor.peek()
    custom = {
        f"{entity.name}.{field.name}": (entity, field)
        for entity in entities
        for field in entity.fields
        if field.custom is not None
    }
    found = cursor.one_of(custom)
    if found is not None:
        entity, field = custom[found]
        names = field.custom.inputs if field.custom is not None else ()
        return entity.name, field.name, _fields(entity, names), field.type
    owner = cursor.one_of([fragment.entity for fragment in fragments])
    following = cursor.peek()
    if owner is not None and following is not None and following.kind is Kind.STRING:
        title = cursor.take().text
        for fragment in fragments:
            if (fragment.entity, fragment.title) == (owner, title):
                of = next(item for item in entities if item.name == owner)
                return owner, title, _fields(of, fragment.inputs), None
        titles = [fragment.title for fragment in fragments if fragment.entity == owner]
        cursor.fail(f"{owner!r} has no fragment {title!r}", closest(title, titles), following)
    text = "" if here is None else cursor.line[here.column - 1 :].partition(":")[0]
    known = [*custom, *(place_key(item.entity, item.title, fragment=True) for item in fragments)]
    return cursor.fail(f"there is no custom place {text!r}", closest(text, known), here)


def _fields(entity: Entity, names: Sequence[str]) -> list[Field]:
    return [item for name in names if (item := entity.field(name)) is not None]


def _value(cursor: Cursor, kind: FieldType) -> Literal | None:
    return None if cursor.accept("-") else read_literal(cursor, kind)


def case_line(case: Case, blueprint: Blueprint) -> str:
    """``case Loan.code: 2026-11-30, 7 gives "2026007"``."""
    return f"case {case_text(case, blueprint)}"


def case_text(case: Case, blueprint: Blueprint) -> str:
    """The same without its first word, as edits carry it."""
    entity = blueprint.entity(case.entity)
    field = entity.field(case.name)
    fragment = field is None or field.custom is None
    key = place_key(case.entity, case.name, fragment=fragment)
    names = (
        next(item.inputs for item in blueprint.fragments if (item.entity, item.title) == (case.entity, case.name))
        if field is None or field.custom is None
        else field.custom.inputs
    )
    values = ", ".join(
        "-" if value is None or item is None else value_text(value, item.type)
        for value, item in zip(case.values, (entity.field(name) for name in names), strict=True)
    )
    if field is None or field.custom is None:
        return f"{key}: {values} shows {value_text(str(case.gives), Scalar.TEXT)}"
    gives = "-" if case.gives is None else value_text(case.gives, field.type)
    return f"{key}: {values} gives {gives}"
