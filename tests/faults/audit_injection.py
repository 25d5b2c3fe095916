"""Run a piece of work in a child whose system calls fail as ``strace`` is told.

The child is a fork that waits until ``strace`` is attached, so that the calls it counts are those of the work alone.
The counters run for each thread apart.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_SET_PTRACER = 0x59616D61
_ANYBODY = ctypes.c_ulong(-1)


def forked(work: Callable[[int], None]) -> tuple[int, int, int]:
    """A child that does ``work(pipe)`` once it is told to; process id, where to tell it, where it speaks."""
    go_read, go_write = os.pipe()
    out_read, out_write = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(out_read)
            os.close(go_write)
            ctypes.CDLL(None).prctl(_SET_PTRACER, _ANYBODY, 0, 0, 0)
            if os.read(go_read, 1):
                work(out_write)
        finally:
            os._exit(0)
    os.close(go_read)
    os.close(out_write)
    return process, go_write, out_read


def traced(process: int) -> bool:
    """Whether somebody traces it by now."""
    status = Path(f"/proc/{process}/status").read_text()
    return "TracerPid:\t0\n" not in status


def run_with(work: Callable[[int], None], inject: str) -> str:
    """What ``work`` said in a child under this injection; its counters begin right before ``work``."""
    process, go, out = forked(work)
    trace = inject.partition("=")[2].partition(":")[0]
    options = ["-e", f"trace={trace}", "-e", inject]
    strace = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", *options, "-p", str(process)])
    try:
        stop = time.monotonic() + 30
        while not traced(process) and time.monotonic() < stop:
            time.sleep(0.002)
        assert traced(process)
        os.write(go, b"!")
        with os.fdopen(out) as pipe:
            return pipe.read()
    finally:
        os.close(go)
        os.waitpid(process, 0)
        strace.wait(30)
