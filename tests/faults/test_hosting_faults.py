"""The machine fails: the appliance is killed, the disk is full."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.core.ids import new_id
from appliance.hosting.release import AppFailed, AppRelease, AppState, HostingLimits
from appliance.hosting.supervisor import AppSupervisor
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from tests.fakes.app_tokens import PlainTokens
from tests.fixtures.processes import processes_with
from tests.fixtures.small_app import PACKAGE, write_small_app

pytestmark = pytest.mark.sandbox

_PARENT = """
import sys, time
from pathlib import Path
from appliance.core.ids import new_id
from appliance.hosting.caddy import Caddy
from appliance.hosting.release import AppRelease
from appliance.hosting.routes import FrontDoor
from appliance.hosting.supervisor import AppSupervisor
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from tests.fakes.app_tokens import PlainTokens

home = Path(sys.argv[1])
apps = AppSupervisor(BubblewrapSandbox(), PlainTokens(), home / "apps")
apps.start()
apps.ensure_running(AppRelease(new_id("app"), "loans", "small_app", home / "code", home / "data"))
caddy = Caddy(home / "caddy.log")
caddy.start(FrontDoor("intramural.localhost", int(sys.argv[2]), home / "w.sock", home / "a.sock", home / "caddy"))
print("ready", flush=True)
time.sleep(600)
"""


def wait_for(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_child_outlives_a_killed_appliance(number: signal.Signals) -> None:
    with tempfile.TemporaryDirectory(prefix="kill-") as name:
        write_small_app(Path(name) / "code")
        parent = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(_PARENT), name, "0"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "ready\n"
            children = set(processes_with(name)) - {parent.pid}
            assert len(children) >= 3  # the sandbox's two processes and Caddy; the app itself has another view
            os.kill(parent.pid, number)
            parent.wait(10)
            wait_for(lambda: not processes_with(name))
        finally:
            parent.kill()
            parent.wait()
            assert parent.stdout is not None
            parent.stdout.close()


def test_a_full_disk_is_told_as_such() -> None:
    """On a real file system of a few blocks. Needs to mount one: run as root, as the test command says."""
    fill = "open(os.path.join(data, 'big'), 'wb').write(bytes(4 << 20))"
    with tempfile.TemporaryDirectory(prefix="full-") as name:
        home = Path(name)
        data = home / "data"
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", data], check=True)
        try:
            code = write_small_app(home / "code", before=fill)
            apps = AppSupervisor(BubblewrapSandbox(), PlainTokens(), home / "apps", HostingLimits(start_seconds=5))
            app = AppRelease(new_id("app"), "loans", PACKAGE, code, data)
            with pytest.raises(AppFailed, match="no room left") as caught:
                apps.ensure_running(app)
            assert "Free space" in caught.value.action
            assert apps.state(app.app_id) is AppState.FAILED
            apps.stop_all()
        finally:
            subprocess.run(["umount", data], check=True)
