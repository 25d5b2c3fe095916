"""``logic.py``: the app's own conditions, as functions that build SQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from textwrap import shorten
from typing import TYPE_CHECKING, Final

from appliance.blueprint import naming
from appliance.blueprint.model import (
    Choice,
    Comparison,
    Condition,
    Entity,
    Field,
    Me,
    Operator,
    Scalar,
    Today,
)
from appliance.codegen.emit.models import literal
from appliance.codegen.emit.names import Names, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORDS: Final = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.LT: "is below",
    Operator.LE: "is at most",
    Operator.GT: "is above",
    Operator.GE: "is at least",
}
_DAY_WORDS: Final = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.LT: "before",
    Operator.LE: "up to",
    Operator.GT: "after",
    Operator.GE: "on or after",
}
_PYTHON: Final = {Operator.EQ: "==", Operator.NE: "!="}


@dataclass
class Conditions:
    """Every condition of the app under a name of its own; equal conditions share one function."""

    names: Names
    functions: dict[tuple[str, Condition], str] = field(default_factory=dict)

    def name(self, title: str, entity: str, condition: Condition) -> str:
        """The constant in ``logic.py`` for a condition; ``title`` of the page that asked first names it."""
        key = (entity, condition)
        if key not in self.functions:
            base = naming.identifier(title).rstrip("_")
            base = f"{base}_{naming.identifier(naming.plural(entity)).rstrip('_')}"
            taken = set(self.functions.values())
            candidate, count = base, 1
            while candidate in taken:
                count += 1
                candidate = f"{base}_{count}"
            self.functions[key] = candidate
        return self.functions[key].upper()

    def module(self) -> str:
        """The text of ``logic.py``."""
        return "".join(_module(self))


def _module(conditions: Conditions) -> Iterator[str]:
    names = conditions.names
    yield f'"""What is special about {plain(names.blueprint.name)}: conditions of pages and dashboards."""\n\n'
    if not conditions.functions:
        return
    body = "\n\n\n".join(
        _function(names, entity, condition, name) for (entity, condition), name in conditions.functions.items()
    )
    yield "from __future__ import annotations\n\n"
    if "dt." in body:
        yield "import datetime as dt\n"
    if "Decimal(" in body:
        yield "from decimal import Decimal\n"
    yield (
        "\nfrom sqlalchemy import ColumnElement, and_\n"
        if "and_(" in body
        else "\nfrom sqlalchemy import ColumnElement\n"
    )
    yield "from sqlmodel import col\n\n"
    helpers = sorted(
        name
        for name in ("differs", "is_me", "is_not_me", "is_not_person", "is_person", "not_on_day", "on_day", "start_of")
        if f"{name}(" in body
    )
    yield "from . import models\n"
    yield f"from .kit.conditions import {', '.join(['Moment', 'Where', *helpers])}\n\n\n"
    yield body + "\n"


def _function(names: Names, entity_name: str, condition: Condition, name: str) -> str:
    entity = names.blueprint.entity(entity_name)
    text = " and ".join(clause_text(entity, clause) for clause in condition.clauses)
    clauses = [_clause(names, entity, clause) for clause in condition.clauses]
    expression = clauses[0] if len(clauses) == 1 else f"and_({', '.join(clauses)})"
    here = "here" if "here" in expression else "_here"
    return (
        f"def {name}({here}: Moment) -> ColumnElement[bool]:\n"
        f'    """{shorten(f"{plain(naming.plural(entity_name))} where {plain(text)}", 100, placeholder=" …")}."""\n'
        f"    return {expression}\n\n\n"
        f"{name.upper()} = Where({text!r}, {name})"
    )


def clause_text(entity: Entity, clause: Comparison) -> str:
    """A comparison in words, for people."""
    item = entity.field(clause.field)
    if item is None:
        raise KeyError(clause.field)
    label = naming.label(item.name).lower()
    if item.type is Scalar.BOOLEAN:
        return label if _wants_true(clause) else f"not {label}"
    words = _DAY_WORDS if item.type in (Scalar.DATE, Scalar.DATETIME) else _WORDS
    value = {Me: "you", Today: "today"}.get(type(clause.value)) or str(clause.value)
    return f"{label} {words[clause.operator]} {value}"


def _wants_true(clause: Comparison) -> bool:
    return bool(clause.value) is (clause.operator is Operator.EQ)


def _clause(names: Names, entity: Entity, clause: Comparison) -> str:
    item = entity.field(clause.field)
    if item is None:
        raise KeyError(clause.field)
    column = f"col(models.{names.classes[entity.name]}.{names.attribute(item)})"
    equal, different = clause.operator is Operator.EQ, clause.operator is Operator.NE
    if item.type is Scalar.BOOLEAN:
        return f"{column}.is_({_wants_true(clause)})"
    if item.type is Scalar.PERSON:
        if isinstance(clause.value, Me):
            return f"{'is_me' if equal else 'is_not_me'}({column}, here)"
        return f"{'is_person' if equal else 'is_not_person'}({column}, {str(clause.value)!r})"
    if item.type is Scalar.DATETIME and (
        isinstance(clause.value, Today) or len(str(clause.value)) == len("2026-11-24")
    ):
        return _day_clause(column, clause)
    value = _value(names, entity, item, clause)
    if different:
        return f"differs({column}, {value})"
    return f"{column} {_PYTHON.get(clause.operator, clause.operator.value)} {value}"


def _day_clause(column: str, clause: Comparison) -> str:
    """A date and time compared with a day: the whole day counts."""
    day = "here.today" if isinstance(clause.value, Today) else literal(Scalar.DATE, clause.value)
    following = f"start_of({day} + dt.timedelta(days=1))"
    match clause.operator:
        case Operator.EQ:
            return f"on_day({column}, {day})"
        case Operator.NE:
            return f"not_on_day({column}, {day})"
        case Operator.LT | Operator.GE:
            return f"{column} {clause.operator.value} start_of({day})"
        case Operator.LE:
            return f"{column} < {following}"
        case _:
            return f"{column} >= {following}"


def _value(names: Names, entity: Entity, item: Field, clause: Comparison) -> str:
    if isinstance(clause.value, Today):
        return "here.today"
    if isinstance(item.type, Choice):
        member = names.members.get((entity.name, item.name, str(clause.value)))
        return f"models.{names.enums[entity.name, item.name]}.{member}" if member else repr(str(clause.value))
    if item.type is Scalar.MONEY:
        return f"Decimal({str(clause.value)!r})"
    if isinstance(item.type, Scalar):
        return literal(item.type, clause.value)
    return repr(clause.value)
