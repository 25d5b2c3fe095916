"""The tables. Only the repositories see these rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, DateTime, Dialect, Text, TypeDecorator
from sqlmodel import Field, SQLModel


class UtcDateTime(TypeDecorator[datetime]):
    """A timezone-aware instant, kept in UTC on databases that know no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else (value.replace(tzinfo=UTC) if value.tzinfo is None else value)


def _instant(*, nullable: bool = False, index: bool = False) -> Column[datetime]:
    return Column(UtcDateTime(), nullable=nullable, index=index)


class ProjectRow(SQLModel, table=True):
    """An app."""

    __tablename__: ClassVar[str] = "project"

    id: str = Field(primary_key=True)
    slug: str | None = Field(default=None, unique=True)
    name: str
    about: str = ""
    owner_subject: str = Field(index=True)
    owner_name: str
    owner_email: str = ""
    current: int | None = None
    level: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    created_at: datetime = Field(sa_column=_instant())
    changed_at: datetime = Field(sa_column=_instant())


class VersionRow(SQLModel, table=True):
    """A verified state of an app."""

    __tablename__: ClassVar[str] = "version"

    project_id: str = Field(primary_key=True, foreign_key="project.id")
    number: int = Field(primary_key=True)
    commit: str
    schema_digest: str
    author_subject: str
    author_name: str
    author_email: str = ""
    summary: str = ""
    origin: str
    build_id: str | None = Field(default=None, unique=True)
    restored_from: int | None = None
    created_at: datetime = Field(sa_column=_instant())


class BuildRow(SQLModel, table=True):
    """One attempt to make a version."""

    __tablename__: ClassVar[str] = "build"

    id: str = Field(primary_key=True)
    project_id: str = Field(foreign_key="project.id", index=True)
    requester_subject: str
    requester_name: str
    requester_email: str = ""
    department: str = ""
    origin: str
    request: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(index=True)
    stages: list[list[Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    tokens: dict[str, int] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    error: dict[str, str] | None = Field(default=None, sa_column=Column(JSON))
    version: int | None = None
    created_at: datetime = Field(sa_column=_instant(index=True))
    started_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    finished_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))


class BuildEventRow(SQLModel, table=True):
    """One line of what happened during a build."""

    __tablename__: ClassVar[str] = "build_event"

    build_id: str = Field(primary_key=True, foreign_key="build.id")
    seq: int = Field(primary_key=True)
    type: str
    at: datetime = Field(sa_column=_instant())
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


class AskedRow(SQLModel, table=True):
    """One wish, question or request of a program: what it cost, not what was said."""

    __tablename__: ClassVar[str] = "asked"

    id: str = Field(primary_key=True)
    subject: str = Field(index=True)
    name: str
    department: str = ""
    kind: str
    tokens: int
    created_at: datetime = Field(sa_column=_instant(index=True))


class MemberRow(SQLModel, table=True):
    """A colleague whom the owner let into an app."""

    __tablename__: ClassVar[str] = "member"

    project_id: str = Field(primary_key=True, foreign_key="project.id")
    email: str = Field(primary_key=True)
    role: str
    added_at: datetime = Field(sa_column=_instant())


class ApiKeyRow(SQLModel, table=True):
    """A key of a program; of its secret only the digest."""

    __tablename__: ClassVar[str] = "api_key"

    id: str = Field(primary_key=True)
    digest: str = Field(unique=True)
    prefix: str
    name: str
    principal: str = Field(index=True)
    holder_subject: str
    holder_name: str
    holder_email: str = ""
    groups: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    seen_at: datetime = Field(sa_column=_instant())
    scopes: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    created_by: str
    created_at: datetime = Field(sa_column=_instant())
    expires_at: datetime = Field(sa_column=_instant())
    revoked_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    used_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
