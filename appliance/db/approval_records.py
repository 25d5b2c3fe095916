"""Approvals and publications as the repositories return them: frozen values, free of any session."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class ApprovalKind(StrEnum):
    """What an approval is about. Erasures are kept beside the vault, because they outlive the database."""

    PUBLISH = "publish"
    POLICY = "policy"
    MODEL = "model"
    EXPORT = "export"
    CLASSIFY = "classify"
    ERASURE = "erasure"


class ApprovalState(StrEnum):
    """Where a request stands. ``approved`` is what is still to be carried out; the others after it are final."""

    WAITING = "waiting"
    APPROVED = "approved"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self not in {ApprovalState.WAITING, ApprovalState.APPROVED}


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that a scan found. ``code`` is what policies know; ``serious`` asks for a second look."""

    code: str
    title: str
    detail: str = ""
    serious: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """A request. ``requester``, ``author`` and ``owner`` are names of principals; ``subject`` depends on the kind."""

    id: str
    kind: ApprovalKind
    state: ApprovalState
    title: str
    requester: str
    requester_name: str
    comment: str
    created_at: datetime
    expires_at: datetime
    requester_email: str = ""
    project_id: str | None = None
    author: str = ""
    owner: str = ""
    level: int = 1
    findings: tuple[Observation, ...] = ()
    subject: Mapping[str, Any] = field(default_factory=dict)
    settled_at: datetime | None = None
    outcome: str = ""
    """Why it was refused or withdrawn, or what went wrong when it was carried out."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one person said. ``in_place_of`` is the principal who let them decide, or nothing."""

    approval_id: str
    voter: str
    voter_name: str
    approves: bool
    comment: str
    at: datetime
    in_place_of: str = ""


@dataclass(frozen=True, slots=True)
class Delegation:
    """``principal`` lets whoever has the address ``to_email`` decide in their place, with these roles."""

    id: str
    principal: str
    name: str
    to_email: str
    roles: frozenset[str]
    reason: str
    begins_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None

    def counts(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.revoked_at is None and self.begins_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class Publication:
    """What of an app is published: ``version``; None after it was taken back. Its records lie in ``data``, in tables as
    ``data_version`` has them, and stay there for the next release."""

    project_id: str
    version: int | None
    level: int
    data: str
    data_version: int | None = None
    approval_id: str = ""
    published_at: datetime | None = None
    review_at: datetime | None = None
    withdrawn_at: datetime | None = None
    withdrawn_by: str = ""
    withdrawn_reason: str = ""
