"""A program to be killed: writes acts to a log and prints one line for each leaf that was acknowledged.

``python audit_writer.py FOLDER KEYFILE THREADS [ACTS]``: without a number it writes until it is stopped.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from appliance.audit.keys import load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import AuditUnavailable


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def work(log: AuditLog, name: str, acts: int) -> None:
    done = 0
    try:
        while acts == 0 or done < acts:
            intent = log.intent(Event.BUILD_STARTED, principal=name, resource="app_1", details={"n": done})
            say(f"ack {intent.index} {intent.leaf_hash}")
            outcome = log.outcome(intent, Outcome.DONE)
            say(f"ack {outcome.index} {outcome.leaf_hash}")
            done += 1
    except AuditUnavailable as error:
        say(f"unavailable {error.cause}")


def main() -> int:
    directory, key_file, threads, *rest = sys.argv[1:]
    acts = int(rest[0]) if rest else 0
    try:
        log = AuditLog.open(Path(directory), load_or_make_log_key(Path(key_file)), SystemClock(), publish_seconds=0.01)
    except AuditUnavailable as error:
        say(f"unavailable {error.cause}")
        return 3
    say(f"open {log.size} {log.recovery.replayed} {log.recovery.torn_bytes}")
    log.record_unknown()
    workers = [threading.Thread(target=work, args=(log, f"w{number}", acts)) for number in range(int(threads))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    log.close()
    say("closed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
