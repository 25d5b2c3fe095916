"""Durable appends a second with many writers, their latency, and how long an offline verification takes.

``python tests/benchmarks/bench_audit.py [--writers 64] [--seconds 5] [--leaves 100000] [--folder DIR] [--json]``

An append counts when the call has returned, that is, when its leaf is synced to the disk of ``--folder``. The log to
verify is written with signed checkpoints and tiles, without a sync for each batch.
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

DETAILS = {"prompt": "ab" * 32, "characters": 180}


def appends(folder: Path, key: LogKey, writers: int, seconds: float) -> dict[str, float]:
    """Intents only, as fast as ``writers`` threads can."""
    latencies: list[list[float]] = [[] for _ in range(writers)]
    with AuditLog.open(folder / "appends", key, SystemClock()) as log:
        stop = time.perf_counter() + seconds

        def write(mine: list[float]) -> None:
            while (began := time.perf_counter()) < stop:
                log.intent(Event.PROMPT_SUBMITTED, principal="demo-maya", resource="app_1", details=DETAILS)
                mine.append(time.perf_counter() - began)

        threads = [threading.Thread(target=write, args=(mine,)) for mine in latencies]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
    every = sorted(one for mine in latencies for one in mine)
    return {
        "appends_per_second": len(every) / took,
        "p50_ms": every[len(every) // 2] * 1000,
        "p99_ms": every[int(len(every) * 0.99)] * 1000,
    }


def fsync_ms(folder: Path) -> float:
    """Median of a small synced append on this disk, for comparison."""
    times = []
    descriptor = os.open(folder / "probe", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    for _ in range(50):
        began = time.perf_counter()
        os.write(descriptor, bytes(4096))
        os.fsync(descriptor)
        times.append(time.perf_counter() - began)
    os.close(descriptor)
    return sorted(times)[25] * 1000


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
    began = time.perf_counter()
    report = verify_log(directory, [one.text for one in key.verifier_keys])
    took = time.perf_counter() - began
    if not report.intact or report.size != builder.size:
        message = f"the log does not verify: {report.findings[:3]}"
        raise SystemExit(message)
    return {"verified_leaves": report.size, "verify_seconds": took, "verify_us_per_leaf": took / report.size * 1e6}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writers", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--leaves", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to measure; default: temporary files")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="bench-audit-"))
    try:
        key = make_log_key()
        result = {
            "writers": options.writers,
            "fsync_ms": fsync_ms(folder),
            **appends(folder, key, options.writers, options.seconds),
            **verification(folder, key, options.leaves),
        }
    finally:
        shutil.rmtree(folder)
    if options.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        sys.stdout.write("".join(f"{name:20} {value:,.2f}\n" for name, value in result.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
