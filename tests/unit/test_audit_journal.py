"""Segments and the reserve: made before they are needed, dropped when they have done their work, never too many."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.audit.errors import AuditCorrupt
from appliance.audit.files import allocate
from appliance.audit.journal import RESERVE, Journal, release
from appliance.audit.keys import make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.records import FOLDER, Record, encode_record, read_records, segments
from appliance.audit.space import ADMINISTRATION, AuditDiskFull, Space
from appliance.core.clock import ManualClock
from appliance.core.events import Event
from appliance.core.ports import AuditUnavailable
from appliance.web.problems import status_of

SEGMENT = 1 << 16
CLOCK = ManualClock(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))


def sizes(directory: Path) -> list[int]:
    return [one.stat().st_size for one in (directory / FOLDER).iterdir()]


def test_records_are_read_over_segments_and_dropped_when_published(tmp_path: Path) -> None:
    journal = Journal(tmp_path, SEGMENT)
    journal.prepare()
    records = [encode_record(number, [bytes(20_000)], b"note\n") for number in range(10)]
    for number, record in enumerate(records):
        journal.append(number, record)
        journal.prepare()
    assert len(segments(tmp_path)) == 4
    assert set(sizes(tmp_path)) == {SEGMENT}
    found = [one for one in read_records(segments(tmp_path)) if isinstance(one, Record)]
    assert [one.start for one in found] == list(range(10))
    journal.discard_through(6)
    assert [one.name for one in segments(tmp_path)] == [f"{6:020d}.seg", f"{9:020d}.seg"]
    journal.discard_through(10)
    assert len(segments(tmp_path)) == 1
    journal.close()


def test_a_record_larger_than_a_segment_gets_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path, SEGMENT)
    journal.prepare()
    record = encode_record(0, [bytes(60_000), bytes(60_000)], b"note\n")
    journal.append(0, record)
    journal.append(2, encode_record(2, [b"x"], b"note\n"))
    assert [one.start for one in read_records(segments(tmp_path)) if isinstance(one, Record)] == [0, 2]
    journal.close()


def test_the_reserve_is_found_again_and_made_anew_when_it_was_touched(tmp_path: Path) -> None:
    for content in (None, b"x" * SEGMENT, b"short"):
        path = tmp_path / FOLDER / RESERVE
        if content is not None:
            path.write_bytes(content)
        journal = Journal(tmp_path, SEGMENT)
        assert journal.room == 0
        journal.prepare()
        assert (journal.room, path.read_bytes()) == (SEGMENT, bytes(SEGMENT))
        inode = path.stat().st_ino
        again = Journal(tmp_path, SEGMENT)
        again.prepare()
        assert path.stat().st_ino == inode
    assert release(tmp_path)
    assert not release(tmp_path)


def test_what_was_never_written_can_be_given_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path, SEGMENT)
    record = encode_record(0, [b"x"], b"note\n")
    journal.append(0, record)
    journal.close()
    assert release(tmp_path)
    assert sizes(tmp_path) == [len(record)]
    assert [one.start for one in read_records(segments(tmp_path)) if isinstance(one, Record)] == [0]


def test_an_allocated_file_is_of_zeros_and_never_replaces_another(tmp_path: Path) -> None:
    allocate(tmp_path / "a", 100_001)
    assert (tmp_path / "a").read_bytes() == bytes(100_001)
    with pytest.raises(FileExistsError):
        allocate(tmp_path / "a", 5)


def test_a_segment_that_grew_or_shrank_stops_the_journal(tmp_path: Path) -> None:
    for change in (SEGMENT + 1, SEGMENT - 1):
        folder = tmp_path / str(change)
        folder.mkdir()
        journal = Journal(folder, SEGMENT)
        journal.append(0, encode_record(0, [b"x"], b"note\n"))
        (segment,) = segments(folder)
        with segment.open("r+b") as file:
            file.truncate(change)
        with pytest.raises(AuditCorrupt):
            journal.append(1, encode_record(1, [b"x"], b"note\n"))
        journal.close()


def test_a_busy_log_keeps_few_segments(tmp_path: Path) -> None:
    most = 0
    key = make_log_key()
    with AuditLog.open(tmp_path / "audit", key, CLOCK, publish_seconds=0.005, segment_bytes=SEGMENT) as log:
        for number in range(400):
            log.intent(Event.BUILD_STARTED, principal="p" * 2000, resource="r")
            most = max(most, len(segments(tmp_path / "audit")))
            if number % 50 == 0:
                log.checkpoint()
    assert 2 <= most <= 12
    assert segments(tmp_path / "audit") == []


def test_a_full_disk_lets_administration_through_while_there_is_room(tmp_path: Path) -> None:
    journal = Journal(tmp_path, SEGMENT)
    journal.prepare()
    space = Space(tmp_path, journal, SEGMENT)
    space.admit("build.started", 10**6)
    assert space.state(None).accepts == "everything"
    space.set(OSError(28, "No space left on device"))
    for name in ADMINISTRATION:
        space.admit(name, 10)
        with pytest.raises(AuditDiskFull, match="nearly used up"):
            space.admit(name, 100)
    with pytest.raises(AuditDiskFull) as caught:
        space.admit("build.started", 0)
    assert status_of(caught.value) == 503
    assert "nothing has to be restarted" in caught.value.action
    assert space.state(None).accepts == "administration"
    assert space.state(AuditUnavailable("Broken.", action="Repair it.")).accepts == "nothing"
    space.set(None)
    space.admit("build.started", 0)
    assert space.state(None).sentence == "ok"
    assert space.state(None).reserve_bytes == SEGMENT


def test_administration_is_named_by_known_events() -> None:
    assert {str(one) for one in Event} >= ADMINISTRATION
