"""Acknowledged leaves that no checkpoint covers yet: whatever is done to the journal shows, and no crash loses any."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.audit.errors import AuditCorrupt
from appliance.audit.findings import VerificationReport
from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.leaf import encode_leaf
from appliance.audit.log import AuditLog
from appliance.audit.records import Record, encode_record, read_records, segments
from appliance.audit.verify import verify_log
from appliance.core.clock import ManualClock
from appliance.core.events import Event

TIME = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CLOCK = ManualClock(TIME)


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


def verify(directory: Path, key: LogKey) -> VerificationReport:
    return verify_log(directory, [one.text for one in key.verifier_keys])


def unpublished(tmp_path: Path, key: LogKey) -> Path:
    """A log as a crash leaves it: everything still in the journal, in three records."""
    directory = tmp_path / "crashed"
    with AuditLog.open(tmp_path / "audit", key, CLOCK, publish_seconds=60) as log:
        for number in range(3):
            log.intent(Event.BUILD_STARTED, principal="p", resource=f"r{number}")
        shutil.copytree(tmp_path / "audit", directory, ignore=shutil.ignore_patterns("reserve*"))
    return directory


def written(segment: Path) -> bytes:
    """What was written to a segment, without the zeros that it was made of."""
    return segment.read_bytes().rstrip(b"\x00")


def test_leaves_in_the_journal_are_verified_too(tmp_path: Path, key: LogKey) -> None:
    directory = unpublished(tmp_path, key)
    report = verify(directory, key)
    assert (report.published, report.journaled, report.findings, len(report.unfinished)) == (0, 3, (), 3)
    with AuditLog.open(directory, key, CLOCK) as log:
        assert (log.size, log.recovery.replayed, log.recovery.torn_bytes) == (3, 3, 0)
    assert verify(directory, key).published == 3


def test_every_flipped_byte_of_the_journal_is_found_and_not_continued(tmp_path: Path, key: LogKey) -> None:
    directory = unpublished(tmp_path, key)
    (segment,) = segments(directory)
    whole = written(segment)
    for at in range(0, len(whole), 13):
        content = bytearray(whole)
        content[at] ^= 1
        segment.write_bytes(content)
        assert not verify(directory, key).intact, at
        with pytest.raises(AuditCorrupt):
            AuditLog.open(directory, key, CLOCK)
        assert segment.read_bytes() == content
    segment.write_bytes(whole)
    assert verify(directory, key).intact


def test_leaves_under_another_signed_checkpoint_are_found_and_not_continued(tmp_path: Path, key: LogKey) -> None:
    """A record whose digests are all in order, but whose leaves are not the ones that the note was signed for."""
    directory = unpublished(tmp_path, key)
    (segment,) = segments(directory)
    *records, last = read_records([segment])
    assert isinstance(last, Record)
    forged = encode_leaf(time=TIME, event="x", principal="demo-uwe", resource="r")
    whole = written(segment)
    segment.write_bytes(whole[: whole.rindex(b"IMJ1")] + encode_record(last.start, [forged], last.note))
    assert len(records) == 2
    (finding,) = verify(directory, key).findings
    assert (finding.first, finding.last) == (2, 2)
    assert "not the ones that were signed" in finding.problem
    with pytest.raises(AuditCorrupt, match="not the ones that were signed"):
        AuditLog.open(directory, key, CLOCK)


def test_a_torn_tail_is_cut_and_everything_before_it_kept(tmp_path: Path, key: LogKey) -> None:
    directory = unpublished(tmp_path, key)
    (segment,) = segments(directory)
    whole = written(segment)
    third = whole.rindex(b"IMJ1")
    tails: list[Callable[[], bytes]] = [lambda cut=cut: whole[:cut] for cut in range(third + 1, len(whole), 61)]  # type: ignore[misc]
    tails.append(lambda: whole[: third + 100] + bytes(len(whole) - third - 100))
    for tail in tails:
        copy = shutil.copytree(directory, tmp_path / "copy")
        (copy / "journal" / segment.name).write_bytes(tail())
        report = verify(copy, key)
        assert (report.intact, report.journaled, len(report.notes)) == (True, 2, 1)
        with AuditLog.open(copy, key, CLOCK) as log:
            assert (log.size, log.recovery.torn_bytes) == (2, len(tail().rstrip(b"\x00")) - third)
            log.intent(Event.APP_OPENED, principal="p", resource="r")
        assert verify(copy, key).intact
        shutil.rmtree(copy)


@pytest.mark.parametrize("garbage", [b"x", b"IMJ1" + bytes(40), bytes(3000) + b"x"])
def test_bytes_after_the_last_record_are_told_or_refused(tmp_path: Path, key: LogKey, garbage: bytes) -> None:
    """In the part of a segment that was never written nothing may be: it is an interrupted write or a change."""
    directory = unpublished(tmp_path, key)
    (segment,) = segments(directory)
    whole = written(segment)
    segment.write_bytes(whole + garbage + bytes(100))
    report = verify(directory, key)
    assert report.published + report.journaled == 3
    assert len(report.notes) + len(report.findings) == 1


def test_a_missing_segment_is_noticed(tmp_path: Path, key: LogKey) -> None:
    directory = unpublished(tmp_path, key)
    (segment,) = segments(directory)
    segment.rename(segment.with_name(f"{1:020d}.seg"))
    whole = written(segments(directory)[0])
    segments(directory)[0].write_bytes(whole[whole.index(b"IMJ1", 4) :])
    (finding,) = verify(directory, key).findings
    assert "missing before" in finding.problem
    with pytest.raises(AuditCorrupt):
        AuditLog.open(directory, key, CLOCK)
