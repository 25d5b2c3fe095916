"""A running sandbox seen from outside: its output (bounded), its memory (watched), its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Final

from appliance.core.sandboxing import SandboxLimits

OUTPUT_BYTES: Final = 64 << 10
_WATCH_SECONDS: Final = 0.25
_END_SECONDS: Final = 3.0
_FLOOD_PAUSE_SECONDS: Final = 0.01
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


def tree(root: int, limit: int) -> list[int]:
    """Process ids of ``root`` and everything below it, at most ``limit``; ids that vanish meanwhile are left out."""
    found = [root]
    for pid in found:
        if len(found) >= limit:
            break
        for task in _tasks(pid):
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{pid}/task/{task}/children").read_text(encoding="ascii")
                found += [int(child) for child in children.split()]
    return found[:limit]


def _tasks(pid: int) -> list[str]:
    """The threads of a process; none if it is gone."""
    try:
        return [entry.name for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def resident_bytes(pids: list[int]) -> int:
    """Memory that these processes hold and do not share with files."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
            total += (int(fields[1]) - int(fields[2])) * _PAGE
    return total


class BubblewrapProcess:
    """One sandboxed process tree. Thread-safe.

    A thread of its own drains the output (slowly when it is flooded, so that a flood costs little) and ends the tree
    when all processes together hold more memory than the limit, which per-process limits cannot see.
    """

    def __init__(self, process: subprocess.Popen[bytes], init: int, limits: SandboxLimits) -> None:
        self._process = process
        self._init = init  # host id of process 1 inside; when it dies the kernel ends all the others
        self._limits = limits
        self._tail = bytearray()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=f"sandbox-{process.pid}", daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, timeout: float) -> int | None:
        """The exit code, or None if it still runs after ``timeout`` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self, *, grace_seconds: float = 3.0) -> int:
        if self.poll() is None and grace_seconds > 0:
            for pid in tree(self._init, 2)[1:]:
                self._signal(pid, signal.SIGTERM)
            self.wait(grace_seconds)
        if self.poll() is None:
            self.kill()
        # The outermost process ends by itself and reaps what it started; only if it does not, it is killed too.
        if self.wait(_END_SECONDS) is None:
            self._process.kill()
        code = self._process.wait()
        self._watcher.join(timeout=1.0)
        return code

    def kill(self) -> None:
        """End every process inside at once."""
        self._signal(self._init, signal.SIGKILL)

    def output(self) -> str:
        with self._lock:
            return self._tail.decode(errors="replace")

    def drain(self, timeout: float) -> None:
        """Wait until the last output was read."""
        self._ended.wait(timeout)

    def _signal(self, pid: int, number: signal.Signals) -> None:
        # While the outermost process is unreaped and alive its namespace exists, so the ids cannot have been reused.
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _note(self, data: bytes) -> None:
        with self._lock:
            self._tail += data
            del self._tail[: max(0, len(self._tail) - OUTPUT_BYTES)]

    def _watch(self) -> None:
        stream = self._process.stdout
        if stream is None:
            return
        due = time.monotonic() + _WATCH_SECONDS
        with stream:
            descriptor = stream.fileno()
            while True:
                ready, _, _ = select.select([descriptor], [], [], max(0.0, due - time.monotonic()))
                if ready:
                    data = os.read(descriptor, OUTPUT_BYTES)
                    if not data:
                        break
                    self._note(data)
                    if len(data) >= OUTPUT_BYTES // 2:
                        time.sleep(_FLOOD_PAUSE_SECONDS)
                if time.monotonic() >= due:
                    self._check_memory()
                    due = time.monotonic() + _WATCH_SECONDS
        self._ended.set()

    def _check_memory(self) -> None:
        held = resident_bytes(tree(self._init, self._limits.processes + 8))
        if held > self._limits.memory_bytes:
            mib = self._limits.memory_bytes >> 20
            self._note(f"\nsandbox: stopped, its processes together held more than {mib} MiB of memory\n".encode())
            self.kill()
