"""The demo's two processes, the service and the sign-in, kept running and ended together."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Unavailable
from appliance.hosting.child import start_tied

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

RESTART_DELAYS: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
STOP_SECONDS: Final = 25.0
_POLL_SECONDS: Final = 0.2
_LOG_TAIL: Final = 2000


@dataclass(frozen=True)
class Program:
    """A program of the appliance: what it is called for people, its command, and where its output goes."""

    title: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path


class KeptProgram:
    """Starts a program, starts it again when it ends by itself, stops it when asked.

    The thread that starts it lives as long as it should, because the kernel kills it when that thread ends.
    """

    def __init__(self, program: Program, say: Callable[[str], None]) -> None:
        self._program = program
        self._say = say
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=program.title, daemon=True)

    def start(self) -> None:
        """Start it; returns at once."""
        self._thread.start()

    def wait_ready(self, ready: Callable[[], bool], *, seconds: float) -> None:
        """Wait until ``ready`` says so.

        Raises:
            Unavailable: it gave up or took too long; the end of its log is the cause.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            if self._given_up.is_set() or time.monotonic() > deadline:
                message = f"{self._program.title} did not start."
                raise Unavailable(message, cause=self.log_tail(), action=f"See {self._program.log}.")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Ask it to end, then make it."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)

    def log_tail(self) -> str:
        """The end of what it wrote."""
        try:
            return self._program.log.read_text(encoding="utf-8", errors="replace")[-_LOG_TAIL:].strip()
        except OSError:
            return ""

    def _keep(self) -> None:
        delays = queue.SimpleQueue[float]()
        for delay in RESTART_DELAYS:
            delays.put(delay)
        while not self._stopping.is_set():
            code = self._run_once()
            if self._stopping.is_set():
                return
            if code == 2 or delays.empty():
                # 2 is a refusal with a reason; starting again would not change it.
                self._given_up.set()
                self._say(f"{self._program.title} has stopped and stays down. See {self._program.log}.")
                return
            self._say(f"{self._program.title} ended unexpectedly; starting it again.")
            self._stopping.wait(delays.get())

    def _run_once(self) -> int | None:
        self._program.log.parent.mkdir(parents=True, exist_ok=True)
        with self._program.log.open("ab") as log:
            try:
                self._process = start_tied(list(self._program.argv), self._program.env, log)
            except OSError:
                return None
            return self._process.wait()
