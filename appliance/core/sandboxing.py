"""The port for running what nobody trusts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from appliance.core.errors import IntramuralError


@dataclass(frozen=True)
class SandboxLimits:
    """Hard limits of one sandboxed process tree."""

    memory_bytes: int = 1 << 30
    cpu_seconds: int = 120
    processes: int = 64
    open_files: int = 512
    file_bytes: int = 256 << 20


@dataclass(frozen=True)
class SandboxCommand:
    """A program of an app to run where it can do no harm.

    Inside, ``code`` is read-only at ``/app`` (the working directory), ``data`` is the one writable folder at
    ``/data``, and ``ingress`` (if given) is writable at ``/run/app`` for the app's Unix socket. ``argv[0]`` may be
    ``"python"``: the appliance's interpreter with its libraries, read-only. There is no network.
    """

    argv: tuple[str, ...]
    code: Path
    data: Path
    ingress: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    limits: SandboxLimits = field(default_factory=SandboxLimits)


@dataclass(frozen=True)
class CompletedRun:
    """How a sandboxed command ended; ``output`` is stdout and stderr together, bounded to the last 64 KiB."""

    exit_code: int
    output: str
    seconds: float
    timed_out: bool = False


class SandboxProcess(Protocol):
    """A sandboxed program that keeps running."""

    @property
    def pid(self) -> int:
        """Process id of the outermost process."""
        ...

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        ...

    def terminate(self, *, grace_seconds: float = 3.0) -> int:
        """Ask it to stop, then kill the whole tree; returns the exit code."""
        ...

    def output(self) -> str:
        """The last 64 KiB of stdout and stderr."""
        ...


class SandboxUnavailable(IntramuralError):  # noqa: N818
    """The configured tier cannot be used here; nothing of an app was run."""

    code = "sandbox_unavailable"


class Sandbox(Protocol):
    """A tier of isolation."""

    @property
    def tier(self) -> str:
        """Its name, for example ``bubblewrap``."""
        ...

    def run(self, command: SandboxCommand, *, timeout: float) -> CompletedRun:
        """Run to the end, or kill it after ``timeout`` seconds."""
        ...

    def start(self, command: SandboxCommand) -> SandboxProcess:
        """Start and return at once."""
        ...
