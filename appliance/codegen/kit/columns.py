"""Columns with a meaning: each helper declares one SQLModel field together with what forms and lists need to know."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Date, DateTime, Double, ForeignKey, Integer, String, Text, Time
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect
    from sqlalchemy.types import TypeEngine

PEOPLE_TABLE: Final = "_people"


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


class Special(Enum):
    """Defaults that are known only when the form is shown."""

    ME = "me"
    TODAY = "today"


ME: Final = Special.ME
TODAY: Final = Special.TODAY


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field as forms, lists and addresses see it. ``attribute`` is its name on the model class."""

    label: str
    kind: Kind
    name: str = ""
    attribute: str = ""
    required: bool = False
    unique: bool = False
    default: object = None
    options: tuple[str, ...] = ()
    target: str = ""

    @property
    def is_text(self) -> bool:
        """Whether the value is text that a person writes in one line."""
        return self.kind in (Kind.TEXT, Kind.EMAIL, Kind.PHONE, Kind.URL)

    @property
    def is_upload(self) -> bool:
        """Whether the value is an uploaded file."""
        return self.kind in (Kind.FILE, Kind.IMAGE)


class Cents(TypeDecorator[Decimal]):
    """Money as a whole number of cents: exact in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else int((value * 100).to_integral_value())

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        return None if value is None else Decimal(int(value)) / 100


class Words(TypeDecorator[str]):
    """One of a few words. An option that was removed later is read back as the plain word."""

    impl = String
    cache_ok = True

    def __init__(self, options: type[StrEnum]) -> None:
        super().__init__(80)
        self.options = options

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        if value is None:
            return None
        try:
            return self.options(value)
        except ValueError:
            return str(value)


class Utc(TypeDecorator[dt.datetime]):
    """An instant: stored without offset, read back in UTC."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(dt.UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002
        return value.replace(tzinfo=dt.UTC) if isinstance(value, dt.datetime) else None


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
    kind: Kind, label: str, required: bool, unique: bool, default: object, name: str
) -> FieldSpec:
    return FieldSpec(label=label, kind=kind, name=name, required=required, unique=unique, default=default)


def text(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, name: str = ""
) -> Any:
    """One line of text."""
    return _column(_spec(Kind.TEXT, label, required, unique, default, name), Text)


def longtext(label: str, *, required: bool = False, default: str | None = None, name: str = "") -> Any:
    """Several lines of text."""
    return _column(_spec(Kind.LONGTEXT, label, required, False, default, name), Text)


def email(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, name: str = ""
) -> Any:
    """An e-mail address."""
    return _column(_spec(Kind.EMAIL, label, required, unique, default, name), Text)


def phone(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, name: str = ""
) -> Any:
    """A telephone number as people write it."""
    return _column(_spec(Kind.PHONE, label, required, unique, default, name), Text)


def url(label: str, *, required: bool = False, unique: bool = False, default: str | None = None, name: str = "") -> Any:
    """A web address (http or https)."""
    return _column(_spec(Kind.URL, label, required, unique, default, name), Text)


def number(
    label: str, *, required: bool = False, unique: bool = False, default: float | None = None, name: str = ""
) -> Any:
    """A number, whole or not."""
    return _column(_spec(Kind.NUMBER, label, required, unique, default, name), Double)


def money(
    label: str, *, required: bool = False, unique: bool = False, default: str | None = None, name: str = ""
) -> Any:
    """An amount with two decimals; the default is written as text so that it stays exact."""
    amount = None if default is None else Decimal(default)
    return _column(_spec(Kind.MONEY, label, required, unique, amount, name), Cents)


def boolean(label: str, *, required: bool = False, default: bool = False, name: str = "") -> Any:
    """Yes or no; ``required`` has no meaning for it, empty is no."""
    del required
    return _column(_spec(Kind.BOOLEAN, label, False, False, default, name), Boolean, initial=default)


def date(
    label: str,
    *,
    required: bool = False,
    unique: bool = False,
    default: dt.date | Special | None = None,
    name: str = "",
) -> Any:
    """A calendar day."""
    return _column(_spec(Kind.DATE, label, required, unique, default, name), Date)


def datetime(
    label: str,
    *,
    required: bool = False,
    unique: bool = False,
    default: dt.datetime | Special | None = None,
    name: str = "",
) -> Any:
    """A day and a time of day, where the app runs."""
    return _column(_spec(Kind.DATETIME, label, required, unique, default, name), DateTime)


def time(
    label: str, *, required: bool = False, unique: bool = False, default: dt.time | None = None, name: str = ""
) -> Any:
    """A time of day."""
    return _column(_spec(Kind.TIME, label, required, unique, default, name), Time)


def choice(
    label: str,
    options: type[StrEnum],
    *,
    required: bool = False,
    unique: bool = False,
    default: StrEnum | None = None,
    name: str = "",
) -> Any:
    """One of a few words."""
    spec = _spec(Kind.CHOICE, label, required, unique, default, name)
    return _column(replace(spec, options=tuple(option.value for option in options)), Words(options))


def ref(label: str, table: str, *, required: bool = False, unique: bool = False, name: str = "") -> Any:
    """A link to a row of another table; that row cannot be deleted while the link exists."""
    spec = replace(_spec(Kind.REF, label, required, unique, None, name), target=table)
    return _column(spec, Integer, ForeignKey(f"{table}.id", ondelete="RESTRICT"))


def person(
    label: str,
    *,
    required: bool = False,
    unique: bool = False,
    default: Special | str | None = None,
    name: str = "",
) -> Any:
    """Somebody: a person who has signed in, or one known by e-mail address so far."""
    spec = _spec(Kind.PERSON, label, required, unique, default, name)
    return _column(spec, Integer, ForeignKey(f"{PEOPLE_TABLE}.id"))


def file(label: str, *, required: bool = False, name: str = "") -> Any:
    """An uploaded document; the column holds its key in the file store."""
    return _column(_spec(Kind.FILE, label, required, False, None, name), String(40))


def image(label: str, *, required: bool = False, name: str = "") -> Any:
    """An uploaded picture; the column holds its key in the file store."""
    return _column(_spec(Kind.IMAGE, label, required, False, None, name), String(40))
