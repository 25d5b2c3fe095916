"""Keeps the worker process running: starts it, waits until it is ready, starts it again when it crashes.

The process is started by a thread that lives as long as the supervisor does, because the kernel's parent-death signal
(prctl(2), ``PR_SET_PDEATHSIG``) follows the thread that forked and not its process.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from appliance.core.errors import IntramuralError
from appliance.core.ports import EngineDescription, GenerationFailed
from appliance.inference.client import WorkerGenerator
from appliance.inference.seclusion import TELEMETRY_OFF

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from appliance.inference.worker import WorkerOptions

_LOG = logging.getLogger(__name__)
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH")
_HUGE_PAGES: Final = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Weights are read from end to end for each token: in pages of 2 MiB the processor looks up far fewer addresses."""
_MAX_LOG: Final = 4 << 20
_MAX_LINE: Final = 64 << 10


class WorkerState(StrEnum):
    """What the worker is doing."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"


@dataclass(frozen=True)
class RestartPolicy:
    """When a crashed worker is started again.

    Attributes:
        delays: seconds before the first, second … restart; when they are used up, the worker stays down.
        settled_seconds: a worker that was ready for so long has its restarts forgiven.
        ready_seconds: how long a start may take.
        stop_seconds: how long a worker may take to stop before it is killed.
    """

    delays: Sequence[float] = (0.1, 0.5, 2.0, 5.0, 15.0)
    settled_seconds: float = 60.0
    ready_seconds: float = 180.0
    stop_seconds: float = 5.0


def _silent(_stage: str) -> None:
    """Nobody watches the start."""


class WorkerSupervisor:
    """Owns the worker process; every method may be called from any thread.

    Args:
        options: the worker's.
        log: file that gets what the worker writes to standard error; emptied at a start when it is over 4 MiB.
        policy: when to restart.
    """

    def __init__(self, options: WorkerOptions, *, log: Path, policy: RestartPolicy | None = None) -> None:
        self._options = options
        self._log = log
        self._policy = policy or RestartPolicy()
        self._changed = threading.Condition()
        self._state = WorkerState.STOPPED
        self._failure: GenerationFailed | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._on_progress: Callable[[str], None] = _silent

    @property
    def state(self) -> WorkerState:
        """What the worker is doing now."""
        return self._state

    @property
    def pid(self) -> int | None:
        """Process id of the worker, or None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def load(self, bundle: Path) -> None:
        """Which bundle the next start loads; what runs goes on."""
        self._options = replace(self._options, bundle=bundle)

    def start(self, on_progress: Callable[[str], None] = _silent) -> None:
        """Start the worker and wait until it serves. Does nothing when it runs.

        Args:
            on_progress: hears what the worker is doing, in words for a person; called on another thread.

        Raises:
            GenerationFailed: the bundle is not trusted, cannot be loaded, or the start took too long.
        """
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                self._stopping.clear()
                self._failure = None
                self._on_progress = on_progress
                self._state = WorkerState.STARTING
                self._thread = threading.Thread(target=self._watch, name="inference-supervisor", daemon=True)
                self._thread.start()
        self.wait_ready()

    def stop(self) -> None:
        """Stop the worker and do not start it again."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
            thread, process = self._thread, self._process
        if process is not None:
            _end(process, self._policy.stop_seconds)
        if thread is not None:
            thread.join()
        self._set(WorkerState.STOPPED)

    def wait_ready(self) -> None:
        """Return when the worker serves.

        Raises:
            GenerationFailed: it is stopped, has failed for good, or did not get ready in time.
        """
        deadline = time.monotonic() + self._policy.ready_seconds
        with self._changed:
            while self._state is not WorkerState.READY:
                if self._failure is not None:
                    failure = self._failure
                    raise GenerationFailed(failure.message, cause=failure.cause, action=failure.action)
                left = deadline - time.monotonic()
                if self._state is WorkerState.STOPPED or left <= 0:
                    message = "The model is not running."
                    action = "Start the appliance, or look at the worker's log."
                    raise GenerationFailed(message, cause=f"worker {self._state}; log {self._log}", action=action)
                self._changed.wait(left)

    def generator(self, *, on_queued: Callable[[int], None] = lambda _position: None) -> WorkerGenerator:
        """A text generator over this worker, which waits while the worker restarts.

        Args:
            on_queued: hears how many conversations go first.
        """
        return WorkerGenerator(
            self._options.socket,
            wait_ready=self.wait_ready,
            on_queued=on_queued,
            answer_seconds=self._options.request_seconds + 30,
        )

    def describe(self) -> EngineDescription:
        """What runs, as the worker itself tells it.

        Raises:
            GenerationFailed: the worker does not run.
        """
        return self.generator().describe()

    def _watch(self) -> None:
        """Start, wait for the end, decide; until stopped or out of patience."""
        crashes = 0
        while not self._stopping.is_set():
            ready_at = self._run_once()
            if self._stopping.is_set() or self._failure is not None:
                break
            if ready_at is not None and time.monotonic() - ready_at > self._policy.settled_seconds:
                crashes = 0
            if crashes == len(self._policy.delays):
                self._give_up(crashes)
                break
            delay = self._policy.delays[crashes]
            crashes += 1
            _LOG.warning("the inference worker ended; restart %d in %g s", crashes, delay)
            self._set(WorkerState.RESTARTING)
            self._stopping.wait(delay)
        self._set(WorkerState.STOPPED if self._failure is None else WorkerState.FAILED)

    def _run_once(self) -> float | None:
        """Run the worker to its end; returns when it was ready, or None if it never was."""
        ready_at = None
        try:
            process = self._spawn()
        except OSError as error:
            message = "The model's process cannot be started."
            self._failure = GenerationFailed(message, cause=str(error), action="Check the installation.")
            return None
        with process:
            self._process = process
            if self._stopping.is_set():  # stop() came before there was a process to end
                process.kill()
            stream = process.stdout
            while stream is not None and (line := stream.readline(_MAX_LINE)):
                if self._heard(line):
                    ready_at = time.monotonic()
        return ready_at

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        mode = "wb" if self._log.exists() and self._log.stat().st_size > _MAX_LOG else "ab"
        arguments = self._options.arguments(parent=os.getpid())
        with self._log.open(mode) as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "appliance.inference.worker", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={name: os.environ[name] for name in _PASSED_ON if name in os.environ} | TELEMETRY_OFF | _HUGE_PAGES,
                start_new_session=True,  # a Ctrl-C in the terminal is for the appliance, which then stops the worker
            )

    def _heard(self, line: bytes) -> bool:
        """Take one line of progress; returns whether the worker is ready now."""
        try:
            told: dict[str, Any] = dict(json.loads(line))
        except (ValueError, TypeError):
            _LOG.warning("the inference worker said something that is not progress: %r", line[:200])
            return False
        if told.get("ready"):
            self._set(WorkerState.READY)
            return True
        if failed := told.get("failed"):
            self._failure = GenerationFailed(
                str(failed.get("message")), cause=str(failed.get("cause")), action=str(failed.get("action"))
            )
        elif stage := told.get("stage"):
            self._tell(str(stage))
        return False

    def _tell(self, stage: str) -> None:
        try:
            self._on_progress(stage)
        except IntramuralError:
            _LOG.exception("the progress of the start could not be shown")

    def _give_up(self, crashes: int) -> None:
        message = "The model's process keeps ending."
        action = f"Look at {self._log}, then restart the appliance."
        self._failure = GenerationFailed(message, cause=f"{crashes} restarts in a row", action=action)

    def _set(self, state: WorkerState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()


def _end(process: subprocess.Popen[bytes], seconds: float) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
