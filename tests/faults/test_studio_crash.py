"""Kill -9 in the middle of a build, at each of its stages: after the next start everything is whole and explained."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from appliance.audit.keys import vkeys_path
from appliance.audit.verify import verify_log
from appliance.core.clock import ManualClock
from appliance.core.filetree import FileTree
from appliance.core.ids import new_id
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Build, BuildState, Origin, Project
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.projects import Projects
from appliance.studio.addresses import Addresses
from appliance.studio.events import EventStream
from appliance.studio.recovery import Recovery
from appliance.studio.version import VersionStore
from tests.fakes.studio_planner import SHIFTS
from tests.fixtures.studio import MAYA, free_port, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WORDS = "Handover notes between shifts: machine, what happened, how urgent it is."


@dataclass
class Service:
    """The service as a process, and its local operator's view of it."""

    home: Path
    port: int
    issuer_port: int
    line_seconds: float = 0.05
    identity: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        arguments = [self.home, self.port, self.issuer_port, self.line_seconds, json.dumps(self.identity)]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fixtures.studio_service", *map(str, arguments)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, process.stderr.read() if process.stderr else ""
            assert json.loads(line)["ready"] is True
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=30)

    def client(self) -> httpx.Client:
        token = (self.home / "run" / "cli.token").read_text()
        return httpx.Client(
            transport=httpx.HTTPTransport(uds=str(self.home / "run" / "web.sock")),
            base_url="http://localhost",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    def events(self, client: httpx.Client, build: str) -> Iterator[dict[str, Any]]:
        with client.stream("GET", f"/api/builds/{build}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    yield json.loads(line.removeprefix("data: "))


@contextmanager
def database_of(home: Path) -> Iterator[tuple[Projects, Builds]]:
    database = Database(make_engine(sqlite_url(home / "db.sqlite")))
    try:
        yield Projects(database), Builds(database)
    finally:
        database.close()


def check_everything(home: Path, app_id: str) -> None:
    """What must hold after every start, whatever happened before."""
    store = VersionStore(home / "apps")
    with database_of(home) as (projects, builds):
        assert builds.unfinished() == []
        versions = projects.versions(app_id)
        project = projects.get(app_id)
        assert project is not None
        tags = home / "apps" / app_id / "repo" / "refs" / "tags"
        known = {f"v{version.number}": version.commit for version in versions}
        found = {path.name: path.read_text().strip() for path in tags.glob("v*")} if tags.exists() else {}
        assert found == known
        head = store.head(app_id)
        assert project.current == (None if head is None else head.number)
        for version in versions:
            assert store.read(app_id, version.commit).text("blueprint.app").startswith("app ")
    assert not list((home / "apps").glob("*/work/*"))
    assert not list((home / "apps").glob("**/*.lock"))
    assert not list((home / "apps").glob("*/releases/.*"))
    vkeys = vkeys_path(home / "keys" / "audit.json").read_text().splitlines()
    report = verify_log(home / "audit", vkeys)
    assert report.intact, report
    assert report.unfinished == ()


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("moment", "ends"),
    [
        ({"type": "blueprint.text"}, {"failed"}),
        ({"type": "check"}, {"failed"}),
        ({"type": "stage.started", "stage": "save"}, {"failed", "done"}),
        ({"type": "stage.started", "stage": "start"}, {"done"}),
    ],
    ids=["plan", "verify", "save", "start"],
)
def test_kill_at_each_stage(moment: dict[str, str], ends: set[str]) -> None:
    with short_folder() as home:
        service = Service(home, free_port(), free_port())
        with service.running() as process, service.client() as client:
            made = client.post("/api/apps", json={"request": WORDS}).json()
            for event in service.events(client, made["build"]):
                if moment.items() <= event.items():
                    os.kill(process.pid, signal.SIGKILL)
                    break
            assert process.wait(10) == -signal.SIGKILL
        with service.running() as process, service.client() as client:
            events = list(service.events(client, made["build"]))
            last = events[-1]
            assert last["type"].removeprefix("build.") in ends
            if last["type"] == "build.failed":
                assert last["error"]["code"] == "interrupted"
                assert "Try again" in last["error"]["action"]
            assert client.get("/health/ready").status_code == 200
        assert process.returncode == 0
        check_everything(home, made["app"])


@pytest.mark.sandbox
def test_what_waited_is_built_after_the_next_start_and_a_clean_stop_is_explained() -> None:
    with short_folder() as home:
        service = Service(home, free_port(), free_port(), line_seconds=0.2)
        with service.running() as process, service.client() as client:
            first, second = (client.post("/api/apps", json={"request": WORDS}).json() for _ in range(2))
            for event in service.events(client, first["build"]):
                if event["type"] == "blueprint.text":
                    break
            process.terminate()
            assert process.wait(30) == 0
        with database_of(home) as (_, builds):
            stopped, waiting = (builds.get(made["build"]) for made in (first, second))
            assert stopped is not None
            assert waiting is not None
            assert (stopped.state, waiting.state) == (BuildState.FAILED, BuildState.QUEUED)
            assert stopped.error is not None
            assert stopped.error["code"] == "interrupted"
        with service.running(), service.client() as client:
            assert list(service.events(client, second["build"]))[-1]["type"] == "build.done"
        check_everything(home, first["app"])
        check_everything(home, second["app"])


def test_a_commit_that_the_database_never_heard_of_is_entered(tmp_path: Path) -> None:
    """The moment between the commit and its row, exactly."""
    database = Database(make_engine(sqlite_url(tmp_path / "db.sqlite")))
    upgrade(database.engine)
    projects, builds, versions = Projects(database), Builds(database), VersionStore(tmp_path / "apps")
    clock = ManualClock(NOW)
    events = EventStream(builds, clock)
    project = Project(new_id("app"), "New app", "", MAYA, NOW, NOW)
    projects.add(project)
    build = Build(new_id("bld"), project.id, MAYA, Origin.PROMPT, WORDS, BuildState.QUEUED, NOW)
    builds.add(build)
    builds.start(build.id, NOW)
    trailers = {"Version": "1", "Origin": "prompt", "Build": build.id, "Author-Subject": MAYA.subject}
    commit = versions.commit(
        project.id, FileTree({"blueprint.app": SHIFTS.encode()}), author=MAYA, summary=WORDS, at=NOW, trailers=trailers
    )
    addresses = Addresses("intramural.localhost", 8080)
    recovery = Recovery(
        projects=projects, builds=builds, versions=versions, events=events, addresses=addresses, clock=clock
    )
    assert recovery.run() == []
    found, version = projects.get(project.id), projects.version(project.id, 1)
    assert found is not None
    assert version is not None
    assert (found.current, found.slug, found.name) == (1, "shift-handover", "Shift Handover")
    assert (version.commit, version.author, version.build_id) == (commit, MAYA, build.id)
    ended = builds.get(build.id)
    assert ended is not None
    assert (ended.state, ended.version) == (BuildState.DONE, 1)
    report = events.after(build.id, 0)[-1].data["report"]
    assert (report["verified"], report["recovered"], report["version"]) == (True, True, 1)
    assert report["app_url"] == "http://shift-handover.intramural.localhost:8080"
    restored = {"Version": "2", "Origin": "restore", "Restored-From": "1", "Author-Subject": MAYA.subject}
    versions.commit(
        project.id, versions.read(project.id, commit), author=MAYA, summary="Back", at=NOW, trailers=restored
    )
    for _ in range(2):
        recovery.run()
    again = projects.version(project.id, 2)
    assert again is not None
    assert (again.restored_from, again.origin) == (1, Origin.RESTORE)
    assert len(projects.versions(project.id)) == 2
    database.close()
