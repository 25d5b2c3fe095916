"""Tries to escape from the sandbox, for the tests and for the preflight. Bounded in time, memory and disk."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.core.sandboxing import CompletedRun, Sandbox, SandboxCommand, SandboxLimits
from appliance.sandbox.attempts import ATTEMPTS, LEFT_BEHIND, PREAMBLE, Attempt

LIMITS: Final = SandboxLimits(memory_bytes=256 << 20, cpu_seconds=10, processes=32, open_files=64, file_bytes=8 << 20)
_ATTEMPT_SECONDS: Final = 4.0
_REFUSED: Final = "REFUSED "
_WRAPPER: Final = """{preamble}
try:
    exec(compile({source!r}, "attempt", "exec"))
except (OSError, MemoryError, Refused, KeyError) as error:
    os.write(1, b"REFUSED " + repr(error).encode())
    os._exit(0)
"""


@dataclass(frozen=True)
class AttemptResult:
    """``refused`` is what must be true; ``detail`` says how, or what came out."""

    name: str
    refused: bool
    detail: str
    seconds: float


def run_selftest(
    sandbox: Sandbox,
    *,
    attempts: tuple[Attempt, ...] = ATTEMPTS,
    on_result: Callable[[AttemptResult], None] = lambda _: None,
) -> tuple[AttemptResult, ...]:
    """Try every way out once; takes about ten seconds.

    Raises:
        SandboxUnavailable: nothing could be tried.
    """
    results: list[AttemptResult] = []
    with tempfile.TemporaryDirectory(prefix="selftest-") as name, _targets(Path(name)) as targets:
        for number, attempt in enumerate(attempts):
            folder = Path(name) / str(number)
            results.append(_try(sandbox, attempt, folder, targets))
            on_result(results[-1])
        results.append(_leave_process_behind(sandbox, Path(name) / "left-behind"))
        on_result(results[-1])
    return tuple(results)


@contextlib.contextmanager
def _targets(folder: Path) -> Iterator[Mapping[str, str]]:
    """Real things on this machine that must stay out of reach."""
    secret = folder / "secret"
    secret.write_text("out of reach", encoding="utf-8")
    abstract = f"intramural-selftest-{secrets.token_hex(8)}"
    victim = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)"])
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as named:
            named.bind(f"\0{abstract}")
            named.listen()
            yield {
                "TARGET_PORT": str(listener.getsockname()[1]),
                "TARGET_ABSTRACT": abstract,
                "TARGET_SECRET": str(secret),
                "TARGET_PID": str(victim.pid),
            }
    finally:
        victim.kill()
        victim.wait()


def _run(sandbox: Sandbox, argv: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> CompletedRun:
    code, data = folder / "code", folder / "data"
    code.mkdir(parents=True)
    data.mkdir()
    return sandbox.run(SandboxCommand(argv, code, data, env=env, limits=LIMITS), timeout=_ATTEMPT_SECONDS)


def _try(sandbox: Sandbox, attempt: Attempt, folder: Path, targets: Mapping[str, str]) -> AttemptResult:
    source = _WRAPPER.format(preamble=PREAMBLE, source=attempt.source)
    outcome = _run(sandbox, ("python", "-I", "-S", "-c", source), folder, targets)
    if attempt.killed:
        refused = outcome.timed_out or "sandbox: stopped" in outcome.output
        detail = "ended from outside" if refused else outcome.output[-200:]
    else:
        refused = not outcome.timed_out and _REFUSED in outcome.output
        detail = outcome.output.partition(_REFUSED)[2] if refused else outcome.output[-200:] or "it worked"
    return AttemptResult(attempt.name, refused, detail.strip()[:200], outcome.seconds)


def _leave_process_behind(sandbox: Sandbox, folder: Path) -> AttemptResult:
    marker = f"left-behind-{secrets.token_hex(8)}"
    outcome = _run(sandbox, ("python", "-I", "-S", "-c", PREAMBLE + LEFT_BEHIND, marker), folder, {})
    survivors = [1]
    deadline = time.monotonic() + 2.0
    while survivors and time.monotonic() < deadline:
        survivors = _processes_with(marker)
    for pid in survivors:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    refused = outcome.exit_code == 0 and not survivors
    detail = "gone with the sandbox" if refused else f"exit {outcome.exit_code}, processes {survivors}"
    return AttemptResult("leave a process behind", refused, detail, outcome.seconds)


def _processes_with(marker: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found
