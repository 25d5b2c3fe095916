"""Closes the Internet to this process, for good: whatever a library tries, the kernel refuses.

ONNX Runtime's official packages contain a client that reports use to its maker's servers, and start it when they are
imported. ``ORT_DISABLE_TELEMETRY`` asks it not to; this filter makes sure. The worker talks over a Unix socket and
needs no other (``appliance.core.bpf``: how the filter is written down).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from typing import Final

from appliance.core import bpf
from appliance.core.ports import GenerationFailed

TELEMETRY_OFF: Final = {"ORT_DISABLE_TELEMETRY": "1"}
"""Environment of a process that loads ONNX Runtime."""

_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1  # SECCOMP_FILTER_FLAG_TSYNC
_IO_URING_SETUP: Final = 425
"""Requests in such a ring open sockets without a system call that a filter sees. The number is the same everywhere."""
_X32: Final = 0x40000000
"""Calls of the x32 interface of x86_64 have this bit."""
_NUMBERS: Final = {"x86_64": (317, 41), "aarch64": (277, 198)}
"""Of seccomp and socket."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def close_the_internet() -> None:
    """Have the kernel refuse every socket but Unix ones to this process, all its threads and children, from now on.

    Sockets that are open stay open.

    Raises:
        GenerationFailed: the kernel does not do that; a model must not be run then.
    """
    machine = platform.machine()
    if machine not in _NUMBERS:
        raise _impossible(f"no system call numbers for {machine}")
    code = filter_program(machine)
    program = _Program(len(code) // 8, code)
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _impossible(f"PR_SET_NO_NEW_PRIVS: {os.strerror(ctypes.get_errno())}")
    answer = library.syscall(
        ctypes.c_long(_NUMBERS[machine][0]),
        ctypes.c_long(_SET_MODE_FILTER),
        ctypes.c_long(_ALL_THREADS),
        ctypes.byref(program),
    )
    if answer != 0:  # an error, or the number of a thread that could not be closed in
        raise _impossible(f"seccomp answered {answer}: {os.strerror(ctypes.get_errno())}")


def filter_program(machine: str) -> bytes:
    """What the kernel is told, for ``machine`` as ``platform.machine()`` names it."""
    return bpf.assemble(
        (
            (bpf.LOAD, 0, 0, bpf.ARCHITECTURE_AT),
            (bpf.EQUAL, 1, 0, bpf.AUDIT[machine]),
            (bpf.RETURN, 0, 0, bpf.KILL),
            (bpf.LOAD, 0, 0, bpf.NUMBER_AT),
            (bpf.AT_LEAST, 1, 0, _X32),
            (bpf.EQUAL, 0, 1, _IO_URING_SETUP),
            (bpf.RETURN, 0, 0, bpf.MISSING),
            (bpf.EQUAL, 1, 0, _NUMBERS[machine][1]),
            (bpf.RETURN, 0, 0, bpf.ALLOW),
            bpf.load_argument(0),
            (bpf.EQUAL, 0, 1, bpf.AF_UNIX),
            (bpf.RETURN, 0, 0, bpf.ALLOW),
            (bpf.RETURN, 0, 0, bpf.refuse(errno.EACCES)),
        )
    )


def _impossible(cause: str) -> GenerationFailed:
    message = "The model's process cannot be kept from the network, so it does not start."
    action = "Run the appliance on Linux 4.14 or newer, on x86_64 or aarch64, with seccomp filters allowed."
    return GenerationFailed(message, cause=cause, action=action)
