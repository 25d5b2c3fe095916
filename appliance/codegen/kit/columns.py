"""Columns with a meaning: each helper declares one SQLModel field together with what forms and lists need to know."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Final, Generic, TypedDict, TypeVar, Unpack

from sqlalchemy import Boolean, Column, Date, DateTime, Double, ForeignKey, Integer, String, Text, Time
from sqlmodel import Field

from .stored import Cents, Words
from .stored import Utc as Utc  # noqa: PLC0414 - where other modules look for it

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

PEOPLE_TABLE: Final = "_people"

T = TypeVar("T")


class Kind(StrEnum):
    """What a field holds."""

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
    CHOICE = "choice"
    REF = "ref"
    SEQUENCE = "sequence"


class Special(Enum):
    """Defaults that are known only when the form is shown."""

    ME = "me"
    TODAY = "today"


ME: Final = Special.ME
TODAY: Final = Special.TODAY


@dataclass(frozen=True, slots=True)
class Numbers:
    """How the numbers of a sequence look: ``REQ-`` and at least four digits give ``REQ-0001``."""

    prefix: str
    digits: int
    start: int = 1

    def text(self, number: int) -> str:
        """The number as it is kept and shown."""
        return f"{self.prefix}{number:0{self.digits}}"


class Shown(TypedDict, total=False):
    """What every kind of field may say about itself: its name in addresses, a line of help, kept out of sight."""

    name: str
    help: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field as forms, lists and addresses see it. ``attribute`` is its name on the model class.

    A ``computed`` field has no column; a ``hidden`` one is in no form, list or export.
    """

    label: str
    kind: Kind
    name: str = ""
    attribute: str = ""
    required: bool = False
    unique: bool = False
    default: object = None
    options: tuple[str, ...] = ()
    target: str = ""
    help: str = ""
    hidden: bool = False
    computed: bool = False
    numbers: Numbers | None = None

    @property
    def is_given(self) -> bool:
        """Whether people fill it in: neither computed nor given out by the app."""
        return not self.computed and self.kind is not Kind.SEQUENCE

    @property
    def is_name(self) -> bool:
        """Whether its text alone tells rows apart."""
        return self.is_text or self.kind is Kind.SEQUENCE

    @property
    def is_text(self) -> bool:
        """Whether the value is text that a person writes in one line."""
        return self.kind in (Kind.TEXT, Kind.EMAIL, Kind.PHONE, Kind.URL)

    @property
    def is_upload(self) -> bool:
        """Whether the value is an uploaded file."""
        return self.kind in (Kind.FILE, Kind.IMAGE)


class Computed(Generic[T]):
    """A field without a column: ``Visit.learn`` works its value out and lays it beside the row's own values.

    Reading it from a row that nobody learned is a mistake of the program, so it raises instead of showing nothing.
    """

    def __init__(self, spec: FieldSpec) -> None:
        self.spec = spec

    def __set_name__(self, _owner: type, name: str) -> None:
        self.spec = replace(self.spec, attribute=name, name=self.spec.name or name)

    def __get__(self, row: object | None, _owner: type) -> Any:
        if row is None:
            return self
        raise LookupError(self.spec.name)


def _column(
    spec: FieldSpec, kind: TypeEngine[Any] | type[TypeEngine[Any]], *constraints: ForeignKey, initial: object = None
) -> Any:
    nullable = not spec.required and spec.kind is not Kind.BOOLEAN
    index = bool(constraints) or None
    column: Column[Any] = Column(
        kind, *constraints, nullable=nullable, index=index, unique=spec.unique or None, info={"spec": spec}
    )
    return Field(default=initial, sa_column=column)


def _spec(  # noqa: PLR0917 - private, and always called in this order
    kind: Kind, label: str, required: bool, unique: bool, default: object, shown: Shown
) -> FieldSpec:
    return FieldSpec(label=label, kind=kind, required=required, unique=unique, default=default, **shown)


def text(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, **shown: Unpack[Shown]
) -> Any:
    """One line of text."""
    return _column(_spec(Kind.TEXT, label, required, unique, default, shown), Text)


def longtext(label: str, *, required: bool = False, default: str | None = None, **shown: Unpack[Shown]) -> Any:
    """Several lines of text."""
    return _column(_spec(Kind.LONGTEXT, label, required, False, default, shown), Text)


def email(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, **shown: Unpack[Shown]
) -> Any:
    """An e-mail address."""
    return _column(_spec(Kind.EMAIL, label, required, unique, default, shown), Text)


def phone(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, **shown: Unpack[Shown]
) -> Any:
    """A telephone number as people write it."""
    return _column(_spec(Kind.PHONE, label, required, unique, default, shown), Text)


def url(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, **shown: Unpack[Shown]
) -> Any:
    """A web address (http or https)."""
    return _column(_spec(Kind.URL, label, required, unique, default, shown), Text)


def number(
    label: str, *, required: bool = False, unique: bool = False, default: float | None = None, **shown: Unpack[Shown]
) -> Any:
    """A number, whole or not."""
    return _column(_spec(Kind.NUMBER, label, required, unique, default, shown), Double)


def money(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, **shown: Unpack[Shown]
) -> Any:
    """An amount with two decimals; the default is written as text so that it stays exact."""
    amount = None if default is None else Decimal(default)
    return _column(_spec(Kind.MONEY, label, required, unique, amount, shown), Cents)


def boolean(label: str, *, required: bool = False, default: bool = False, **shown: Unpack[Shown]) -> Any:
    """Yes or no; ``required`` has no meaning for it, empty is no."""
    del required
    return _column(_spec(Kind.BOOLEAN, label, False, False, default, shown), Boolean, initial=default)


def date(
    label: str,
    *,
    required: bool = False,
    unique: bool = False,
    default: dt.date | Special | None = None,
    **shown: Unpack[Shown],
) -> Any:
    """A calendar day."""
    return _column(_spec(Kind.DATE, label, required, unique, default, shown), Date)


def datetime(
    label: str,
    *,
    required: bool = False,
    unique: bool = False,
    default: dt.datetime | Special | None = None,
    **shown: Unpack[Shown],
) -> Any:
    """A day and a time of day, where the app runs."""
    return _column(_spec(Kind.DATETIME, label, required, unique, default, shown), DateTime)


def time(
    label: str, *, required: bool = False, unique: bool = False, default: dt.time | None = None, **shown: Unpack[Shown]
) -> Any:
    """A time of day."""
    return _column(_spec(Kind.TIME, label, required, unique, default, shown), Time)


def choice(
    label: str,
    options: type[StrEnum],
    *,
    required: bool = False,
    unique: bool = False,
    default: StrEnum | None = None,
    **shown: Unpack[Shown],
) -> Any:
    """One of a few words."""
    spec = _spec(Kind.CHOICE, label, required, unique, default, shown)
    return _column(replace(spec, options=tuple(option.value for option in options)), Words(options))


def ref(label: str, table: str, *, required: bool = False, unique: bool = False, **shown: Unpack[Shown]) -> Any:
    """A link to a row of another table; that row cannot be deleted while the link exists."""
    spec = replace(_spec(Kind.REF, label, required, unique, None, shown), target=table)
    return _column(spec, Integer, ForeignKey(f"{table}.id", ondelete="RESTRICT"))


def person(
    label: str,
    *,
    required: bool = False,
    unique: bool = False,
    default: Special | str | None = None,
    **shown: Unpack[Shown],
) -> Any:
    """Somebody: a person who has signed in, or one known by e-mail address so far."""
    spec = _spec(Kind.PERSON, label, required, unique, default, shown)
    return _column(spec, Integer, ForeignKey(f"{PEOPLE_TABLE}.id"))


def file(label: str, *, required: bool = False, **shown: Unpack[Shown]) -> Any:
    """An uploaded document; the column holds its key in the file store."""
    return _column(_spec(Kind.FILE, label, required, False, None, shown), String(40))


def image(label: str, *, required: bool = False, **shown: Unpack[Shown]) -> Any:
    """An uploaded picture; the column holds its key in the file store."""
    return _column(_spec(Kind.IMAGE, label, required, False, None, shown), String(40))


def sequence(label: str, prefix: str, digits: int, *, start: int = 1, **shown: Unpack[Shown]) -> Any:
    """Numbers that the app gives out, each once and never again; see ``numbering``."""
    spec = _spec(Kind.SEQUENCE, label, False, True, None, shown)
    return _column(replace(spec, numbers=Numbers(prefix, digits, start)), String(80))


def computed(label: str, kind: Kind, *, options: tuple[str, ...] = (), **shown: Unpack[Shown]) -> Computed[Any]:
    """A value that is worked out from others whenever it is looked at; how, stands in ``behaviour``."""
    return Computed(replace(_spec(kind, label, False, False, None, shown), options=options, computed=True))
