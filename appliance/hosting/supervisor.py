"""Keeps apps running while they are used: starts on demand, restarts after a crash, puts to sleep what is idle."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.core.errors import IntramuralError
from appliance.core.ids import is_id
from appliance.core.ports import AppTokenIssuer
from appliance.core.sandboxing import Sandbox
from appliance.core.sockets import check_socket_path
from appliance.hosting.instance import Instance, failure, launch
from appliance.hosting.release import AppAddress, AppFailed, AppRelease, AppState, AppStatus, HostingLimits

_TICK_SECONDS: Final = 0.2
_MAX_APPS: Final = 10_000
_ASLEEP: Final = AppStatus(AppState.ASLEEP)


@dataclass
class _App:
    """What is known of one app; every field is guarded by ``lock``."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    instance: Instance | None = None
    wanted: AppRelease | None = None  # set while it should be running
    status: AppStatus = _ASLEEP
    crashes: deque[float] = field(default_factory=deque)
    used: float = 0.0
    not_before: float = 0.0
    checked: float = 0.0
    unhealthy: int = 0


class AppSupervisor:
    """Runs app releases in the sandbox. Thread-safe; calls for different apps do not wait for each other.

    ``folder`` belongs to the supervisor alone: sockets that a crashed appliance left there are removed. The processes
    themselves die with their parent, by the sandbox's doing.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        tokens: AppTokenIssuer,
        folder: Path,
        limits: HostingLimits | None = None,
        *,
        on_change: Callable[[str, AppStatus], None] = lambda _app_id, _status: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sandbox = sandbox
        self._tokens = tokens
        self._folder = folder
        self._limits = limits or HostingLimits()
        self._on_change = on_change
        self._now = monotonic
        self._apps: dict[str, _App] = {}
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._monitor: threading.Thread | None = None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    def __enter__(self) -> AppSupervisor:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_all()

    def start(self) -> None:
        """Begin watching. Without it apps start on demand but nothing notices a crash or puts them to sleep."""
        if self._monitor is None:
            self._stopping.clear()
            self._monitor = threading.Thread(target=self._watch, name="app-supervisor", daemon=True)
            self._monitor.start()

    def address(self, app_id: str) -> AppAddress:
        """Where ``app_id`` listens whenever it runs.

        Raises:
            AppFailed: not an identifier.
            UnsafeSocket: the supervisor's folder has too long a name.
        """
        if not is_id(app_id):
            message = "There is no such app."
            raise AppFailed(message, cause=f"{app_id[:60]!r} is not an identifier")
        return AppAddress(check_socket_path(self._folder / f"{app_id}.sock"))

    def ensure_running(self, release: AppRelease) -> AppAddress:
        """Return when ``release`` runs and is healthy; call it for each request, it also counts as use.

        Another release of the same app is stopped first. Waits at most the rest after a crash plus the start time.

        Raises:
            AppFailed: it does not run; says why. A failed release is not tried again before ``failed_rest`` has passed.
            SandboxUnavailable: nothing can be run here.
        """
        address = self.address(release.app_id)
        app = self._app(release.app_id)
        with app.lock:
            if self._stopping.is_set():
                raise _shutting_down()
            app.used = self._now()
            running = app.instance
            if running is not None and running.release == release and running.usable():
                return address
            if app.wanted != release:
                self._forget(app)
            elif running is not None:
                self._note_crash(release.app_id, app, running)
            self._refuse_if_failed(app)
            pause = app.not_before - self._now()
            if pause > 0 and self._stopping.wait(pause):
                raise _shutting_down()
            app.wanted = release
            self._launch(app, release, address)
        self._make_room(release.app_id)
        return address

    def stop(self, app_id: str) -> None:
        """Put it to sleep and forget its failures; harmless if it does not run."""
        app = self._app(app_id)
        with app.lock:
            self._forget(app)
            self._change(app_id, app, _ASLEEP)

    def stop_all(self) -> None:
        """Stop watching and end every app."""
        self._stopping.set()
        if self._monitor is not None:
            self._monitor.join()
            self._monitor = None
        with self._guard:
            known = list(self._apps)
        for app_id in known:
            self.stop(app_id)

    def state(self, app_id: str) -> AppState:
        """Of an app that was never started: asleep."""
        return self.status(app_id).state

    def status(self, app_id: str) -> AppStatus:
        """State with its reason. Does not wait for a start in progress."""
        with self._guard:
            app = self._apps.get(app_id)
        return app.status if app is not None else _ASLEEP

    def output(self, app_id: str) -> str:
        """What the app printed lately (64 KiB), for the operator; empty when it does not run."""
        with self._guard:
            app = self._apps.get(app_id)
        instance = app.instance if app is not None else None
        return instance.process.output() if instance is not None else ""

    def _app(self, app_id: str) -> _App:
        with self._guard:
            if app_id not in self._apps and len(self._apps) >= _MAX_APPS:
                message = "Too many apps are known to this appliance."
                raise AppFailed(message, cause=f"over {_MAX_APPS}", action="Remove apps that nobody uses.")
            return self._apps.setdefault(app_id, _App())

    def _change(self, app_id: str, app: _App, status: AppStatus) -> None:
        if app.status != status:
            app.status = status
            self._on_change(app_id, status)

    def _forget(self, app: _App) -> None:
        if app.instance is not None:
            app.instance.process.terminate()
            app.instance = None
        app.wanted = None
        app.crashes.clear()
        app.not_before = 0.0
        app.status = _ASLEEP

    def _refuse_if_failed(self, app: _App) -> None:
        if app.status.state is AppState.FAILED:
            if self._now() < app.not_before:
                raise AppFailed(app.status.reason, cause=app.status.detail, action="Ask the app's maker or operator.")
            app.crashes.clear()

    def _launch(self, app: _App, release: AppRelease, address: AppAddress) -> None:
        self._change(release.app_id, app, AppStatus(AppState.STARTING, crashes=len(app.crashes)))
        ingress = self._folder / release.app_id
        try:
            app.instance = launch(
                release, self._sandbox, self._tokens, self._limits, folder=ingress, socket=address.socket
            )
        except IntramuralError as error:
            app.instance = None
            app.not_before = self._now() + self._limits.failed_rest
            failed = AppStatus(AppState.FAILED, error.message, error.cause, len(app.crashes))
            self._change(release.app_id, app, failed)
            raise
        app.unhealthy = 0
        app.checked = app.used = self._now()
        self._change(release.app_id, app, AppStatus(AppState.RUNNING, crashes=len(app.crashes)))

    def _note_crash(self, app_id: str, app: _App, instance: Instance) -> None:
        code = instance.process.terminate(grace_seconds=0)
        app.instance = None
        now = self._now()
        app.crashes.append(now)
        while app.crashes and now - app.crashes[0] > self._limits.crash_window:
            app.crashes.popleft()
        count = len(app.crashes)
        error = failure(instance.release, instance.process.output(), f"it ended with exit code {code}")
        if count > self._limits.max_crashes:
            app.not_before = now + self._limits.failed_rest
            reason = f"The app {instance.release.slug} stopped {count} times in a row and is not started again for now."
            self._change(app_id, app, AppStatus(AppState.FAILED, reason, error.cause, count))
            return
        app.not_before = now + min(self._limits.max_backoff, self._limits.backoff * 2 ** (count - 1))
        self._change(app_id, app, AppStatus(AppState.STARTING, "", error.cause, count))

    def _make_room(self, keep: str) -> None:
        """Put the app that was unused for longest to sleep when more than ``max_running`` run."""
        with self._guard:
            running = [(app.used, app_id) for app_id, app in self._apps.items() if app.instance is not None]
        for _, app_id in sorted(running)[: max(0, len(running) - self._limits.max_running)]:
            if app_id != keep:
                self.stop(app_id)

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            with self._guard:
                apps = list(self._apps.items())
            for app_id, app in apps:
                # An app that is just starting holds its lock; it is looked at in the next round.
                if app.lock.acquire(blocking=False):
                    try:
                        self._look_after(app_id, app)
                    finally:
                        app.lock.release()

    def _look_after(self, app_id: str, app: _App) -> None:
        now = self._now()
        instance = app.instance
        if instance is None:
            self._restart_if_due(app_id, app, now)
        elif instance.process.poll() is not None or self._is_stuck(app, instance, now):
            self._note_crash(app_id, app, instance)
        elif now - app.used > self._limits.idle_seconds:
            self._forget(app)
            self._on_change(app_id, app.status)

    def _restart_if_due(self, app_id: str, app: _App, now: float) -> None:
        if app.wanted is None or app.status.state is AppState.FAILED or now < app.not_before:
            return
        if now - app.used > self._limits.idle_seconds:
            self._forget(app)
            return
        with contextlib.suppress(IntramuralError):  # the status tells it, and the next request raises it
            used = app.used
            self._launch(app, app.wanted, self.address(app_id))
            app.used = used

    def _is_stuck(self, app: _App, instance: Instance, now: float) -> bool:
        if now - app.checked < self._limits.health_interval:
            return False
        healthy = instance.healthy(self._limits.health_timeout)
        app.checked = self._now()
        app.unhealthy = 0 if healthy else app.unhealthy + 1
        return app.unhealthy >= self._limits.max_unhealthy


def _shutting_down() -> AppFailed:
    message = "The appliance is shutting down."
    return AppFailed(message, action="Try again when it has started.")
