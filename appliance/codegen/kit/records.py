"""The base of every record, and the tables that belong to every app: people and stored files."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Column, ForeignKey, Integer, UniqueConstraint
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from .columns import PEOPLE_TABLE, Computed, FieldSpec, Kind
from .stored import Utc

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.orm import InstrumentedAttribute


def now() -> dt.datetime:
    """The current instant in UTC."""
    return dt.datetime.now(dt.UTC)


class Base(SQLModel, registry=registry()):
    """Tables of this app, apart from those of any other app in the same process."""


class Record(Base):
    """What every row has: an id, who made it and when, and a version that tells two editors apart."""

    id: int | None = Field(default=None, primary_key=True)
    created_at: dt.datetime = Field(default_factory=now, sa_type=cast("type[Any]", Utc))
    updated_at: dt.datetime = Field(default_factory=now, sa_type=cast("type[Any]", Utc))
    created_by: int | None = Field(default=None, foreign_key=f"{PEOPLE_TABLE}.id", index=True)
    version: int = Field(default=1)


class Person(Base, table=True):
    """Somebody who has signed in (``subject``), or who was named by e-mail address and has not yet."""

    __tablename__ = PEOPLE_TABLE

    id: int | None = Field(default=None, primary_key=True)
    subject: str | None = Field(default=None, unique=True)
    name: str = ""
    email: str = Field(default="", index=True)
    phone: str = Field(default="", sa_column_kwargs={"server_default": ""})
    job_title: str = Field(default="", sa_column_kwargs={"server_default": ""})
    department: str = Field(default="", sa_column_kwargs={"server_default": ""})
    seen_at: dt.datetime | None = Field(default=None, sa_type=cast("type[Any]", Utc))

    @property
    def display(self) -> str:
        """What to call them."""
        return self.name or self.email or self.subject or "Somebody"

    @property
    def key(self) -> str:
        """What a form sends to name them: the e-mail address, or the subject of somebody without one."""
        return self.email or self.subject or ""


class StoredFile(Base, table=True):
    """An upload: its key is the name on disk, everything else is what the uploader said, checked."""

    __tablename__ = "_files"

    key: str = Field(primary_key=True)
    filename: str
    content_type: str
    size: int
    created_at: dt.datetime = Field(default_factory=now, sa_type=cast("type[Any]", Utc))
    created_by: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey(f"{PEOPLE_TABLE}.id")))


@dataclass(frozen=True, slots=True)
class Entity:
    """A kind of record: its model class and how people call it.

    ``noun`` and ``nouns`` are its name inside a sentence. ``unique``: combinations of attributes of which no two rows
    have the same values; a row with an empty one is let be.
    """

    model: type[Record]
    name: str
    plural: str
    slug: str
    fields: tuple[FieldSpec, ...]
    label: FieldSpec | None
    noun: str
    nouns: str
    unique: tuple[tuple[str, ...], ...] = ()

    @property
    def table(self) -> str:
        """The name of its table; also its key in the access table."""
        return table_of(self.model).name

    def field(self, name: str) -> FieldSpec | None:
        """The field with that form name, or None."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def kept(self) -> tuple[FieldSpec, ...]:
        """The fields that have a column."""
        return tuple(field for field in self.fields if not field.computed)

    @property
    def computed(self) -> tuple[FieldSpec, ...]:
        """The fields that are worked out from others."""
        return tuple(field for field in self.fields if field.computed)

    @property
    def people(self) -> tuple[FieldSpec, ...]:
        """Fields that name a person."""
        return tuple(field for field in self.kept if field.kind is Kind.PERSON)

    @property
    def uploads(self) -> tuple[FieldSpec, ...]:
        """Fields that hold a file."""
        return tuple(field for field in self.kept if field.is_upload)


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model class."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]


def entity(
    model: type[Record],
    name: str,
    *,
    plural: str,
    slug: str,
    label: str | None,
    keep_case: bool = False,
) -> Entity:
    """Describe a model class; its fields are those that the class declares, in that order.

    ``label`` names the naming field. ``keep_case``: the language writes nouns as they are inside a sentence too.
    """
    fields = tuple(spec for key in model.__annotations__ if (spec := _spec_of(model, key)) is not None)
    found = next((field for field in fields if field.name == label), None)
    as_is = keep_case or name.isupper()
    unique = tuple(
        tuple(column.key for column in constraint.columns)
        for constraint in table_of(model).constraints
        if isinstance(constraint, UniqueConstraint) and len(constraint.columns) > 1
    )
    return Entity(
        model=model,
        name=name,
        plural=plural,
        slug=slug,
        fields=fields,
        label=found,
        noun=name if as_is else name.lower(),
        nouns=plural if as_is else plural.lower(),
        unique=tuple(sorted(unique)),
    )


def _spec_of(model: type[Record], key: str) -> FieldSpec | None:
    column = table_of(model).columns.get(key)
    if column is not None:
        spec = column.info.get("spec")
        return replace(spec, attribute=key, name=spec.name or key) if isinstance(spec, FieldSpec) else None
    declared = vars(model).get(key)
    return declared.spec if isinstance(declared, Computed) else None


def attribute(model: type[SQLModel], name: str) -> InstrumentedAttribute[Any]:
    """The mapped attribute of that name, for building queries."""
    return cast("InstrumentedAttribute[Any]", getattr(model, name))
