"""The tables of approvals and publications. Only the repositories see these rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, Text
from sqlmodel import Field, SQLModel

from appliance.db.tables import UtcDateTime


def _instant(*, nullable: bool = False) -> Column[datetime]:
    return Column(UtcDateTime(), nullable=nullable)


class ApprovalRow(SQLModel, table=True):
    """Somebody asks that something be approved."""

    __tablename__: ClassVar[str] = "approval"

    id: str = Field(primary_key=True)
    kind: str
    state: str = Field(index=True)
    title: str
    requester: str = Field(index=True)
    requester_name: str
    requester_email: str = ""
    comment: str = Field(sa_column=Column(Text, nullable=False))
    project_id: str | None = Field(default=None, foreign_key="project.id")
    author: str = ""
    owner: str = ""
    level: int = 1
    findings: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    subject: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime = Field(sa_column=_instant())
    expires_at: datetime = Field(sa_column=_instant())
    settled_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    outcome: str = ""


class VoteRow(SQLModel, table=True):
    """What one person said to a request."""

    __tablename__: ClassVar[str] = "vote"

    approval_id: str = Field(primary_key=True, foreign_key="approval.id")
    voter: str = Field(primary_key=True)
    voter_name: str
    in_place_of: str = ""
    approves: bool
    comment: str = Field(sa_column=Column(Text, nullable=False))
    at: datetime = Field(sa_column=_instant())


class DelegationRow(SQLModel, table=True):
    """Somebody lets another person decide in their place for a while."""

    __tablename__: ClassVar[str] = "delegation"

    id: str = Field(primary_key=True)
    principal: str
    name: str
    to_email: str = Field(index=True)
    roles: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    reason: str = Field(sa_column=Column(Text, nullable=False))
    begins_at: datetime = Field(sa_column=_instant())
    ends_at: datetime = Field(sa_column=_instant())
    revoked_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))


class PublicationRow(SQLModel, table=True):
    """What of an app is published. ``version`` is None after it was taken back."""

    __tablename__: ClassVar[str] = "publication"

    project_id: str = Field(primary_key=True, foreign_key="project.id")
    version: int | None = None
    level: int = 1
    data: str = ""
    data_version: int | None = None
    approval_id: str = ""
    published_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    review_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    withdrawn_at: datetime | None = Field(default=None, sa_column=_instant(nullable=True))
    withdrawn_by: str = ""
    withdrawn_reason: str = Field(default="", sa_column=Column(Text, nullable=False))
