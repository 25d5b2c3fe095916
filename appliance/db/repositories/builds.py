"""Builds and their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func
from sqlmodel import col, select

from appliance.core.ports import Person
from appliance.db.records import Build, BuildEvent, BuildState, Origin
from appliance.db.tables import BuildEventRow, BuildRow

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from appliance.db.engine import Database

MAX_EVENTS_READ = 5000


class Builds:
    """Reads and writes of builds and what happened in them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, build: Build) -> None:
        """Store a new build."""
        with self._database.session() as session:
            session.add(
                BuildRow(
                    id=build.id,
                    project_id=build.project_id,
                    requester_subject=build.requester.subject,
                    requester_name=build.requester.name,
                    requester_email=build.requester.email,
                    department=build.department,
                    origin=build.origin.value,
                    request=build.request,
                    state=build.state.value,
                    created_at=build.created_at,
                )
            )

    def get(self, build_id: str) -> Build | None:
        """The build, or None."""
        with self._database.session() as session:
            row = session.get(BuildRow, build_id)
            return None if row is None else _build(row)

    def of_project(self, project_id: str, *, limit: int = 50) -> list[Build]:
        """A project's builds, newest first."""
        query = select(BuildRow).where(BuildRow.project_id == project_id)
        query = query.order_by(col(BuildRow.created_at).desc(), col(BuildRow.id).desc()).limit(limit)
        with self._database.session() as session:
            return [_build(row) for row in session.exec(query)]

    def latest(self, project_id: str) -> Build | None:
        """The newest build of a project, or None."""
        return next(iter(self.of_project(project_id, limit=1)), None)

    def unfinished(self) -> list[Build]:
        """Builds that are queued or running, oldest first."""
        states = [BuildState.QUEUED.value, BuildState.RUNNING.value]
        query = select(BuildRow).where(col(BuildRow.state).in_(states)).order_by(col(BuildRow.created_at))
        with self._database.session() as session:
            return [_build(row) for row in session.exec(query)]

    def start(self, build_id: str, at: datetime) -> None:
        """The build has left the queue."""
        self._update(build_id, state=BuildState.RUNNING.value, started_at=at)

    def record_progress(
        self, build_id: str, *, stages: Mapping[str, float], tokens: Mapping[str, int] | None = None
    ) -> None:
        """Keep stage timings, and token counts once they are known."""
        values: dict[str, object] = {"stages": [[name, seconds] for name, seconds in stages.items()]}
        if tokens is not None:
            values["tokens"] = dict(tokens)
        self._update(build_id, **values)

    def finish(
        self,
        build_id: str,
        state: BuildState,
        *,
        at: datetime,
        error: Mapping[str, str] | None = None,
        version: int | None = None,
    ) -> None:
        """The build is over."""
        self._update(
            build_id,
            state=state.value,
            finished_at=at,
            error=None if error is None else dict(error),
            version=version,
        )

    def _update(self, build_id: str, **values: object) -> None:
        with self._database.session() as session:
            row = session.get_one(BuildRow, build_id)
            for name, value in values.items():
                setattr(row, name, value)
            session.add(row)

    # --- events ------------------------------------------------------------------------------------------------

    def append_event(self, build_id: str, type_: str, at: datetime, data: Mapping[str, Any]) -> BuildEvent:
        """Add one event at the end. One writer per build at a time."""
        with self._database.session() as session:
            last = session.exec(select(func.max(BuildEventRow.seq)).where(BuildEventRow.build_id == build_id)).one()
            seq = (last or 0) + 1
            session.add(BuildEventRow(build_id=build_id, seq=seq, type=type_, at=at, data=dict(data)))
        return BuildEvent(build_id, seq, type_, at, dict(data))

    def events(self, build_id: str, *, after: int = 0, limit: int = MAX_EVENTS_READ) -> list[BuildEvent]:
        """Events with a higher number than ``after``, in order."""
        query = select(BuildEventRow).where(BuildEventRow.build_id == build_id, BuildEventRow.seq > after)
        with self._database.session() as session:
            rows = session.exec(query.order_by(col(BuildEventRow.seq)).limit(limit))
            return [BuildEvent(row.build_id, row.seq, row.type, row.at, row.data) for row in rows]


def _build(row: BuildRow) -> Build:
    return Build(
        id=row.id,
        project_id=row.project_id,
        requester=Person(row.requester_subject, row.requester_name, row.requester_email),
        origin=Origin(row.origin),
        request=row.request,
        state=BuildState(row.state),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        stages={str(name): float(seconds) for name, seconds in row.stages},
        tokens=dict(row.tokens),
        error=row.error,
        version=row.version,
        department=row.department,
    )
