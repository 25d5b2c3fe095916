"""The blueprint: what an app is, as frozen values. Pure data; see ``docs/blueprint.md`` for the language.

A :class:`Blueprint` that came out of :func:`appliance.blueprint.parser.parse` is *resolved*: every reference names
something that exists, names are unique, and every list is within its bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_ROLES: Final = 6
MAX_ENTITIES: Final = 12
MAX_FIELDS: Final = 24
MAX_CHOICES: Final = 16
MAX_PAGES: Final = 16
MAX_WIDGETS: Final = 8
MAX_EXAMPLES: Final = 40
MAX_CLAUSES: Final = 4
MAX_NAME: Final = 40
MAX_ABOUT: Final = 160

OWNER: Final = "@owner"
"""The app's owner: not a role of the blueprint, may do everything."""


class Scalar(StrEnum):
    """Field types without parameters, by their keyword."""

    TEXT = "text"
    LONGTEXT = "longtext"
    NUMBER = "number"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    PERSON = "person"
    FILE = "file"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; ``options`` are distinct and in the order in which they are shown."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """A link to one row of ``entity``."""

    entity: str


FieldType = Scalar | Choice | Ref


@dataclass(frozen=True, slots=True)
class Me:
    """The signed-in person (default of a person field, or a value in a condition)."""


@dataclass(frozen=True, slots=True)
class Today:
    """The current day where the app runs (default of a date field, or a value in a condition)."""


Literal = str | int | float | bool
"""A value as written: text and choice options are ``str``, dates ISO 8601 ``str``, numbers ``int`` or ``float``."""

Value = Literal | Me | Today


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an entity. ``name`` is lower-case words joined by underscores, e.g. ``due_date``."""

    name: str
    type: FieldType
    required: bool = False
    unique: bool = False
    default: Value | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record. ``name`` is a singular noun in title case; the first text-like field is its label."""

    name: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field | None:
        """The field of that name, or None."""
        return next((field for field in self.fields if field.name == name), None)


class Verb(StrEnum):
    """What a role may do with the rows of an entity."""

    CREATE = "create"
    READ = "read"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Permission:
    """A verb; ``own`` limits it to rows that the person created or is named in by a person field."""

    verb: Verb
    own: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role may do with one entity."""

    role: str
    permissions: tuple[Permission, ...]

    def permission(self, verb: Verb) -> Permission | None:
        """The permission for ``verb``, or None: refused."""
        return next((item for item in self.permissions if item.verb is verb), None)


@dataclass(frozen=True, slots=True)
class Access:
    """The access line of an entity. Roles without a grant, and entities without a line, are refused (default deny)."""

    entity: str
    grants: tuple[Grant, ...]


class Operator(StrEnum):
    """Comparisons in a ``where``."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class Comparison:
    """``field operator value``. For booleans the printer writes ``returned`` and ``not returned``.

    A row whose field is empty never matches, except with ``!=`` and ``not`` (booleans count empty as false).
    """

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Condition:
    """All clauses hold."""

    clauses: tuple[Comparison, ...]


@dataclass(frozen=True, slots=True)
class TablePage:
    """A list of rows with search, sort, filter and paging."""

    title: str
    entity: str
    where: Condition | None = None


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page for creating one row."""

    title: str
    entity: str


@dataclass(frozen=True, slots=True)
class DetailPage:
    """Pick a row, see it with its related records."""

    title: str
    entity: str


@dataclass(frozen=True, slots=True)
class CountWidget:
    """How many rows."""

    entity: str
    where: Condition | None = None


@dataclass(frozen=True, slots=True)
class BarWidget:
    """Rows counted per value of ``by``, a choice, boolean, ref or person field."""

    entity: str
    by: str
    where: Condition | None = None


@dataclass(frozen=True, slots=True)
class ListWidget:
    """The newest few rows."""

    entity: str
    where: Condition | None = None


Widget = CountWidget | BarWidget | ListWidget


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """Widgets side by side."""

    title: str
    widgets: tuple[Widget, ...]


Page = TablePage | FormPage | DetailPage | DashboardPage


@dataclass(frozen=True, slots=True)
class Example:
    """Sample data: values for the leading fields of ``entity``, in order. A ref's value is the label of a row."""

    entity: str
    values: tuple[Literal | None, ...]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole app."""

    name: str
    about: str
    roles: tuple[str, ...]
    entities: tuple[Entity, ...]
    access: tuple[Access, ...] = ()
    pages: tuple[Page, ...] = ()
    examples: tuple[Example, ...] = ()

    def entity(self, name: str) -> Entity:
        """The entity of that name; KeyError if there is none (cannot happen for references of a parsed blueprint)."""
        for entity in self.entities:
            if entity.name == name:
                return entity
        raise KeyError(name)

    def permission(self, entity: str, role: str, verb: Verb) -> Permission | None:
        """What ``role`` may do: the one place where default deny is decided for readers of a blueprint."""
        if role == OWNER:
            return Permission(verb)
        for access in self.access:
            if access.entity == entity:
                for grant in access.grants:
                    if grant.role == role:
                        return grant.permission(verb)
        return None


LABEL_TYPES: Final = (Scalar.TEXT, Scalar.EMAIL, Scalar.PHONE, Scalar.URL)


def label_field(entity: Entity) -> Field | None:
    """The field that names a row to a person: the first text-like one, else the first choice, else the first date."""
    for wanted in (LABEL_TYPES, (Scalar.DATE, Scalar.DATETIME)):
        for field in entity.fields:
            if field.type in wanted or (wanted is not LABEL_TYPES and isinstance(field.type, Choice)):
                return field
    return None
