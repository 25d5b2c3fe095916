"""Kill a writer of the audit log with SIGKILL, again and again, and check after each time that no promise was broken.

The kill comes at any moment from the start of the process on, so it hits recovery as well as appending, publishing and
closing. After each one the log is opened (which recovers it) and must hold every acknowledged leaf at its place, and
continue the tree head that it had before. Every hundred cycles and at the end everything is verified from the files.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from appliance.audit.keys import LogKey
from appliance.audit.log import AuditLog
from appliance.audit.merkle import consistency_proof, verify_consistency
from appliance.audit.note import Checkpoint, open_checkpoint
from appliance.audit.storage import TileReader
from appliance.audit.verify import verify_log
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome

SEED = 20261122
WRITERS = 8
LONGEST_SECONDS = 0.15
SEGMENT_BYTES = 1 << 18


@dataclass
class Kills:
    """What was seen. ``lost`` are acknowledged leaves that are not in the log as promised."""

    cycles: int = 0
    while_opening: int = 0
    acknowledged: int = 0
    replayed: int = 0
    torn_bytes: int = 0
    lost: int = 0
    findings: list[str] = field(default_factory=list)


def kill_again_and_again(folder: Path, key: LogKey, cycles: int) -> Kills:
    """Run the cycles; stops early when something was lost."""
    directory, seen = folder / "kills", Kills()
    chance = random.Random(SEED)  # noqa: S311 - repeatable, not secret
    promised: dict[int, str] = {}
    head = Checkpoint(key.name, 0, b"")
    while seen.cycles < cycles and not seen.lost and not seen.findings:
        output = _run_and_kill(directory, key, chance.uniform(0, LONGEST_SECONDS))
        seen.cycles += 1
        seen.while_opening += "open" not in output
        fresh = _acknowledged(output)
        promised.update(fresh)
        head = _recover(directory, key, fresh, head, seen)
        if seen.cycles % 100 == 0 or seen.cycles == cycles:
            report = verify_log(directory, [one.text for one in key.verifier_keys])
            seen.findings += map(str, report.findings)
            reader = TileReader(directory, head.size)
            seen.lost += sum(reader.node(0, index).hex() != digest for index, digest in sorted(promised.items()))
    seen.acknowledged = len(promised)
    return seen


def _recover(directory: Path, key: LogKey, fresh: dict[int, str], before: Checkpoint, seen: Kills) -> Checkpoint:
    with AuditLog.open(directory, key, SystemClock(), segment_bytes=SEGMENT_BYTES) as log:
        seen.replayed += log.recovery.replayed
        seen.torn_bytes += log.recovery.torn_bytes
        log.record_unknown()
        head = open_checkpoint(log.checkpoint().encode(), key.verifier_keys, origin=key.name)
    reader = TileReader(directory, head.size)
    seen.lost += sum(index >= head.size or reader.node(0, index).hex() != digest for index, digest in fresh.items())
    if before.size:
        proof = consistency_proof(before.size, head.size, reader.node)
        verify_consistency(before.size, head.size, proof, before.root, head.root)
    return head


def _run_and_kill(directory: Path, key: LogKey, seconds: float) -> str:
    """What the writer said before it died."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            os.close(reading)
            _write(directory, key, writing)
        finally:
            os._exit(1)
    os.close(writing)
    killer = threading.Timer(seconds, os.kill, (process, signal.SIGKILL))
    killer.start()
    with os.fdopen(reading) as pipe:
        output = pipe.read()
    killer.join()
    os.waitpid(process, 0)
    return output


def _write(directory: Path, key: LogKey, pipe: int) -> None:
    log = AuditLog.open(directory, key, SystemClock(), publish_seconds=0.01, segment_bytes=SEGMENT_BYTES)
    os.write(pipe, b"open\n")

    def work() -> None:
        while True:
            intent = log.intent(Event.BUILD_STARTED, principal="demo-maya", resource="app_1")
            os.write(pipe, f"ack {intent.index} {intent.leaf_hash}\n".encode())
            outcome = log.outcome(intent, Outcome.DONE)
            os.write(pipe, f"ack {outcome.index} {outcome.leaf_hash}\n".encode())

    for _ in range(WRITERS):
        threading.Thread(target=work, daemon=True).start()
    while True:
        time.sleep(60)


def _acknowledged(output: str) -> dict[int, str]:
    lines = output.rpartition("\n")[0].splitlines()
    return {int(line.split()[1]): line.split()[2] for line in lines if line.startswith("ack ")}
