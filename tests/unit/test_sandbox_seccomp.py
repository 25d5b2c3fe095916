"""The filter, run by a small BPF machine: what it allows, and that nothing else passes on either processor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.sandboxing import SandboxUnavailable
from appliance.sandbox import seccomp
from appliance.sandbox.syscalls import ALLOWED, LAST_KNOWN
from tests.fixtures.bpf_machine import decide

MACHINES = sorted(seccomp.ARCHITECTURES)


def ask(machine: str, name: str, *arguments: int) -> int:
    architecture = seccomp.ARCHITECTURES[machine]
    number = ALLOWED[name][architecture.column]
    assert number is not None
    return decide(seccomp.program(machine), arch=architecture.audit, number=number, arguments=arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_ordinary_calls_pass(machine: str) -> None:
    for name in ("read", "openat", "mmap", "futex", "execve", "epoll_ctl", "fdatasync", "accept4"):
        assert ask(machine, name) == seccomp.ALLOW


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(
    ("name", "harmless", "harmful"),
    [
        ("socket", (1, 1), (2, 1)),
        ("socket", (1, 2), (16, 3)),
        ("socketpair", (1, 1), (10, 1)),
        ("clone", (0x3D0F00,), (0x10000000,)),
        ("clone", (17,), (0x00020000,)),
        ("ioctl", (0, 0x5401), (0, 0x5412)),
        ("setsockopt", (3, 1, 7), (3, 1, 50)),
    ],
)
def test_some_calls_pass_with_harmless_arguments_only(
    machine: str, name: str, harmless: tuple[int, ...], harmful: tuple[int, ...]
) -> None:
    assert ask(machine, name, *harmless) == seccomp.ALLOW
    assert ask(machine, name, *harmful) == seccomp.REFUSE


@pytest.mark.parametrize("machine", MACHINES)
def test_only_listed_numbers_pass(machine: str) -> None:
    architecture = seccomp.ARCHITECTURES[machine]
    program = seccomp.program(machine)
    listed = {numbers[architecture.column] for numbers in ALLOWED.values()}
    for number in range(LAST_KNOWN + 64):
        passed = decide(program, arch=architecture.audit, number=number, arguments=(1, 1)) == seccomp.ALLOW
        assert passed <= (number in listed), number


@pytest.mark.parametrize("machine", MACHINES)
def test_newer_calls_and_clone3_look_missing_so_that_libraries_fall_back(machine: str) -> None:
    audit = seccomp.ARCHITECTURES[machine].audit
    for number in (435, LAST_KNOWN + 1, 0x40000000, 0x40000002):
        assert decide(seccomp.program(machine), arch=audit, number=number) == seccomp.MISSING


@given(arch=st.integers(0, 2**32 - 1), number=st.integers(0, 2**31 - 1))
def test_another_architecture_ends_the_process(arch: int, number: int) -> None:
    for machine, architecture in seccomp.ARCHITECTURES.items():
        if arch != architecture.audit:
            assert decide(seccomp.program(machine), arch=arch, number=number) == seccomp.KILL


def test_processor_without_a_table_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="riscv64"):
        seccomp.program("riscv64")
