"""Durable appends a second with many writers, their latency, the disk's own, and the time of an offline verification.

``./intramural bench audit [--writers 64] [--seconds 10] [--leaves 1000000] [--folder DIR] [--json]``
``./intramural bench audit --kills 1000``: instead, kill a writer that often and count what was lost

An append counts when the call has returned, that is, when its leaf is synced to the disk of ``--folder``. The latency
of the disk is measured in the same run, before and after: one thread that overwrites and syncs blocks of the size of a
journal record, with nobody else. ``append_cpu_us`` and ``verify_cpu_us`` are processor time for one leaf, which says
something on a busy machine too; ``load`` is the load average before the run. The log to verify is written with signed
checkpoints and tiles, without a sync for each batch.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from appliance.audit.files import allocate, sync_data, write_at
from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.leaf import encode_leaf
from appliance.audit.log import AuditLog
from appliance.audit.merkle import leaf_hash
from appliance.audit.note import Checkpoint
from appliance.audit.storage import TileStore
from appliance.audit.tiles import TileBuilder
from appliance.audit.verify import verify_log
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef
from tests.benchmarks.audit_kills import kill_again_and_again
from tests.benchmarks.machine import describe_machine

DETAILS = {"prompt": "ab" * 32, "characters": 180}
BLOCK = os.urandom(16_384)
MILLION = 1_000_000


def disk_ms(folder: Path, times: int = 500) -> list[float]:
    """Milliseconds that each of ``times`` synced overwrites took."""
    path = folder / "disk"
    allocate(path, times * len(BLOCK))
    descriptor = os.open(path, os.O_WRONLY)
    took = []
    for number in range(times):
        began = time.perf_counter()
        write_at(descriptor, BLOCK, number * len(BLOCK))
        sync_data(descriptor)
        took.append((time.perf_counter() - began) * 1000)
    os.close(descriptor)
    path.unlink()
    return took


def at(share: float, values: list[float]) -> float:
    """A percentile."""
    return sorted(values)[int(len(values) * share)]


def appends(folder: Path, key: LogKey, writers: int, seconds: float) -> dict[str, float]:
    """Acts, as fast as ``writers`` threads can: each an intent and its outcome, both durable."""
    latencies: list[list[float]] = [[] for _ in range(writers)]
    with AuditLog.open(folder / "appends", key, SystemClock()) as log:
        stop = time.perf_counter() + seconds

        def write(mine: list[float]) -> None:
            while (began := time.perf_counter()) < stop:
                intent = log.intent(Event.PROMPT_SUBMITTED, principal="demo-maya", resource="app_1", details=DETAILS)
                middle = time.perf_counter()
                log.outcome(intent, Outcome.DONE)
                mine += (middle - began, time.perf_counter() - middle)

        threads = [threading.Thread(target=write, args=(mine,)) for mine in latencies]
        began, busy = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took, busy = time.perf_counter() - began, time.process_time() - busy
    every = [one * 1000 for mine in latencies for one in mine]
    return {
        "appends": len(every),
        "appends_per_s": len(every) / took,
        "append_p50_ms": at(0.5, every),
        "append_p99_ms": at(0.99, every),
        "append_max_ms": max(every),
        "append_cpu_us": busy / len(every) * 1e6,
    }


def verification(folder: Path, key: LogKey, leaves: int) -> dict[str, float]:
    """Write a log of ``leaves`` leaves, half of them outcomes, and verify it."""
    directory = folder / "verify"
    directory.mkdir()
    builder, store, clock = TileBuilder(), TileStore(directory), SystemClock()
    while builder.size < leaves:
        entries, hashes = [], []
        for number in range(0, min(65_536, leaves - builder.size), 2):
            values = {"time": clock.now(), "event": Event.BUILD_STARTED, "principal": "demo-maya", "resource": "app_1"}
            entries.append(encode_leaf(**values, details=DETAILS))
            hashes.append(leaf_hash(entries[-1]))
            link = LeafRef(builder.size + number, hashes[-1].hex())
            entries.append(encode_leaf(**values, intent=link, result=Outcome.DONE))
            hashes.append(leaf_hash(entries[-1]))
        files = builder.extend(entries, hashes)
        for file in files:
            (directory / file.path).parent.mkdir(parents=True, exist_ok=True)
            (directory / file.path).write_bytes(file.content)
    checkpoint = Checkpoint(key.name, builder.size, builder.frontier().root())
    store.publish(builder.partial_files(), key.checkpoint_note(checkpoint, clock.now()))
    began, busy = time.perf_counter(), time.process_time()
    report = verify_log(directory, [one.text for one in key.verifier_keys])
    took, busy = time.perf_counter() - began, time.process_time() - busy
    if not report.intact or report.size != builder.size:
        message = f"the log does not verify: {report.findings[:3]}"
        raise SystemExit(message)
    return {
        "verified_leaves": report.size,
        "verify_s": took,
        "verify_cpu_us": busy / report.size * 1e6,
        "verify_million_s": took / report.size * MILLION,
    }


def measure(folder: Path, writers: int, seconds: float, leaves: int) -> dict[str, object]:
    """All figures."""
    key = make_log_key()
    load, disk = os.getloadavg()[0], disk_ms(folder)
    appended = appends(folder, key, writers, seconds)
    disk += disk_ms(folder)
    return {
        "machine": describe_machine(),
        "load": load,
        "writers": writers,
        "disk_sync_p50_ms": at(0.5, disk),
        "disk_sync_p99_ms": at(0.99, disk),
        **appended,
        **verification(folder, key, leaves),
    }


def killing(folder: Path, cycles: int) -> dict[str, object]:
    """The cycles of kills, and how long they took."""
    began = time.perf_counter()
    seen = kill_again_and_again(folder, make_log_key(), cycles)
    return {"machine": describe_machine(), **vars(seen), "seconds": time.perf_counter() - began}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--leaves", type=int, default=MILLION)
    parser.add_argument("--kills", type=int, default=0, help="kill a writer that often instead")
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure; default: temporary files")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="bench-audit-"))
    try:
        if options.kills:
            result = killing(folder, options.kills)
        else:
            result = measure(folder, options.writers, options.seconds, options.leaves)
    finally:
        shutil.rmtree(folder)
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        shown = {name: f"{value:,.2f}" if isinstance(value, float) else value for name, value in result.items()}
        sys.stdout.write("".join(f"{name:20} {value}\n" for name, value in shown.items()))
    return 1 if result.get("lost") or result.get("findings") else 0


if __name__ == "__main__":
    sys.exit(main())
