"""What the fault tests of the audit log share: the program to break, what it promised, and whether that was kept."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance.audit.findings import VerificationReport
from appliance.audit.keys import LogKey, load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.merkle import verify_inclusion
from appliance.audit.note import open_checkpoint, parse_proof
from appliance.audit.verify import verify_log
from appliance.core.clock import SystemClock

WRITER = Path(__file__).parent / "audit_writer.py"


def key_of(folder: Path) -> LogKey:
    return load_or_make_log_key(folder / "keys" / "audit.json")


def command(folder: Path, *more: str) -> list[str]:
    return [sys.executable, str(WRITER), str(folder / "audit"), str(folder / "keys" / "audit.json"), *more]


def acknowledged(output: str) -> dict[int, str]:
    """Index and hash of every leaf that the writer reported; the last line may be cut."""
    lines = output.rsplit("\n", 1)[0].splitlines()
    return {int(index): digest for kind, index, digest in (one.split(" ", 2) for one in lines if one.startswith("ack"))}


def verify(folder: Path, key: LogKey) -> VerificationReport:
    report = verify_log(folder / "audit", [one.text for one in key.verifier_keys])
    assert report.findings == ()
    return report


def prove(folder: Path, key: LogKey, promised: dict[int, str], sample: int = 5) -> None:
    """Every promised leaf is in the log as promised; a sample gets the full proof."""
    with AuditLog.open(folder / "audit", key, SystemClock()) as log:
        stored = {ref.index: ref.leaf_hash for ref, _ in log.leaves()}
        assert {index: stored.get(index) for index in promised} == promised
        for index in sorted(promised)[:: max(1, len(promised) // sample)]:
            place, hashes, note = parse_proof(log.proof(index))
            head = open_checkpoint(note, key.verifier_keys, origin=key.name)
            verify_inclusion(bytes.fromhex(promised[index]), place, head.size, hashes, head.root)
