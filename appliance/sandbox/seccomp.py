"""The seccomp filter of a sandboxed app: an allow-list of system calls, compiled to classic BPF.

Why it is generated here and not by a binding to libseccomp: the policy needs five kinds of instruction and about sixty
lines, the bindings need a system library of the right version, and an auditor can read all of it
(``appliance.core.bpf``: how it is written down).

Order of decisions: another processor architecture ends the process; calls newer than the table answer ENOSYS; listed
calls pass, some only with harmless arguments; everything else answers EPERM.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final

from appliance.core.bpf import (
    AF_UNIX,
    ALLOW,
    ANY_BIT,
    ARCHITECTURE_AT,
    AUDIT,
    EQUAL,
    GREATER,
    KILL,
    LOAD,
    MISSING,
    NUMBER_AT,
    RETURN,
    Instruction,
    assemble,
    load_argument,
    refuse,
)
from appliance.core.sandboxing import SandboxUnavailable
from appliance.sandbox.syscalls import ALLOWED, LAST_KNOWN

REFUSE: Final = refuse(errno.EPERM)

NAMESPACE_FLAGS: Final = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_TERMINAL_INJECTION: Final = (0x5412, 0x541C, 0x5423)  # TIOCSTI, TIOCLINUX, TIOCSETD
_SOCKET_FILTERS: Final = (26, 50, 51, 52)  # SO_ATTACH_FILTER, _BPF, _REUSEPORT_CBPF, _REUSEPORT_EBPF


@dataclass(frozen=True)
class Architecture:
    """A processor: its AUDIT_ARCH value, its column in the table, and clone3's number."""

    name: str
    audit: int
    column: int


ARCHITECTURES: Final = {
    "x86_64": Architecture("x86_64", AUDIT["x86_64"], 0),
    "aarch64": Architecture("aarch64", AUDIT["aarch64"], 1),
}
_CLONE3: Final = 435
_MEMFD_CREATE: Final = {"x86_64": 319, "aarch64": 279}


def _only_when_equal(argument: int, value: int) -> list[Instruction]:
    return [
        load_argument(argument),
        (EQUAL, 0, 1, value),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    ]


def _unless_equal(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    body: list[Instruction] = [load_argument(argument)]
    for value in values:
        body += [(EQUAL, 0, 1, value), (RETURN, 0, 0, REFUSE)]
    return [*body, (RETURN, 0, 0, ALLOW)]


def _unless_bits(argument: int, bits: int) -> list[Instruction]:
    return [
        load_argument(argument),
        (ANY_BIT, 0, 1, bits),
        (RETURN, 0, 0, REFUSE),
        (RETURN, 0, 0, ALLOW),
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
    code: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE_AT),
        (EQUAL, 1, 0, architecture.audit),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER_AT),
        # Newer calls, and on x86_64 the x32 interface, whose numbers start at 0x40000000.
        (GREATER, 0, 1, LAST_KNOWN),
        (RETURN, 0, 0, MISSING),
    ]
    # glibc falls back from clone3, whose flags a filter cannot see, to clone; memfd would allow code without a file.
    for number in (_CLONE3, _MEMFD_CREATE[machine]):
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, MISSING)]
    for name, numbers in ALLOWED.items():
        listed = numbers[architecture.column]
        if listed is not None:
            body = _CONDITIONAL.get(name, [(RETURN, 0, 0, ALLOW)])
            code += [(EQUAL, 0, len(body), listed), *body]
    code.append((RETURN, 0, 0, REFUSE))
    return assemble(code)
