"""The seccomp filter of a sandboxed app: an allow-list of system calls, compiled to classic BPF.

Why it is generated here and not by a binding to libseccomp: the policy needs five kinds of instruction and about sixty
lines, the bindings need a system library of the right version, and an auditor can read all of it. Semantics: seccomp(2)
and Linux ``Documentation/userspace-api/seccomp_filter.rst``; instruction encoding: ``<linux/bpf_common.h>``.

Order of decisions: another processor architecture ends the process; calls newer than the table answer ENOSYS; listed
calls pass, some only with harmless arguments; everything else answers EPERM.
"""

from __future__ import annotations

import errno
import struct
from dataclasses import dataclass
from typing import Final

from appliance.core.sandboxing import SandboxUnavailable
from appliance.sandbox.syscalls import ALLOWED, LAST_KNOWN

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_GREATER: Final = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
REFUSE: Final = 0x00050000 | errno.EPERM
MISSING: Final = 0x00050000 | errno.ENOSYS

_NUMBER_AT: Final = 0  # struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]
_ARCH_AT: Final = 4
_ARGUMENTS_AT: Final = 16

NAMESPACE_FLAGS: Final = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
AF_UNIX: Final = 1
_TERMINAL_INJECTION: Final = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
_SOCKET_FILTERS: Final = (26, 50, 51, 52)  # SO_ATTACH_FILTER, _BPF, _REUSEPORT_CBPF, _REUSEPORT_EBPF


@dataclass(frozen=True)
class Architecture:
    """A processor: its AUDIT_ARCH value, its column in the table, and clone3's number."""

    name: str
    audit: int
    column: int


ARCHITECTURES: Final = {
    "x86_64": Architecture("x86_64", 0xC000003E, 0),
    "aarch64": Architecture("aarch64", 0xC00000B7, 1),
}
_CLONE3: Final = 435
_MEMFD_CREATE: Final = {"x86_64": 319, "aarch64": 279}

_Instruction = tuple[int, int, int, int]


def _load_argument(index: int) -> _Instruction:
    # The low 32 bits (both processors are little-endian); the kernel reads these arguments as 32-bit integers.
    return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index)


def _only_when_equal(argument: int, value: int) -> list[_Instruction]:
    return [
        _load_argument(argument),
        (_EQUAL, 0, 1, value),
        (_RETURN, 0, 0, ALLOW),
        (_RETURN, 0, 0, REFUSE),
    ]


def _unless_equal(argument: int, values: tuple[int, ...]) -> list[_Instruction]:
    body: list[_Instruction] = [_load_argument(argument)]
    for value in values:
        body += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, REFUSE)]
    return [*body, (_RETURN, 0, 0, ALLOW)]


def _unless_bits(argument: int, bits: int) -> list[_Instruction]:
    return [
        _load_argument(argument),
        (_ANY_BIT, 0, 1, bits),
        (_RETURN, 0, 0, REFUSE),
        (_RETURN, 0, 0, ALLOW),
    ]


_CONDITIONAL: Final = {
    "clone": _unless_bits(0, NAMESPACE_FLAGS),
    "socket": _only_when_equal(0, AF_UNIX),
    "socketpair": _only_when_equal(0, AF_UNIX),
    "ioctl": _unless_equal(1, _TERMINAL_INJECTION),
    "setsockopt": _unless_equal(2, _SOCKET_FILTERS),
}


def program(machine: str) -> bytes:
    """The filter for ``machine`` (as ``platform.machine()`` names it), as an array of ``struct sock_filter``.

    Raises:
        SandboxUnavailable: there is no table for this processor.
    """
    architecture = ARCHITECTURES.get(machine)
    if architecture is None:
        message = f"Apps cannot be run safely on a {machine} processor yet."
        raise SandboxUnavailable(
            message,
            cause="no seccomp table for it",
            action=f"Use a machine with one of: {', '.join(sorted(ARCHITECTURES))}.",
        )
    code: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
        # Newer calls, and on x86_64 the x32 interface, whose numbers start at 0x40000000.
        (_GREATER, 0, 1, LAST_KNOWN),
        (_RETURN, 0, 0, MISSING),
    ]
    # glibc falls back from clone3, whose flags a filter cannot see, to clone; memfd would allow code without a file.
    for number in (_CLONE3, _MEMFD_CREATE[machine]):
        code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, MISSING)]
    for name, numbers in ALLOWED.items():
        listed = numbers[architecture.column]
        if listed is not None:
            body = _CONDITIONAL.get(name, [(_RETURN, 0, 0, ALLOW)])
            code += [(_EQUAL, 0, len(body), listed), *body]
    code.append((_RETURN, 0, 0, REFUSE))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
