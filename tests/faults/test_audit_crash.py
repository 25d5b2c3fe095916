"""No acknowledged act without a provable leaf: not after SIGKILL at any moment, not on a full or failing disk."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from appliance.audit.log import AuditLog
from appliance.audit.note import Checkpoint, open_checkpoint
from appliance.audit.verify import verify_log
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome
from tests.faults.audit_cases import acknowledged, command, key_of, prove, verify

CYCLES = 25
SEED = 20261122


def test_killed_at_any_moment_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    key, chance = key_of(tmp_path), random.Random(SEED)  # noqa: S311 - repeatable, not secret
    promised: dict[int, str] = {}
    heads: list[Checkpoint] = []
    began = time.monotonic()
    cycles = 0
    while cycles < CYCLES and time.monotonic() - began < 15:
        process = subprocess.Popen(command(tmp_path, "8"), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("open")
        time.sleep(chance.uniform(0, 0.12))
        process.kill()
        output = process.stdout.read()
        process.wait()
        fresh = acknowledged(output)
        assert not fresh.keys() & promised.keys()
        promised.update(fresh)
        report = verify(tmp_path, key)
        assert report.size > max(promised, default=-1)
        note = (tmp_path / "audit" / "checkpoint").read_bytes()
        heads.append(open_checkpoint(note, key.verifier_keys, origin=key.name))
        cycles += 1
    assert cycles >= 5
    assert len(promised) > 100
    prove(tmp_path, key, promised)
    assert [head.size for head in heads] == sorted(head.size for head in heads)
    final = (tmp_path / "audit" / "checkpoint").read_bytes()
    for head in heads:
        earlier = key.checkpoint_note(head, SystemClock().now()).encode()
        vkeys = [one.text for one in key.verifier_keys]
        assert verify_log(tmp_path / "audit", vkeys, earlier=earlier).intact
    assert open_checkpoint(final, key.verifier_keys, origin=key.name).size > heads[-1].size - 1


def test_killed_while_it_starts_and_recovers(tmp_path: Path) -> None:
    """The same, but the kill hits recovery itself: its steps may be repeated any number of times."""
    key, chance = key_of(tmp_path), random.Random(SEED + 1)  # noqa: S311 - repeatable, not secret
    with AuditLog.open(tmp_path / "audit", key, SystemClock()) as log:
        intent = log.intent(Event.BUILD_STARTED, principal="p", resource="r")
    promised = {intent.index: intent.leaf_hash}
    strace = ["strace", "-f", "-qq", "-o", "/dev/null"]
    for _ in range(6):
        running = subprocess.Popen(command(tmp_path, "4"), stdout=subprocess.PIPE, text=True)
        assert running.stdout is not None
        running.stdout.readline()
        time.sleep(0.05)
        running.kill()
        promised.update(acknowledged(running.stdout.read()))
        running.wait()
        call = chance.choice(["fsync", "rename", "unlink"])
        injected = [*strace, "-e", f"inject={call}:signal=SIGKILL:when={chance.randint(1, 6)}", "-e", f"trace={call}"]
        done = subprocess.run([*injected, *command(tmp_path, "1", "1")], capture_output=True, text=True, check=False)
        promised.update(acknowledged(done.stdout + "\n"))
        verify(tmp_path, key)
    prove(tmp_path, key, promised)


def test_nothing_is_acknowledged_or_put_in_place_before_it_is_synced(tmp_path: Path) -> None:
    """What a kill cannot show, since the kernel keeps what a dead process wrote: the order of the system calls."""
    key_of(tmp_path)
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-y", "-o", str(trace), "-e", "trace=write,pwrite64,fsync,fdatasync,/^rename"]
    done = subprocess.run(
        [*strace, *command(tmp_path, "1", "20")], capture_output=True, text=True, timeout=60, check=True
    )
    assert len(acknowledged(done.stdout)) == 40
    unsynced: set[str] = set()
    acknowledgements = renames = 0
    # A call that another thread interrupts is shown in two lines; both threads' calls count from their first line on.
    for line in trace.read_text().splitlines():
        call, _, rest = line.partition(" ")[2].strip().partition("(")
        name = rest.partition("<")[2].partition(">")[0]
        if call == "write" and '"ack ' in rest:
            acknowledgements += 1
            assert not [one for one in unsynced if one.endswith(".seg")], line
        elif call in ("write", "pwrite64"):
            unsynced.add(name)
        elif call in ("fsync", "fdatasync"):
            unsynced.discard(name)
        elif call.startswith("rename") and str(tmp_path) in rest:
            renames += 1
            assert rest.split('"')[1] not in unsynced, line
            if rest.split('"')[1].endswith(".checkpoint.new"):
                assert not [one for one in unsynced if "/tile/" in one], line
    assert (acknowledgements, renames >= 6) == (40, True)


@pytest.mark.parametrize(
    ("call", "when"), [("fsync", 4), ("fsync", 9), ("fsync", 24), ("fdatasync", 1), ("fdatasync", 2), ("fdatasync", 7)]
)
def test_a_failed_sync_is_never_tried_again(tmp_path: Path, call: str, when: int) -> None:
    key = key_of(tmp_path)
    trace = tmp_path / "trace"
    strace = ["strace", "-f", "-qq", "-y", "-o", str(trace)]
    strace += ["-e", "trace=fsync,fdatasync", "-e", f"inject={call}:error=EIO:when={when}"]
    done = subprocess.run([*strace, *command(tmp_path, "4")], capture_output=True, text=True, timeout=60, check=False)
    assert "unavailable" in done.stdout
    assert "Input/output error" in done.stdout
    calls = trace.read_text().splitlines()
    failed = [number for number, line in enumerate(calls) if "EIO" in line]
    assert failed
    for number in failed:
        name = calls[number].partition("<")[2].partition(">")[0]
        assert not [line for line in calls[number + 1 :] if f"<{name}>" in line]
    promised = acknowledged(done.stdout)
    verify(tmp_path, key)
    prove(tmp_path, key, promised)


def test_an_interrupted_act_gets_the_outcome_unknown(tmp_path: Path) -> None:
    key = key_of(tmp_path)
    process = subprocess.Popen(command(tmp_path, "8"), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with AuditLog.open(tmp_path / "audit", key, SystemClock()) as log:
        left = log.record_unknown()
        assert log.unfinished() == ()
        unknown = [leaf.intent for _, leaf in log.leaves() if leaf.result == Outcome.UNKNOWN]
        assert unknown == [one.ref for one in left]
    assert verify(tmp_path, key).unfinished == ()
