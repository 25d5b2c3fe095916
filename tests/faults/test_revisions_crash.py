"""Kill -9 at each step of a revision: either the old version with its records or the new one with its, never half."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.core.clock import SystemClock
from appliance.core.ids import new_id
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Build, BuildState, Origin, Project
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.projects import Projects
from appliance.studio.addresses import Addresses
from appliance.studio.carrying import DiskFull
from appliance.studio.events import EventStream
from appliance.studio.recovery import Recovery
from appliance.studio.version import VersionStore
from tests.fakes.studio_planner import SHIFTS
from tests.faults.revision_worker import MOMENTS
from tests.fixtures.studio import MAYA, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
CHANGED = SHIFTS.replace("hall choice(North, South)", "hall text\n  built date")
CHANGED = CHANGED.replace('", North', '", "North"').replace('", South', '", "South"')


KILLED = ("before the program", "after the program", "before the commit", "after the commit", "after the row")
"""Of all moments (``MOMENTS``) those between which something on the disk changes; the others are as one of them."""


def prepare(home: Path) -> tuple[str, str]:
    """An app with two versions' worth of work before it: version 1 with records, and a build that waits."""
    database = Database(make_engine(sqlite_url(home / "db.sqlite")))
    upgrade(database.engine)
    projects, builds = Projects(database), Builds(database)
    now = SystemClock().now()
    project = Project(new_id("app"), "New app", "", MAYA, now, now)
    projects.add(project)
    first = Build(new_id("bld"), project.id, MAYA, Origin.BLUEPRINT, SHIFTS, BuildState.QUEUED, now)
    second = replace(first, id=new_id("bld"), request=CHANGED)
    builds.add(first)
    builds.add(second)
    database.close()
    assert work(home, first.id, "") == 0
    return project.id, second.id


def work(home: Path, build: str, moment: str) -> int:
    command = [sys.executable, "-m", "tests.faults.revision_worker", str(home), build, moment]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode


def recover(home: Path) -> Project:
    database = Database(make_engine(sqlite_url(home / "db.sqlite")))
    projects, builds, versions = Projects(database), Builds(database), VersionStore(home / "apps")
    clock = SystemClock()
    Recovery(
        projects=projects,
        builds=builds,
        versions=versions,
        events=EventStream(builds, clock),
        addresses=Addresses("localhost", 8080),
        clock=clock,
    ).run()
    (project,) = projects.owned_by(MAYA.subject)
    database.close()
    return project


def halls(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "app.db") as connection:
        return [row[0] for row in connection.execute("SELECT hall FROM machine ORDER BY id")]


@pytest.fixture(scope="module")
def template() -> Iterator[tuple[Path, str, str]]:
    with short_folder() as home:
        app_id, build_id = prepare(home)
        yield home, app_id, build_id


@pytest.mark.sandbox
@pytest.mark.parametrize("moment", KILLED)
def test_kill_at_each_step(template: tuple[Path, str, str], moment: str) -> None:
    with short_folder() as folder:
        home = folder / "h"
        shutil.copytree(template[0], home, symlinks=True, ignore=shutil.ignore_patterns("run"))
        app_id, build_id = template[1:]
        data = home / "apps" / app_id / "data"
        (old,) = data.iterdir()
        before = {path.name: path.read_bytes() for path in old.iterdir() if path.name == "app.db"}
        assert work(home, build_id, moment) == -signal.SIGKILL
        project = recover(home)
        folders = sorted(path.name for path in data.iterdir())
        assert {path.name: path.read_bytes() for path in old.iterdir() if path.name == "app.db"} == before
        assert halls(old) == ["North", "South"]
        assert not list((home / "apps" / app_id).glob("work/*"))
        if project.current == 1:
            assert folders == [old.name]
        else:
            (new,) = [name for name in folders if name != old.name]
            with sqlite3.connect(data / new / "app.db") as connection:
                assert connection.execute("SELECT hall, built FROM machine ORDER BY id").fetchall() == [
                    ("North", None),
                    ("South", None),
                ]
        committed = MOMENTS.index(moment) > MOMENTS.index("before the commit")
        assert project.current == (2 if committed else 1)


@pytest.mark.sandbox
def test_a_full_disk_is_refused_before_anything_begins(template: tuple[Path, str, str]) -> None:
    home, app_id, _ = template
    data = next((home / "apps" / app_id / "data").iterdir())
    hole = data / "huge"
    with hole.open("wb") as file:
        os.truncate(file.fileno(), shutil.disk_usage(home).total)  # takes no room, but would when it is copied
    try:
        command = [sys.executable, "-m", "tests.faults.revision_worker", str(home), template[2], ""]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    finally:
        hole.unlink()
    assert DiskFull.__name__ in done.stderr
    assert recover(home).current == 1
    assert [path.name for path in (home / "apps" / app_id / "data").iterdir()] == [data.name]
