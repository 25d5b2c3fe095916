"""What people and departments have used, counted from what is stored: nothing is counted twice or lost."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlmodel import col, select

from appliance.core.ids import new_id
from appliance.db.records import BuildState, Origin
from appliance.db.tables import AskedRow, BuildRow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from appliance.db.engine import Database


class Cause(StrEnum):
    """What tokens were spent on."""

    BUILD = "build"
    WISH = "wish"
    """A change of an app in words, or a question about one."""
    REQUEST = "request"
    """A program, over the API."""


@dataclass(frozen=True, slots=True)
class Spent:
    """One build, wish or request as usage counts it. ``tokens``: read anew by the model, and written."""

    at: datetime
    subject: str
    name: str
    department: str
    state: BuildState
    tokens: int
    seconds: float
    cause: Cause = Cause.BUILD


class Usage:
    """Reads builds, and reads and writes what was asked outside of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, start: datetime, *, subject: str | None = None, department: str | None = None) -> list[Spent]:
        """What was asked for from ``start`` on, oldest first; a restored version costs nothing."""
        query = select(BuildRow).where(BuildRow.created_at >= start, BuildRow.origin != Origin.RESTORE.value)
        asked = select(AskedRow).where(AskedRow.created_at >= start)
        if subject is not None:
            query = query.where(BuildRow.requester_subject == subject)
            asked = asked.where(AskedRow.subject == subject)
        if department is not None:
            query = query.where(BuildRow.department == department)
            asked = asked.where(AskedRow.department == department)
        with self._database.session() as session:
            found = [_spent(row) for row in session.exec(query)]
            found += [_asked(row) for row in session.exec(asked)]
        return sorted(found, key=lambda one: one.at)

    def add(self, spent: Spent) -> None:
        """Keep what was asked outside of a build."""
        row = AskedRow(
            id=new_id("ask"),
            subject=spent.subject,
            name=spent.name,
            department=spent.department,
            kind=spent.cause.value,
            tokens=spent.tokens,
            created_at=spent.at,
        )
        with self._database.session() as session:
            session.add(row)

    def recent_seconds(self, limit: int = 20) -> list[float]:
        """How long the last builds ran that came to an end."""
        states = (BuildState.DONE.value, BuildState.FAILED.value)
        query = select(BuildRow).where(col(BuildRow.state).in_(states)).where(col(BuildRow.started_at).is_not(None))
        query = query.order_by(col(BuildRow.finished_at).desc()).limit(limit)
        with self._database.session() as session:
            return [_spent(row).seconds for row in session.exec(query)]


def tokens_of(counts: Iterable[tuple[str, int]]) -> int:
    """Tokens that cost something: the prompt's, less those that were kept from before, and everything written."""
    found = dict(counts)
    read = max(0, found.get("prompt", 0) - found.get("cached", 0))
    return read + found.get("sampled", 0) + found.get("forced", 0)


def _asked(row: AskedRow) -> Spent:
    name, cause = row.name, Cause(row.kind)
    return Spent(row.created_at, row.subject, name, row.department, BuildState.DONE, row.tokens, 0.0, cause)


def _spent(row: BuildRow) -> Spent:
    over = row.finished_at is not None and row.started_at is not None
    return Spent(
        at=row.created_at,
        subject=row.requester_subject,
        name=row.requester_name,
        department=row.department,
        state=BuildState(row.state),
        tokens=tokens_of(row.tokens.items()),
        seconds=(row.finished_at - row.started_at).total_seconds() if over else 0.0,  # type: ignore[operator]
    )
