"""The model's process has no way to the Internet, whatever its libraries try; nothing else loads those libraries."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.core import bpf
from appliance.core.ports import GenerationFailed
from appliance.inference.limits import ExecutorKind
from appliance.inference.seclusion import TELEMETRY_OFF, close_the_internet, filter_program
from tests.fixtures.bpf_machine import decide
from tests.fixtures.inference_worker import running_tiny_worker

ATTEMPTS = """
import ctypes, errno, socket, threading
from appliance.inference.seclusion import close_the_internet

asked, tried, found = threading.Event(), threading.Event(), {}

def attempt(who):
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_UNIX):
        try:
            socket.socket(family, socket.SOCK_DGRAM).close()
            found[f"{who} {family.name}"] = "open"
        except OSError as error:
            found[f"{who} {family.name}"] = errno.errorcode[error.errno]

def older_thread():
    asked.wait(10)
    attempt("older")
    tried.set()

threading.Thread(target=older_thread).start()
socket.socket(socket.AF_INET).close()
close_the_internet()
asked.set()
tried.wait(10)
attempt("own")
library = ctypes.CDLL(None, use_errno=True)
library.syscall(ctypes.c_long(425), ctypes.c_long(1), None)
found["io_uring"] = errno.errorcode[ctypes.get_errno()]
for name, value in sorted(found.items()):
    print(name, value)
"""


@pytest.mark.parametrize(("machine", "socket"), [("x86_64", 41), ("aarch64", 198)])
def test_the_filter_on_both_processors(machine: str, socket: int) -> None:
    program, audit = filter_program(machine), bpf.AUDIT[machine]
    other = next(value for name, value in bpf.AUDIT.items() if name != machine)
    for family in range(64):
        expected = bpf.ALLOW if family == bpf.AF_UNIX else bpf.refuse(errno.EACCES)
        assert decide(program, arch=audit, number=socket, arguments=(family,)) == expected
    for number in {0, 1, socket - 1, socket + 1, 424, 426, 500}:
        assert decide(program, arch=audit, number=number, arguments=(2,)) == bpf.ALLOW
    assert decide(program, arch=audit, number=425) == bpf.MISSING
    assert decide(program, arch=audit, number=0x40000000 + socket, arguments=(2,)) == bpf.MISSING
    assert decide(program, arch=other, number=socket, arguments=(1,)) == bpf.KILL


def test_where_it_cannot_be_done_the_worker_says_so_instead_of_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    with pytest.raises(GenerationFailed, match="kept from the network") as caught:
        close_the_internet()
    assert "riscv64" in caught.value.cause
    assert caught.value.action


def test_only_unix_sockets_are_left_in_every_thread() -> None:
    done = subprocess.run([sys.executable, "-c", ATTEMPTS], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n") == [
        "io_uring ENOSYS",
        "older AF_INET EACCES",
        "older AF_INET6 EACCES",
        "older AF_NETLINK EACCES",
        "older AF_UNIX open",
        "own AF_INET EACCES",
        "own AF_INET6 EACCES",
        "own AF_NETLINK EACCES",
        "own AF_UNIX open",
        "",
    ]


@pytest.mark.parametrize("executor", ExecutorKind)
def test_every_thread_of_a_worker_is_closed_in_and_its_libraries_are_asked_to_be_silent(executor: ExecutorKind) -> None:
    with running_tiny_worker(executor=executor) as worker:
        process = Path("/proc") / str(worker.supervisor.pid)
        states = [(task / "status").read_text() for task in (process / "task").iterdir()]
        environment = (process / "environ").read_bytes().split(b"\0")
    assert len(states) > 1
    assert all("Seccomp:\t2\n" in state and "NoNewPrivs:\t1\n" in state for state in states)
    assert b"ORT_DISABLE_TELEMETRY=1" in environment
    assert b"GLIBC_TUNABLES=glibc.malloc.hugetlb=1" in environment  # a tenth of the time of a token


def test_the_appliance_itself_never_loads_what_computes() -> None:
    """It has to reach Keycloak and Caddy, so it cannot be closed in as the worker is."""
    program = (
        "import appliance.app, appliance.cli, appliance.demo.run, sys\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('onnxruntime', 'onnxruntime_genai')))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"


def test_the_tools_that_load_it_ask_it_to_be_silent_first() -> None:
    program = (
        "import sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'onnxruntime':\n"
        "            import os; print(os.environ.get('ORT_DISABLE_TELEMETRY'))\n"
        "sys.meta_path.insert(0, Watch())\n"
        "import model_bundle.build.evaluate\n"
    )
    bare = {name: value for name, value in os.environ.items() if name not in TELEMETRY_OFF}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60, env=bare
    )
    assert done.stdout == "1\n"
