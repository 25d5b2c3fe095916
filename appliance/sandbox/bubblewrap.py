"""The ``bubblewrap`` tier: any Linux, rootless where the system allows. Never runs anything unsandboxed."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import select
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from appliance.core.sandboxing import CompletedRun, SandboxCommand, SandboxUnavailable
from appliance.sandbox import seccomp
from appliance.sandbox.arguments import Channels, bubblewrap_arguments
from appliance.sandbox.availability import explain, find_bubblewrap, read_host_facts
from appliance.sandbox.interpreter import current_interpreter
from appliance.sandbox.ownership import hand_over, identity_for, make_readable
from appliance.sandbox.process import BubblewrapProcess

_SETUP_SECONDS: Final = 15.0
_LAUNCHER: Final = Path(__file__).with_name("launch.py")


class BubblewrapSandbox:
    """Implements ``ports.Sandbox``. Thread-safe; keep one for the life of the appliance.

    Every sandbox is started from one thread that lives as long as this object: Linux ties "die with parent" to the
    *thread* that forked (prctl(2), PR_SET_PDEATHSIG), and a pool's threads come and go.

    Raises:
        SandboxUnavailable: bubblewrap is missing, too old, or there is no filter for this processor.
    """

    def __init__(self, *, search_path: str | None = None) -> None:
        self._bwrap = find_bubblewrap(search_path)
        self._filter = seccomp.program(platform.machine())
        self._view = current_interpreter()
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")

    @property
    def tier(self) -> str:
        return "bubblewrap"

    def run(self, command: SandboxCommand, *, timeout: float) -> CompletedRun:
        """See ``ports.Sandbox``."""
        begun = time.monotonic()
        process = self.start(command)
        code = process.wait(timeout)
        timed_out = code is None
        if code is None:
            code = process.terminate(grace_seconds=0)
        process.drain(1.0)
        return CompletedRun(code, process.output(), time.monotonic() - begun, timed_out)

    def start(self, command: SandboxCommand) -> BubblewrapProcess:
        """Start and return when the program is about to run inside, with every limit in place.

        Raises:
            SandboxUnavailable: the isolation could not be set up; nothing was run.
        """
        identity = identity_for(command.data)
        make_readable(command.code, identity)
        for folder in (command.data, command.ingress):
            if folder is not None:
                hand_over(folder, identity)
        with _Pipe() as info, _Pipe() as ready, _sealed(self._filter) as filter_end:
            channels = Channels(seccomp=filter_end, info=info.write_end, ready=ready.write_end)
            arguments = bubblewrap_arguments(command, self._view, _LAUNCHER, identity, channels)
            inherited = (filter_end, info.write_end, ready.write_end)
            process = self._spawner.submit(self._spawn, arguments, inherited).result()
            deadline = time.monotonic() + _SETUP_SECONDS
            init = _init_pid(info.read_all(deadline))
            if ready.read_all(deadline) == b"1" and init is not None:
                return BubblewrapProcess(process, init, command.limits)
        process.kill()
        output, _ = process.communicate()
        cause = output.decode(errors="replace").strip()[-500:] or "bubblewrap gave no reason"
        raise explain(read_host_facts(), cause)

    def _spawn(self, arguments: list[str], inherited: tuple[int, ...]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                [str(self._bwrap), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=inherited,
                env={},
                start_new_session=True,
            )
        except OSError as error:
            message = "The sandbox could not be started."
            raise SandboxUnavailable(message, cause=str(error), action="Free memory or processes and retry.") from error


class _Pipe:
    """A pipe for a short report from a child."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        # File objects: closing one twice is harmless, closing a number twice may hit a stranger's file.
        self._reader = os.fdopen(reader, "rb", buffering=0)
        self._writer = os.fdopen(writer, "wb", buffering=0)

    def __enter__(self) -> _Pipe:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()
        self._writer.close()

    @property
    def write_end(self) -> int:
        return self._writer.fileno()

    def read_all(self, deadline: float) -> bytes:
        """Close our write end and read (at most 4 KiB) until the child closes its own, or until ``deadline``."""
        self._writer.close()
        data = b""
        while len(data) < 4096:
            ready, _, _ = select.select([self._reader], [], [], max(0.0, deadline - time.monotonic()))
            piece = self._reader.read(4096) if ready else b""
            if not piece:
                break
            data += piece
        return data


@contextlib.contextmanager
def _sealed(data: bytes) -> Iterator[int]:
    """``data`` as an open file at its beginning."""
    descriptor = os.memfd_create("filter")
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _init_pid(report: bytes) -> int | None:
    try:
        value = json.loads(report)["child-pid"]
    except (ValueError, KeyError, TypeError):
        return None
    return value if isinstance(value, int) else None
