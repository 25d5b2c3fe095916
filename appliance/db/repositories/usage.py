"""What people and departments have used, counted from the builds that are stored: nothing is counted twice or lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from appliance.db.records import BuildState, Origin
from appliance.db.tables import BuildRow

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from appliance.db.engine import Database


@dataclass(frozen=True, slots=True)
class Spent:
    """One build as usage counts it. ``tokens``: read anew by the model, and written."""

    at: datetime
    subject: str
    name: str
    department: str
    state: BuildState
    tokens: int
    seconds: float


class Usage:
    """Reads builds; writes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, start: datetime, *, subject: str | None = None, department: str | None = None) -> list[Spent]:
        """Builds that were asked for from ``start`` on, oldest first; a restored version costs nothing."""
        query = select(BuildRow).where(BuildRow.created_at >= start, BuildRow.origin != Origin.RESTORE.value)
        if subject is not None:
            query = query.where(BuildRow.requester_subject == subject)
        if department is not None:
            query = query.where(BuildRow.department == department)
        with self._database.session() as session:
            return [_spent(row) for row in session.exec(query.order_by(col(BuildRow.created_at)))]

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
