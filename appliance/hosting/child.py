"""Starting a trusted helper program that must not outlive the appliance."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import IO, Final

_TIED: Final = """
import ctypes, os, signal, sys
if ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGKILL, 0, 0, 0) != 0:
    sys.exit("cannot tie this process to its parent")
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent has gone already")
os.execv(sys.argv[2], sys.argv[2:])
"""


def start_tied(argv: list[str], env: Mapping[str, str], output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start ``argv`` so that the kernel kills it when the calling *thread* ends (prctl(2), PR_SET_PDEATHSIG).

    Call it from a thread that lives as long as the program should.

    Raises:
        OSError: the program cannot be started.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _TIED, str(os.getpid()), *argv],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env),
        start_new_session=True,
    )
