"""What the repositories return: frozen values, free of any session."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.core.ports import Person


class BuildState(StrEnum):
    """Where a build stands; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self in {BuildState.DONE, BuildState.FAILED, BuildState.CANCELLED}


class Origin(StrEnum):
    """How a version came to be."""

    PROMPT = "prompt"
    BLUEPRINT = "blueprint"
    RESTORE = "restore"
    REVISION = "revision"


@dataclass(frozen=True, slots=True)
class Project:
    """An app as its maker owns it. ``slug`` and ``current`` are None until the first version stands. ``level`` is the
    class of its data: 0 public, 1 internal, 2 confidential, 3 restricted."""

    id: str
    name: str
    about: str
    owner: Person
    created_at: datetime
    changed_at: datetime
    slug: str | None = None
    current: int | None = None
    level: int = 1


@dataclass(frozen=True, slots=True)
class Version:
    """A verified state of an app: a commit in its repository. ``number`` counts from 1 within the project."""

    project_id: str
    number: int
    commit: str
    schema_digest: str
    author: Person
    summary: str
    origin: Origin
    created_at: datetime
    build_id: str | None = None
    restored_from: int | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """One attempt to make a version. ``request`` is the sentence, or the blueprint text for ``Origin.BLUEPRINT``."""

    id: str
    project_id: str
    requester: Person
    origin: Origin
    request: str
    state: BuildState
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    stages: Mapping[str, float] = field(default_factory=dict)
    """Seconds per stage, in the order in which they ran."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    error: Mapping[str, str] | None = None
    version: int | None = None
    department: str = ""


@dataclass(frozen=True, slots=True)
class BuildEvent:
    """One line of what happened; ``seq`` counts from 1 within the build."""

    build_id: str
    seq: int
    type: str
    at: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """A colleague whom the owner let in, by e-mail address (lower case), with a role of the app's blueprint."""

    project_id: str
    email: str
    role: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a program. ``principal`` is whose it is, as audit log and policies know them; ``groups`` are what the
    identity provider said of the holder at ``seen_at``. ``prefix`` is the beginning of the secret, to tell keys apart.
    """

    id: str
    prefix: str
    name: str
    principal: str
    holder: Person
    groups: frozenset[str]
    seen_at: datetime
    scopes: frozenset[str]
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    used_at: datetime | None = None
