"""The blueprint: what an app is, as frozen values. Pure data; see ``docs/blueprint.md`` for the language.

A :class:`Blueprint` that came out of :func:`appliance.blueprint.parser.parse` is *resolved*: every reference names
something that exists, names are unique, and every list is within its bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Action, Custom, Fragment, Mark, Protection, Reminder, Rename, Rule
    from appliance.blueprint.checks import OwnCheck
    from appliance.blueprint.expressions import Expression
    from appliance.blueprint.places import Case
    from appliance.blueprint.screens import Page

MAX_ROLES: Final = 6
MAX_ENTITIES: Final = 12
MAX_FIELDS: Final = 24
MAX_CHOICES: Final = 16
MAX_EXAMPLES: Final = 40
MAX_UNIQUE: Final = 4
MAX_NAME: Final = 40
MAX_ABOUT: Final = 160

OWNER: Final = "@owner"
"""The app's owner: not a role of the blueprint, may do everything."""

PUBLIC: Final = "@public"
"""Whoever stands at a kiosk: not a role of the blueprint, may send that one form and nothing else."""


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


@dataclass(frozen=True, slots=True)
class Numbering:
    """``sequence(REQ-0001)``: numbers that the app gives out, each once and never again: a prefix, then digits."""

    prefix: str
    digits: int
    start: int = 1


FieldType = Scalar | Choice | Ref | Numbering


@dataclass(frozen=True, slots=True)
class Me:
    """The signed-in person, as the default of a person field."""


@dataclass(frozen=True, slots=True)
class Today:
    """The current day where the app runs, as the default of a date field."""


Literal = str | int | float | bool
"""A value as written: text and choice options are ``str``, dates ISO 8601 ``str``, numbers ``int`` or ``float``."""

Value = Literal | Me | Today


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an entity. ``name`` is lower-case words joined by underscores, e.g. ``due_date``.

    At most one of ``computed`` (``= expression``) and ``custom`` (a function of its own) is given; such a field is
    never typed in. ``label`` is shown instead of the name; a ``hidden`` field is in no form, list or export.
    """

    name: str
    type: FieldType
    required: bool = False
    unique: bool = False
    default: Value | None = None
    computed: Expression | None = None
    custom: Custom | None = None
    label: str = ""
    help: str = ""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record. ``name`` is a singular noun in title case; the first text-like field is its label.

    ``unique``: combinations of fields of which no two rows have the same values (a row with an empty one is let be).
    """

    name: str
    fields: tuple[Field, ...]
    unique: tuple[tuple[str, ...], ...] = ()

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


@dataclass(frozen=True, slots=True)
class FieldAccess:
    """``access Loan.deposit: Lab Manager read, edit; Borrower read``: narrows the entity's access for one field.

    Only ``read`` and ``edit`` (``own`` allowed) occur. A role without a grant neither sees nor sets the field.
    """

    entity: str
    field: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """Sample data: values for the leading fields of ``entity``, in order. A ref's value is the label of a row."""

    entity: str
    values: tuple[Literal | None, ...]


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole app. ``colour`` is the name of an accent (empty: chosen by the app's name), ``language`` of its own words
    (``en``, ``de``, ``fr``, ``es``). ``renames`` only tell a comparison what was meant; a kept blueprint has none."""

    name: str
    about: str
    roles: tuple[str, ...]
    entities: tuple[Entity, ...]
    access: tuple[Access, ...] = ()
    pages: tuple[Page, ...] = ()
    examples: tuple[Example, ...] = ()
    field_access: tuple[FieldAccess, ...] = ()
    rules: tuple[Rule, ...] = ()
    actions: tuple[Action, ...] = ()
    reminders: tuple[Reminder, ...] = ()
    marks: tuple[Mark, ...] = ()
    fragments: tuple[Fragment, ...] = ()
    cases: tuple[Case, ...] = ()
    checks: tuple[OwnCheck, ...] = ()
    protections: tuple[Protection, ...] = ()
    renames: tuple[Rename, ...] = ()
    colour: str = ""
    language: str = "en"

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
    """The field that names a row to a person: the first text-like one, else its number, a choice or a date.

    A field that the app works out, or that is hidden, names nothing.
    """
    shown = [field for field in entity.fields if field.computed is None and field.custom is None and not field.hidden]
    for field in shown:
        if field.type in LABEL_TYPES:
            return field
    for field in shown:
        if isinstance(field.type, Numbering):
            return field
    for field in shown:
        if isinstance(field.type, Choice) or field.type in (Scalar.DATE, Scalar.DATETIME):
            return field
    return None
