"""Kill -9 at each step of publishing and taking back: it is published with its records, or it is not; never half."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.app import Appliance
from appliance.audit.keys import vkeys_path
from appliance.audit.verify import verify_log
from appliance.db.approval_records import ApprovalState
from appliance.db.records import Origin
from appliance.studio.releases import NotPublished
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner
from tests.fixtures.governed import MAKER, publish
from tests.fixtures.studio import settings_in, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.db.records import Project

pytestmark = pytest.mark.sandbox
ROOT = Path(__file__).parents[2]
CHANGED = SHIFTS.replace("  settled boolean\n", "  settled boolean\n  cause text\n", 1)


@contextmanager
def running(home: Path) -> Iterator[Appliance]:
    appliance = Appliance(settings_in(home), planner=ScriptedPlanner())
    try:
        appliance.start()
        yield appliance
    finally:
        appliance.stop()


def standing(appliance: Appliance, version: int) -> Project:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = appliance.studio.projects.all_standing()
        if found and found[0].current == version and not appliance.studio.builds.unfinished():
            return found[0]
        time.sleep(0.05)
    raise AssertionError(appliance.studio.builds.unfinished())


@pytest.fixture(scope="module")
def templates() -> Iterator[dict[str, Path]]:
    """Homes of a stopped appliance: an app that is not published, one that is, and one with another version then."""
    with short_folder() as folder:
        home = folder / "h"
        made = {name: folder / name for name in ("new", "published", "changed")}

        def keep(name: str) -> None:
            shutil.copytree(home, made[name], symlinks=True, ignore=shutil.ignore_patterns("run"))

        with running(home) as appliance:
            appliance.studio.build_service.submit(MAKER, SHIFTS, origin=Origin.BLUEPRINT)
            standing(appliance, 1)
        keep("new")
        with running(home) as appliance:
            publish(appliance, standing(appliance, 1).id, 1, copy=True)
        keep("published")
        with running(home) as appliance:
            project = standing(appliance, 1)
            proposed = appliance.studio.revisions.propose_text(MAKER, project.id, CHANGED)
            appliance.studio.revisions.accept(MAKER, project.id, proposed.id)
            standing(appliance, 2)
        keep("changed")
        yield made


def titles(appliance: Appliance, project: Project) -> list[str]:
    known = appliance.governance.publishing.of(project.id)
    assert known is not None
    folder = appliance.studio.versions.folder(project.id) / "data" / known.data
    with sqlite3.connect(folder / "app.db") as database:
        return [str(row[0]) for row in database.execute("select title from note order by id")]


def die(home: Path, moment: str) -> None:
    command = [sys.executable, "-m", "tests.faults.publisher", str(home), moment]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]
    shutil.rmtree(home / "run", ignore_errors=True)


def verified(home: Path) -> None:
    report = verify_log(home / "audit", vkeys_path(home / "keys" / "audit.json").read_text().splitlines())
    assert report.intact, report
    assert report.unfinished == ()


def whole(appliance: Appliance, project: Project) -> None:
    """What must hold after every start: the records of the release, and of no other."""
    known = appliance.governance.publishing.of(project.id)
    data = appliance.studio.versions.folder(project.id) / "data"
    live = sorted(path.name for path in data.glob("live-*"))
    assert live == ([] if known is None else [known.data])
    routes = [one.label for one in appliance.governance.releases.routes()]
    assert bool(routes) == (known is not None and known.version is not None)


CASES = [
    ("new", "publish: the records are copied"),
    ("new", "publish: before it counts"),
    ("changed", "publish: it is approved"),
    ("changed", "publish: it counts"),
    ("changed", "publish: the old records go"),
    ("published", "take back: before it counts"),
    ("published", "take back: it counts"),
]
"""Those of ``MOMENTS`` between which something on the disk changes; each of the others is as one of them."""


@pytest.mark.parametrize(("template", "moment"), CASES)
def test_kill_at_each_step(templates: dict[str, Path], template: str, moment: str) -> None:
    with short_folder() as folder:
        home = folder / "h"
        shutil.copytree(templates[template], home, symlinks=True)
        die(home, moment)
        with running(home) as appliance:
            project = appliance.studio.projects.all_standing()[0]
            whole(appliance, project)
            if moment.startswith("publish"):
                (asked, *_) = appliance.governance.approvals.mine(MAKER)
                assert asked.state is ApprovalState.DONE
                assert appliance.governance.releases.version(project).number == project.current
                assert titles(appliance, project)[0].startswith("Oil leak")
                assert appliance.governance.releases.start(project).exists()
                results = [leaf.result for _, leaf in appliance.audit.leaves() if leaf.event == "app.published"]
                assert results[-1] == "done"
            else:
                known = appliance.governance.publishing.of(project.id)
                assert known is not None
                if known.version is None:
                    with pytest.raises(NotPublished):
                        appliance.governance.releases.start(project)
                else:  # the word was not kept: it is said again
                    assert "before" in moment
                assert titles(appliance, project)[0].startswith("Oil leak")
        verified(home)
