"""Parts of expressions: fields and what references lead to, conditions, functions, figures over related rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Text,
    and_,
    case,
    cast,
    false,
    func,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import aliased

from . import total
from .columns import FieldSpec
from .columns import Kind as FieldKind
from .conditions import is_person
from .expressions import ME, Constant, Given, Reading, Value, Worked, alike, compared, value
from .kinds import SQL_TYPES, Kind
from .records import Person

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conditions import Moment

_FIELD_KINDS: Final = {
    FieldKind.NUMBER: Kind.NUMBER,
    FieldKind.MONEY: Kind.MONEY,
    FieldKind.BOOLEAN: Kind.BOOLEAN,
    FieldKind.DATE: Kind.DATE,
    FieldKind.DATETIME: Kind.DATETIME,
    FieldKind.TIME: Kind.TIME,
    FieldKind.PERSON: Kind.PERSON,
    FieldKind.REF: Kind.LINK,
}


@dataclass(frozen=True, slots=True, eq=False)
class Own(Value):
    """A field of the row itself."""

    kind: Kind
    owner: Any
    name: str

    @property
    def model(self) -> Any:
        return self.owner

    def find(self, reading: Reading, row: Any) -> Any:  # noqa: ARG002 - the row holds it
        value = getattr(row, self.name)
        if value is None or value == "":
            return None
        if self.kind is Kind.MONEY:
            return float(value * 100)
        if self.kind is Kind.NUMBER:
            return float(value)
        return str(value) if self.kind is Kind.TEXT else value

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:  # noqa: ARG002 - no moment in a field
        column: ColumnElement[Any] = getattr(source, self.name)
        if self.kind is Kind.TEXT:
            return func.nullif(type_coerce(column, Text()), "")
        if self.kind is Kind.MONEY:
            return cast(type_coerce(column, BigInteger()), Double())
        return column.is_(true()) if self.kind is Kind.BOOLEAN else column


@dataclass(frozen=True, slots=True, eq=False)
class Through(Value):
    """A value of the row that a reference leads to."""

    link: Own
    target: Any
    value: Value

    @property
    def kind(self) -> Kind:  # type: ignore[override]
        return self.value.kind

    @property
    def model(self) -> Any:
        return self.link.model

    def find(self, reading: Reading, row: Any) -> Any:
        key = self.link.find(reading, row)
        found = None if key is None else reading.session.get(self.target, key)
        return None if found is None else self.value.find(reading, found)

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        other = aliased(self.target)
        found = select(self.value.sql(here, other)).where(other.id == self.link.sql(here, source))
        return found.correlate(source).scalar_subquery()


def field(column: Any) -> Own:
    """A field of the row, by the attribute of its model."""
    spec = column.property.columns[0].info.get("spec")
    kind = _FIELD_KINDS.get(spec.kind, Kind.TEXT) if isinstance(spec, FieldSpec) else Kind.TEXT
    return Own(kind, column.class_, column.key)


def through(link: Any, found: Value, target: Any = None) -> Through:
    """A value of the row that a reference field leads to; ``target`` is its model where the value does not say so."""
    return Through(field(link), target or found.model, found)


def equal(left: Given, right: Given) -> Value:
    """Both are there and alike. ``ME`` is everybody who is that person; a text beside a person is their address."""
    first, second = value(left), value(right)
    for one, other in ((first, second), (second, first)):
        if one is ME:
            return IsMe(other)
        if one.kind is Kind.PERSON and isinstance(other, Constant) and other.kind is Kind.TEXT:
            return IsPerson(one, str(other.value))
    if Kind.BOOLEAN in (first.kind, second.kind):
        return any_of(all_of(first, second), all_of(negated(first), negated(second)))
    return compared(first, "=", second)


def different(left: Given, right: Given) -> Value:
    """Not equal; an empty value differs from everything."""
    return negated(equal(left, right))


def one_of(given: Given, *options: Given) -> Value:
    """Equal to one of these."""
    return any_of(*(equal(given, option) for option in options))


@dataclass(frozen=True, slots=True, eq=False)
class Joined(Value):
    """Conditions joined: all of them, or at least one."""

    every: bool
    parts: tuple[Value, ...]
    kind: Kind = Kind.BOOLEAN

    @property
    def model(self) -> Any:
        return _model(*self.parts)

    def find(self, reading: Reading, row: Any) -> bool:
        found = (part.find(reading, row) for part in self.parts)
        return all(found) if self.every else any(found)

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        parts = [part.sql(here, source) for part in self.parts]
        return and_(true(), *parts) if self.every else or_(false(), *parts)


def all_of(*parts: Value) -> Value:
    """All of these hold."""
    return Joined(True, parts)


def any_of(*parts: Value) -> Value:
    """At least one of these holds."""
    return Joined(False, parts)


def _model(*values: Value) -> Any:
    return next((found for item in values if (found := item.model) is not None), None)


@dataclass(frozen=True, slots=True, eq=False)
class Asked(Value):
    """A question about one value that is answered even if it is empty."""

    python: Callable[[Any], bool]
    in_sql: Callable[[Any], ColumnElement[Any]]
    operand: Value
    kind: Kind = Kind.BOOLEAN

    @property
    def model(self) -> Any:
        return self.operand.model

    def find(self, reading: Reading, row: Any) -> bool:
        return self.python(self.operand.find(reading, row))

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        return self.in_sql(self.operand.sql(here, source))


def negated(part: Value) -> Value:
    """This does not hold."""
    return Asked(lambda found: not found, lambda column: column.is_not(true()), part)


def is_empty(given: Value) -> Value:
    """There is no value."""
    return Asked(lambda found: found is None, lambda column: column.is_(None), given)


def contains(text: Given, part: Given) -> Value:
    """A text contains another; letter case does not count."""
    return Worked(
        Kind.BOOLEAN, total.contains, lambda *columns: total.Contains(*columns) == 1, (value(text), value(part))
    )


@dataclass(frozen=True, slots=True, eq=False)
class IsMe(Value):
    """Somebody is the person who looks."""

    person: Value
    kind: Kind = Kind.BOOLEAN

    @property
    def model(self) -> Any:
        return self.person.model

    def find(self, reading: Reading, row: Any) -> bool:
        return self.person.find(reading, row) in reading.here.me

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        return self.person.sql(here, source).in_(here.me)


@dataclass(frozen=True, slots=True, eq=False)
class IsPerson(Value):
    """Somebody has this e-mail address or subject."""

    person: Value
    key: str
    kind: Kind = Kind.BOOLEAN

    @property
    def model(self) -> Any:
        return self.person.model

    def find(self, reading: Reading, row: Any) -> bool:
        key = self.person.find(reading, row)
        found = None if key is None else reading.session.get(Person, key)
        return found is not None and (found.email.lower() == self.key.lower() or found.subject == self.key)

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        return is_person(self.person.sql(here, source), self.key)


@dataclass(frozen=True, slots=True, eq=False)
class When(Value):
    """A value if a condition holds, else another one or nothing."""

    kind: Kind
    condition: Value
    then: Value
    otherwise: Value | None

    @property
    def model(self) -> Any:
        return _model(self.condition, self.then, *([self.otherwise] if self.otherwise is not None else []))

    def find(self, reading: Reading, row: Any) -> Any:
        if self.condition.find(reading, row):
            return self.then.find(reading, row)
        return None if self.otherwise is None else self.otherwise.find(reading, row)

    def sql(self, here: Moment, source: Any) -> ColumnElement[Any]:
        otherwise = None if self.otherwise is None else self.otherwise.sql(here, source)
        kind = SQL_TYPES[self.kind]
        return type_coerce(case((self.condition.sql(here, source), self.then.sql(here, source)), else_=otherwise), kind)


def when(condition: Value, then: Given, otherwise: Given | None = None) -> Value:
    """``then`` if the condition holds, else ``otherwise``."""
    if otherwise is None:
        found = value(then)
        return When(found.kind, condition, found, None)
    first, second = alike(then, otherwise)
    return When(first.kind, condition, first, second)
