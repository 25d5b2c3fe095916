"""What an app does by itself, as values: computed fields, rules, actions, marks and reminders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlmodel import Session

    from .columns import FieldSpec
    from .conditions import Moment
    from .records import Entity


class Value(Protocol):
    """An expression about a row, in Python and in SQL; both mean the same."""

    def of(self, session: Session, row: Any, here: Moment) -> Any:
        """Its value for a row that is in the database."""

    def column(self, here: Moment) -> ColumnElement[Any] | None:
        """The same over all rows of the entity; None for what only Python can work out."""


class Test(Protocol):
    """A condition about a row, in Python and in SQL; ``text`` is how it reads."""

    @property
    def text(self) -> str:
        """The condition in words."""

    def holds(self, session: Session, row: Any, here: Moment) -> bool:
        """Whether it holds for a row that is in the database."""

    def clause(self, here: Moment) -> ColumnElement[bool]:
        """The same over all rows of the entity."""


class Occasion(StrEnum):
    """When a rule is looked at."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold after a row was added or changed, or before it is deleted; else ``message`` says why not."""

    entity: Entity
    occasions: tuple[Occasion, ...]
    test: Test
    message: str


@dataclass(frozen=True, slots=True)
class Action:
    """A button that changes a row: for ``roles`` on every row they may read, for ``people`` (person fields) on theirs.

    ``assign`` pairs field names with values; None empties the field.
    """

    entity: Entity
    title: str
    slug: str
    roles: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    when: Test | None = None
    assign: tuple[tuple[str, Value | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Rows that stand out. ``word`` says so without colour; ``needs`` names the fields that the test looks at: who may
    not read one of them does not see the mark."""

    entity: Entity
    colour: str
    test: Test
    word: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reminder:
    """A message to people about a row, from ``days`` after (negative: before) the date in ``field`` on.

    ``key`` tells reminders apart for good, ``message`` names fields in braces.
    """

    key: str
    entity: Entity
    field: str
    days: int
    message: str
    people: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    where: Test | None = None


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a record's page: a template of the app's own and what stands in it, as pairs of name and field."""

    entity: Entity
    title: str
    template: str
    inputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Everything of it; ``computed``: table → field → value."""

    computed: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    actions: tuple[Action, ...] = ()
    marks: tuple[Mark, ...] = ()
    reminders: tuple[Reminder, ...] = ()
    fragments: tuple[Fragment, ...] = ()

    def value(self, entity: Entity, spec: FieldSpec) -> Value | None:
        """How a computed field is worked out."""
        return self.computed.get(entity.table, {}).get(spec.name)

    def rules_of(self, entity: Entity, occasion: Occasion) -> list[Rule]:
        """The rules that are looked at on that occasion."""
        return [rule for rule in self.rules if rule.entity is entity and occasion in rule.occasions]

    def actions_of(self, entity: Entity) -> list[Action]:
        """The actions of an entity."""
        return [action for action in self.actions if action.entity is entity]

    def marks_of(self, entity: Entity) -> list[Mark]:
        """The marks of an entity; the first that holds counts."""
        return [mark for mark in self.marks if mark.entity is entity]


NOTHING: Final = Behaviour()
