"""Builds of several people take turns, and all who wait are told their place; real rows, a pipeline that waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from appliance.core.clock import SystemClock
from appliance.core.ports import LeafRef, Person, SealedRef
from appliance.core.settings import BuildSettings, QuotaSettings
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Build, BuildState
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.projects import Projects
from appliance.db.repositories.usage import Usage
from appliance.studio.build import BuildService
from appliance.studio.errors import Busy
from appliance.studio.events import EventStream
from appliance.studio.people import Actor
from appliance.studio.quotas import QuotaReached, Quotas
from appliance.studio.screening import Cleared
from tests.fixtures.studio import MARA, MAYA, UWE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Log:
    """Takes every entry and body."""

    def intent(self, *_: Any, **__: Any) -> LeafRef:
        return LeafRef(0, "")

    def outcome(self, *_: Any, **__: Any) -> LeafRef:
        return LeafRef(0, "")

    def seal(self, *_: Any, **__: Any) -> SealedRef:
        return SealedRef("", "", "", "")

    def words(self, actor: object, words: str, **_: object) -> Cleared:
        return Cleared(words)

    def keep(self, *_: object) -> None:
        """Nothing to keep."""


class Line:
    """A pipeline whose builds end one at a time, when the test says so."""

    def __init__(self, builds: Builds) -> None:
        self.builds, self.order = builds, list[str]()
        self.go, self.began = threading.Semaphore(0), threading.Semaphore(0)

    def run(self, build: Build, control: object, *, principal: str) -> None:
        self.order.append(build.requester.name)
        self.builds.start(build.id, SystemClock().now())
        self.began.release()
        assert self.go.acquire(timeout=20)
        self.builds.finish(build.id, BuildState.DONE, at=SystemClock().now())


class Desk:
    def __init__(self, database: Database, **limits: int) -> None:
        builds, clock, log = Builds(database), SystemClock(), Log()
        self.line, self.events = Line(builds), EventStream(builds, clock)
        self.service = BuildService(
            self.line,  # type: ignore[arg-type]
            projects=Projects(database), builds=builds, events=self.events, audit=log, vault=log,
            screening=log,  # type: ignore[arg-type]
            quotas=Quotas(Usage(database), QuotaSettings.model_validate(limits), clock),
            settings=BuildSettings(), clock=clock,
        )  # fmt: skip
        self.service.start([])

    def ask(self, person: Person) -> Build:
        return self.service.submit(Actor(person, maker=True), "Keep notes of things")

    def places(self, build: Build) -> list[int]:
        return [one.data["position"] for one in self.events.after(build.id, 0) if one.type == "build.queued"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(make_engine(sqlite_url(tmp_path / "db.sqlite")))
    upgrade(made.engine)
    yield made
    made.close()


def test_people_take_turns_and_are_told_their_place(database: Database) -> None:
    desk = Desk(database)
    first = desk.ask(MAYA)
    assert desk.line.began.acquire(timeout=20)
    mine = [desk.ask(MAYA) for _ in range(3)]
    with pytest.raises(Busy, match="3 of your builds"):
        desk.ask(MAYA)
    other, third = desk.ask(UWE), desk.ask(MARA)
    assert [desk.service.position(build.id) for build in (first, *mine, other, third)] == [0, 1, 4, 5, 2, 3]
    for _ in range(2):
        desk.line.go.release()
        assert desk.line.began.acquire(timeout=20)
    assert desk.places(other) == [3, 2]
    assert desk.places(mine[2])[-1] == 4
    desk.service.cancel(Actor(MAYA, maker=True), mine[1].id)
    assert desk.places(mine[2])[-1] == 3
    for _ in range(3):
        desk.line.go.release()
    assert desk.line.began.acquire(timeout=20)
    assert desk.line.began.acquire(timeout=20)
    desk.line.go.release()
    desk.service.stop()
    assert desk.line.order == ["Maya", "Maya", "Uwe", "Mara", "Maya"]


def test_a_quota_refuses_before_anything_is_stored(database: Database) -> None:
    desk = Desk(database, person_builds_per_day=1)
    desk.ask(MAYA)
    with pytest.raises(QuotaReached, match="1 build in 24 hours; one is allowed"):
        desk.ask(MAYA)
    assert len(Projects(database).owned_by(MAYA.subject)) == 1
    desk.line.go.release()
    desk.ask(UWE)
    desk.line.go.release()
    desk.service.stop()
