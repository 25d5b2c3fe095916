"""Closes the Internet to this process, for good: whatever a library tries, the kernel refuses.

ONNX Runtime's official packages contain a client that reports use to its maker's servers, and start it when they are
imported. ``ORT_DISABLE_TELEMETRY`` asks it not to; this filter makes sure. The worker talks over a Unix socket and
needs no other. Semantics: seccomp(2) and Linux ``Documentation/userspace-api/seccomp_filter.rst``; encoding of the
instructions: ``<linux/bpf_common.h>``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass
from typing import Final

from appliance.core.ports import GenerationFailed

TELEMETRY_OFF: Final = {"ORT_DISABLE_TELEMETRY": "1"}
"""Environment of a process that loads ONNX Runtime."""

_PR_SET_NO_NEW_PRIVS: Final = 38
_SET_MODE_FILTER: Final = 1
_ALL_THREADS: Final = 1  # SECCOMP_FILTER_FLAG_TSYNC
_AF_UNIX: Final = 1
_IO_URING_SETUP: Final = 425
"""Requests in such a ring open sockets without a system call that a filter sees. The number is the same everywhere."""
_X32: Final = 0x40000000
"""Calls of the x32 interface of x86_64 have this bit."""

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_REFUSE: Final = 0x00050000 | errno.EACCES
_MISSING: Final = 0x00050000 | errno.ENOSYS
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data; both processors are little-endian


@dataclass(frozen=True)
class _Processor:
    audit: int
    seccomp: int
    socket: int


_PROCESSORS: Final = {
    "x86_64": _Processor(0xC000003E, 317, 41),
    "aarch64": _Processor(0xC00000B7, 277, 198),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def close_the_internet() -> None:
    """Have the kernel refuse every socket but Unix ones to this process, all its threads and children, from now on.

    Sockets that are open stay open.

    Raises:
        GenerationFailed: the kernel does not do that; a model must not be run then.
    """
    processor = _PROCESSORS.get(platform.machine())
    if processor is None:
        raise _impossible(f"no system call numbers for {platform.machine()}")
    code = _filter(processor)
    program = _Program(len(code) // 8, code)
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise _impossible(f"PR_SET_NO_NEW_PRIVS: {os.strerror(ctypes.get_errno())}")
    answer = library.syscall(
        ctypes.c_long(processor.seccomp),
        ctypes.c_long(_SET_MODE_FILTER),
        ctypes.c_long(_ALL_THREADS),
        ctypes.byref(program),
    )
    if answer != 0:  # an error, or the number of a thread that could not be closed in
        raise _impossible(f"seccomp answered {answer}: {os.strerror(ctypes.get_errno())}")


def _filter(processor: _Processor) -> bytes:
    code = (
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, processor.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 1, 0, _X32),
        (_EQUAL, 0, 1, _IO_URING_SETUP),
        (_RETURN, 0, 0, _MISSING),
        (_EQUAL, 1, 0, processor.socket),
        (_RETURN, 0, 0, _ALLOW),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 0, 1, _AF_UNIX),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    )
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _impossible(cause: str) -> GenerationFailed:
    message = "The model's process cannot be kept from the network, so it does not start."
    action = "Run the appliance on Linux 4.14 or newer, on x86_64 or aarch64, with seccomp filters allowed."
    return GenerationFailed(message, cause=cause, action=action)
