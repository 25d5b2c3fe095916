"""Apps start when they are needed, once; crash and come back, or fail for good with a reason; sleep when idle."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from appliance.core.ids import new_id
from appliance.hosting.release import AppFailed, AppRelease, AppState, AppStatus, HostingLimits
from appliance.hosting.supervisor import AppSupervisor
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from tests.fakes.app_tokens import PlainTokens
from tests.fixtures.small_app import PACKAGE, write_small_app

pytestmark = pytest.mark.sandbox

QUICK = HostingLimits(
    start_seconds=5,
    idle_seconds=600,
    backoff=0.05,
    max_backoff=0.2,
    max_crashes=2,
    failed_rest=0.5,
    health_interval=0.2,
    health_timeout=0.3,
    max_unhealthy=2,
    memory_bytes=256 << 20,
)


@pytest.fixture(scope="module")
def sandbox() -> BubblewrapSandbox:
    return BubblewrapSandbox()


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="host-") as name:
        yield Path(name)


@pytest.fixture
def make(sandbox: BubblewrapSandbox, home: Path) -> Iterator[Callable[..., AppSupervisor]]:
    made: list[AppSupervisor] = []

    def build(limits: HostingLimits = QUICK, **more: object) -> AppSupervisor:
        made.append(AppSupervisor(sandbox, PlainTokens(), home / "run", limits, **more))  # type: ignore[arg-type]
        made[-1].start()
        return made[-1]

    yield build
    for supervisor in made:
        supervisor.stop_all()


def release(home: Path, **parts: str) -> AppRelease:
    app_id = new_id("app")
    code = write_small_app(home / f"code-{app_id}", **parts)
    return AppRelease(app_id, "loans", PACKAGE, code, home / "data" / app_id)


def ask(socket: Path, path: str = "/") -> dict[str, object]:
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket)), timeout=5) as client:
        answer: dict[str, object] = client.get(f"http://app{path}").json()
        return answer


def wait_for(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def test_starts_on_demand_and_only_once(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor, app = make(), release(home)
    assert supervisor.state(app.app_id) is AppState.ASLEEP
    with ThreadPoolExecutor(8) as pool:
        addresses = set(pool.map(lambda _: supervisor.ensure_running(app), range(16)))
    assert addresses == {supervisor.address(app.app_id)}
    assert supervisor.state(app.app_id) is AppState.RUNNING
    assert ask(addresses.pop().socket)["starts"] == 1


def test_stops_and_keeps_its_data(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor, app = make(), release(home)
    supervisor.ensure_running(app)
    supervisor.stop(app.app_id)
    assert supervisor.state(app.app_id) is AppState.ASLEEP
    assert ask(supervisor.ensure_running(app).socket)["starts"] == 2


def test_a_crash_is_followed_by_a_restart_without_anybody_asking(
    make: Callable[..., AppSupervisor], home: Path
) -> None:
    supervisor, app = make(), release(home)
    socket = supervisor.ensure_running(app).socket
    with pytest.raises(httpx.HTTPError):
        ask(socket, "/crash")

    def back() -> bool:
        try:
            return ask(socket)["starts"] == 2
        except httpx.HTTPError:
            return False

    wait_for(back)
    assert supervisor.status(app.app_id).crashes == 1


def test_a_request_right_after_a_crash_waits_for_the_restart(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor, app = make(), release(home)
    socket = supervisor.ensure_running(app).socket
    with pytest.raises(httpx.HTTPError):
        ask(socket, "/crash")
    assert ask(supervisor.ensure_running(app).socket)["starts"] == 2


def test_too_many_crashes_and_it_has_failed(make: Callable[..., AppSupervisor], home: Path) -> None:
    seen: list[AppStatus] = []
    supervisor = make(on_change=lambda _app_id, status: seen.append(status))
    app = release(home, before="threading.Timer(0.4, lambda: os._exit(3)).start()")
    supervisor.ensure_running(app)
    wait_for(lambda: supervisor.state(app.app_id) is AppState.FAILED)
    status = supervisor.status(app.app_id)
    assert "stopped 3 times" in status.reason
    assert "exit code 3" in status.detail
    with pytest.raises(AppFailed, match="stopped 3 times"):
        supervisor.ensure_running(app)
    states = [status.state for status in seen]
    assert states[:2] == [AppState.STARTING, AppState.RUNNING]
    assert states[-1] is AppState.FAILED
    time.sleep(QUICK.failed_rest)
    supervisor.ensure_running(app)  # after its rest it is tried again


def test_an_app_that_cannot_start_says_why(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor = make()
    app = release(home, before="raise RuntimeError('no table for loans')")
    begun = time.monotonic()
    with pytest.raises(AppFailed) as caught:
        supervisor.ensure_running(app)
    assert time.monotonic() - begun < 3
    assert "RuntimeError: no table for loans" in caught.value.cause
    assert "small_app/__main__.py:" in caught.value.cause
    assert supervisor.state(app.app_id) is AppState.FAILED
    with pytest.raises(AppFailed):
        supervisor.ensure_running(app)


def test_another_release_takes_over_at_once(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor = make()
    broken = release(home, before="raise RuntimeError")
    with pytest.raises(AppFailed):
        supervisor.ensure_running(broken)
    fixed = replace(broken, code=write_small_app(home / "fixed"))
    assert ask(supervisor.ensure_running(fixed).socket)["starts"] == 2
    newer = replace(fixed, code=write_small_app(home / "newer"))
    assert ask(supervisor.ensure_running(newer).socket)["starts"] == 3


def test_an_app_that_never_listens(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor = make(replace(QUICK, start_seconds=1))
    app = release(home, before="time.sleep(60)")
    begun = time.monotonic()
    with pytest.raises(AppFailed, match="did not answer within 1 seconds"):
        supervisor.ensure_running(app)
    assert time.monotonic() - begun < 4


def test_an_app_that_hangs_is_started_again(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor = make()
    app = release(home, health="time.sleep(60 if starts == 1 and os.path.exists(data + '/hang') else 0)")
    socket = supervisor.ensure_running(app).socket
    (app.data / "hang").touch()
    wait_for(lambda: supervisor.status(app.app_id).crashes == 1)
    wait_for(lambda: supervisor.state(app.app_id) is AppState.RUNNING)
    assert ask(socket)["starts"] == 2


def test_idle_apps_sleep_and_wake(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor, app = make(replace(QUICK, idle_seconds=0.5)), release(home)
    supervisor.ensure_running(app)
    wait_for(lambda: supervisor.state(app.app_id) is AppState.ASLEEP)
    assert ask(supervisor.ensure_running(app).socket)["starts"] == 2


def test_the_one_unused_for_longest_makes_room(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor = make(replace(QUICK, max_running=2))
    apps = [release(home) for _ in range(3)]
    for app in apps:
        supervisor.ensure_running(app)
    states = [supervisor.state(app.app_id) for app in apps]
    assert states == [AppState.ASLEEP, AppState.RUNNING, AppState.RUNNING]


def test_a_link_in_place_of_the_socket_leads_nowhere(make: Callable[..., AppSupervisor], home: Path) -> None:
    """An app must not lead the front door to somebody else's socket, neither at its start nor later."""
    supervisor = make()
    to_another = "os.symlink('/proc/self/exe', sys.argv[-1]); time.sleep(60)"
    with pytest.raises(AppFailed, match="not a socket"):
        supervisor.ensure_running(release(home, before=to_another))
    later = "\n".join(
        (
            "def swap():",
            "    time.sleep(0.5); os.unlink(sys.argv[-1]); os.symlink('/nowhere.sock', sys.argv[-1])",
            "threading.Thread(target=swap, daemon=True).start()",
        )
    )
    app = release(home, before=later)
    socket = supervisor.ensure_running(app).socket
    time.sleep(0.8)
    assert ask(socket)["starts"] == 1


def test_leftovers_of_an_earlier_run_are_removed(make: Callable[..., AppSupervisor], home: Path) -> None:
    stale = home / "run" / "app_stale.sock"
    stale.parent.mkdir()
    stale.touch()
    supervisor, app = make(), release(home)
    assert not stale.exists()
    supervisor.ensure_running(app)


def test_stop_all_ends_everything_and_refuses_more(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor, app = make(), release(home)
    supervisor.ensure_running(app)
    supervisor.stop_all()
    assert supervisor.state(app.app_id) is AppState.ASLEEP
    with pytest.raises(AppFailed, match="shutting down"):
        supervisor.ensure_running(app)


def test_names_that_are_no_identifiers_are_refused(make: Callable[..., AppSupervisor], home: Path) -> None:
    with pytest.raises(AppFailed):
        make().address("../../etc/passwd")


def test_too_long_a_folder_is_explained(sandbox: BubblewrapSandbox, home: Path) -> None:
    supervisor = AppSupervisor(sandbox, PlainTokens(), home / ("x" * 100))
    with pytest.raises(Exception, match="too long a name"):
        supervisor.ensure_running(release(home))


def test_kill_of_an_app_from_outside(make: Callable[..., AppSupervisor], home: Path) -> None:
    supervisor, app = make(), release(home)
    socket = supervisor.ensure_running(app).socket
    victims = _processes_of(app)
    assert victims
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: supervisor.status(app.app_id).crashes == 1)
    wait_for(lambda: supervisor.state(app.app_id) is AppState.RUNNING)
    assert ask(socket)["starts"] == 2
    assert threading.active_count() < 30


def _processes_of(app: AppRelease) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str(app.data) in (entry / "cmdline").read_text():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
