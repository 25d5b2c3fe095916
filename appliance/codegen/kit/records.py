"""The base of every record, and the tables that belong to every app: people and stored files."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Column, ForeignKey, Integer
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from .columns import PEOPLE_TABLE, FieldSpec, Kind, Utc

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
    """A kind of record: its model class and how people call it."""

    model: type[Record]
    name: str
    plural: str
    slug: str
    fields: tuple[FieldSpec, ...]
    label: FieldSpec | None

    @property
    def table(self) -> str:
        """The name of its table; also its key in the access table."""
        return table_of(self.model).name

    @property
    def noun(self) -> str:
        """Its name inside a sentence."""
        return self.name if self.name.isupper() else self.name.lower()

    @property
    def nouns(self) -> str:
        """Its plural inside a sentence."""
        return self.plural if self.name.isupper() else self.plural.lower()

    def field(self, name: str) -> FieldSpec | None:
        """The field with that form name, or None."""
        return next((field for field in self.fields if field.name == name), None)

    def columns(self, limit: int) -> tuple[FieldSpec, ...]:
        """The fields that a table shows: at most ``limit``, leaving out first what says least in a narrow column."""
        shown = [field for field in self.fields if field.kind is not Kind.LONGTEXT or field == self.label]
        for kind in (Kind.FILE, Kind.URL, Kind.PHONE, Kind.IMAGE, Kind.TIME):
            while len(shown) > limit and (last := [field for field in shown if field.kind is kind]):
                shown.remove(last[-1])
        return tuple(shown[:limit] or self.fields[:limit])

    @property
    def people(self) -> tuple[FieldSpec, ...]:
        """Fields that name a person."""
        return tuple(field for field in self.fields if field.kind is Kind.PERSON)

    @property
    def uploads(self) -> tuple[FieldSpec, ...]:
        """Fields that hold a file."""
        return tuple(field for field in self.fields if field.is_upload)


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model class."""
    return cast("Table", model.__table__)  # type: ignore[attr-defined]


def entity(model: type[Record], name: str, *, plural: str, slug: str, label: str | None) -> Entity:
    """Describe a model class; the fields are those that its columns declare. ``label`` names the naming field."""
    fields = tuple(
        replace(spec, attribute=column.key, name=spec.name or column.key)
        for column in table_of(model).columns
        if isinstance(spec := column.info.get("spec"), FieldSpec)
    )
    found = next((field for field in fields if field.name == label), None)
    return Entity(model=model, name=name, plural=plural, slug=slug, fields=fields, label=found)


def attribute(model: type[SQLModel], name: str) -> InstrumentedAttribute[Any]:
    """The mapped attribute of that name, for building queries."""
    return cast("InstrumentedAttribute[Any]", getattr(model, name))
