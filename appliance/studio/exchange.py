"""A folder that an app may write while one of its commands runs; what comes out of it is not trusted.

The app could have put anything there: links, pipes, endless files. So everything is opened without following links,
must be a plain file, and has a bound.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Unavailable
from appliance.core.sandboxing import SandboxCommand, SandboxLimits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.core.sandboxing import Sandbox
    from appliance.hosting.release import AppRelease

INSIDE: Final = "/run/app"
"""Where the app finds the folder."""
SECONDS: Final = 600.0
"""Enough for the 20,000 rows of a full table, each through its form, on a busy machine."""
_CPU_SECONDS: Final = 580
_FILE_BYTES: Final = 1 << 30


class CommandFailed(Unavailable):
    """A command of the app did not do what it should."""

    code = "app_command_failed"


@contextmanager
def exchange(folder: Path) -> Iterator[Path]:
    """An empty folder for one command, removed afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_command(sandbox: Sandbox, release: AppRelease, folder: Path, *words: str) -> None:
    """Run ``python -m <package> <words>`` of an app on its data, with ``folder`` at :data:`INSIDE`.

    Raises:
        CommandFailed: it ended with an error or took too long.
        SandboxUnavailable: nothing was run.
    """
    release.data.mkdir(parents=True, exist_ok=True)
    command = SandboxCommand(
        argv=("python", "-m", release.package, *words),
        code=release.code,
        data=release.data,
        ingress=folder,
        env={"APP_DATA_DIR": "/data"},
        limits=SandboxLimits(cpu_seconds=_CPU_SECONDS, file_bytes=_FILE_BYTES),
    )
    done = sandbox.run(command, timeout=SECONDS)
    if done.timed_out or done.exit_code != 0:
        message = "The app could not carry this out."
        cause = "it took too long" if done.timed_out else done.output.strip()[-400:]
        raise CommandFailed(message, cause=cause, action="Try again. If it stays, show this to your operator.")


def read_plain(path: Path, limit: int) -> bytes:
    """A plain file of at most ``limit`` bytes.

    Raises:
        CommandFailed: it is missing, larger, or no plain file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise _unusable(path, type(error).__name__) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise _unusable(path, "no plain file")
    with os.fdopen(handle, "rb") as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise _unusable(path, "too large")
    return content


def _unusable(path: Path, cause: str) -> CommandFailed:
    message = "What the app wrote cannot be used."
    return CommandFailed(message, cause=f"{path.name}: {cause}", action="Try again, or go back to an earlier version.")
