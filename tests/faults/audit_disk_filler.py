"""A program for a small file system of its own: fills it while a log is open, and says what the log then does.

``python audit_disk_filler.py FOLDER KEYFILE``. Lines ``ack INDEX HASH`` are promises; others name what was seen.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from appliance.audit.keys import load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.space import AuditDiskFull
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef

SEGMENT = 1 << 18
DETAILS = {"prompt": "ab" * 32}


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def told(ref: LeafRef) -> LeafRef:
    say(f"ack {ref.index} {ref.leaf_hash}")
    return ref


def begin(log: AuditLog, event: Event) -> LeafRef:
    return told(log.intent(event, principal="p", resource="r", details=DETAILS))


def fill(place: Path) -> None:
    """Take every byte that is left."""
    with place.open("ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def refused(log: AuditLog, event: Event) -> AuditDiskFull | None:
    """Act until the full disk is noticed, at most half a minute."""
    stop = time.monotonic() + 30
    while time.monotonic() < stop:
        try:
            begin(log, event)
        except AuditDiskFull as error:
            return error
    return None


def main() -> int:
    directory, key = Path(sys.argv[1]), load_or_make_log_key(Path(sys.argv[2]))
    filler = directory.parent / "filler"
    log = AuditLog.open(directory, key, SystemClock(), publish_seconds=0.01, segment_bytes=SEGMENT)
    say(f"open {log.state().accepts}")
    if not filler.exists():
        left = begin(log, Event.BUILD_STARTED)
        fill(filler)
        error = refused(log, Event.BUILD_STARTED)
        say(f"refused {error.code} {error.action}" if error else "never refused")
        told(log.outcome(left, Outcome.DONE))
    say(f"state {log.state().accepts} {log.state().sentence}")
    administered = [begin(log, Event.SERVICE_STARTED) for _ in range(3)]
    for one in administered:
        told(log.outcome(one, Outcome.DONE))
    if "exhaust" in sys.argv:
        say(f"exhausted {refused(log, Event.SERVICE_STARTED) is not None} {log.state().reserve_bytes > 0}")
    if "crash" in sys.argv:
        os._exit(0)
    for one in log.unfinished():
        told(log.outcome(one.ref, Outcome.CANCELLED))
    filler.unlink()
    began = time.monotonic()
    while log.state().accepts != "everything" and time.monotonic() < began + 30:
        time.sleep(0.02)
    told(log.outcome(begin(log, Event.BUILD_STARTED), Outcome.DONE))
    log.checkpoint()
    say(f"recovered {log.state().sentence}")
    log.close()
    say("closed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
