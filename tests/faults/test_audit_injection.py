"""Every system call of recovery, append, publication and close fails once, in each way, and nothing promised is lost.

The calls of each thread are counted apart: one fault often hits the starting, the committing and the publishing thread
in the same run.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
from functools import partial
from pathlib import Path

import pytest

from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.verify import verify_log
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import AuditUnavailable
from tests.faults.audit_cases import acknowledged, prove
from tests.faults.audit_injection import forked, run_with

SEGMENT = 1 << 16
ACTS = 6


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, key: LogKey) -> Path:
    """A log as a crash leaves it: leaves in tiles, leaves in the journal, an open intent."""
    folder = tmp_path_factory.mktemp("begun")
    with AuditLog.open(folder / "audit", key, SystemClock(), publish_seconds=60, segment_bytes=SEGMENT) as log:
        for _ in range(130):
            log.outcome(log.intent(Event.BUILD_STARTED, principal="p", resource="r"), Outcome.DONE)
        log.checkpoint()
        log.intent(Event.APP_OPENED, principal="p", resource="r")
        shutil.copytree(folder / "audit", folder / "crashed", ignore=shutil.ignore_patterns("reserve*"))
    return folder / "crashed"


def write(directory: Path, key: LogKey, pipe: int) -> None:
    """Recover, act, publish, close; says what was promised."""

    def say(line: str) -> None:
        os.write(pipe, f"{line}\n".encode())

    try:
        with AuditLog.open(directory, key, SystemClock(), publish_seconds=0.005, segment_bytes=SEGMENT) as log:
            for _ in range(ACTS):
                intent = log.intent(Event.BUILD_STARTED, principal="p" * 3000, resource="r")
                say(f"ack {intent.index} {intent.leaf_hash}")
                outcome = log.outcome(intent, Outcome.DONE)
                say(f"ack {outcome.index} {outcome.leaf_hash}")
            log.checkpoint()
        say("closed")
    except (AuditUnavailable, OSError) as error:
        say(f"unavailable {error}")


def check(directory: Path, key: LogKey, output: str) -> None:
    """The invariant: as it was left the log is intact, and after recovery every promised leaf is proven."""
    vkeys = [one.text for one in key.verifier_keys]
    left = verify_log(directory, vkeys)
    assert left.findings == (), left.findings
    promised = acknowledged(output)
    assert left.size > max(promised, default=0)
    prove(directory.parent, key, promised, sample=2)
    assert verify_log(directory, vkeys).findings == ()


CALLS = {
    "openat": (1, 4, 9, 16),
    "mkdir": (1,),
    "flock": (1,),
    "read": (2, 5),
    "newfstatat": (1, 3, 12, 30),
    "getdents64": (1, 3),
    "fallocate": (1, 2),
    "pwrite64": (1, 2, 5),
    "write": (1, 3, 6),
    "fsync": (1, 2, 5, 9),
    "fdatasync": (1, 2, 7),
    "rename": (1, 2, 5),
    "unlink": (1, 2),
    "close": (1, 6, 13),
}
HARMLESS = {("mkdir", "EIO"), ("mkdir", "ENOSPC"), ("getdents64", "ENOSPC")}
"""The folders are there already, and a start that finds no space gives the reserve free and tries once more."""
FAULTS = {"EIO": "error=EIO", "ENOSPC": "error=ENOSPC", "SIGKILL": "signal=SIGKILL"}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_any_system_call_breaks_no_promise(
    tmp_path: Path, begun: Path, key: LogKey, call: str, fault: str
) -> None:
    finished = []
    for when in CALLS[call]:
        directory = tmp_path / str(when) / "audit"
        shutil.copytree(begun, directory)
        output = run_with(partial(write, directory, key), f"inject={call}:{FAULTS[fault]}:when={when}")
        finished.append("closed" in output)
        check(directory, key, output)
    assert not all(finished) or (call, fault) in HARMLESS


def test_the_writer_that_is_broken_works_when_left_alone(tmp_path: Path, begun: Path, key: LogKey) -> None:
    directory = tmp_path / "audit"
    shutil.copytree(begun, directory)
    output = run_with(partial(write, directory, key), "inject=sync:error=EIO:when=1")
    assert output.endswith("closed\n")
    assert len(acknowledged(output)) == 2 * ACTS
    check(directory, key, output)


@pytest.mark.parametrize("limit", [SEGMENT, SEGMENT + 999])
def test_short_writes_break_no_promise(tmp_path: Path, begun: Path, key: LogKey, limit: int) -> None:
    """Below the limit a write is shortened, at it the next one fails: bundles of entries are larger than it."""
    directory = tmp_path / "audit"
    shutil.copytree(begun, directory)

    def limited(pipe: int) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        for _ in range(6):
            write(directory, key, pipe)

    process, go, out = forked(limited)
    os.write(go, b"!")
    with os.fdopen(out) as pipe:
        output = pipe.read()
    os.waitpid(process, 0)
    os.close(go)
    assert "File too large" in output
    check(directory, key, output)
