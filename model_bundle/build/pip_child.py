"""Runs pip in a process that ends with its parent: ``python -P pip_child.py PARENT_PID ARGUMENT ...``.

Without this a killed preparation would leave a pip behind that goes on fetching and writes where the next run cleans
up.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1
"""linux/prctl.h: the signal that this process gets when the thread that started it ends."""


def main() -> None:
    """Tie this process to its parent, then become pip."""
    parent, arguments = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # The parent ended before the signal was asked for.
        sys.exit(1)
    sys.argv = ["pip", *arguments]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
