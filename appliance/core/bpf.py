"""Programs of classic BPF, in which the kernel is told what system calls a process may make (seccomp(2)).

Encoding of the instructions: ``<linux/bpf_common.h>``; what a program sees: ``struct seccomp_data`` of
``<linux/seccomp.h>``; its answers: Linux ``Documentation/userspace-api/seccomp_filter.rst``.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

Instruction = tuple[int, int, int, int]
"""Code, how many instructions a jump skips when it holds and when not, operand."""

LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
GREATER: Final = 0x25  # BPF_JMP | BPF_JGT | BPF_K
AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
RETURN: Final = 0x06  # BPF_RET | BPF_K

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
MISSING: Final = 0x00050000 | errno.ENOSYS

NUMBER_AT: Final = 0  # struct seccomp_data: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6]
ARCHITECTURE_AT: Final = 4
ARGUMENTS_AT: Final = 16

AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""AUDIT_ARCH of a processor, as ``platform.machine()`` names it."""
AF_UNIX: Final = 1


def refuse(number: int) -> int:
    """The answer that makes the call fail with this errno."""
    return 0x00050000 | number


def load_argument(index: int) -> Instruction:
    """The low 32 bits of an argument: all supported processors are little-endian."""
    return (LOAD, 0, 0, ARGUMENTS_AT + 8 * index)


def assemble(code: Iterable[Instruction]) -> bytes:
    """An array of ``struct sock_filter``."""
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)
