"""The open log: evidence before and after, recovery of what was left open, one writer, proofs that stand alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.audit.errors import AuditCorrupt, AuditLocked, LeafRefused
from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.merkle import verify_consistency, verify_inclusion
from appliance.audit.note import open_checkpoint, parse_proof
from appliance.audit.records import segments
from appliance.audit.verify import verify_log
from appliance.core.clock import ManualClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import AuditSink, AuditUnavailable, LeafRef

CLOCK = ManualClock(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


@pytest.fixture
def log(tmp_path: Path, key: LogKey) -> Iterator[AuditLog]:
    with AuditLog.open(tmp_path / "audit", key, CLOCK, publish_seconds=0.02) as opened:
        yield opened


def act(log: AuditSink, principal: str = "demo-maya", result: Outcome = Outcome.DONE) -> tuple[LeafRef, LeafRef]:
    intent = log.intent(Event.BUILD_STARTED, principal=principal, resource="app_1", details={"prompt": "ab" * 32})
    return intent, log.outcome(intent, result, details={"seconds": 12})


def vkeys(key: LogKey) -> list[str]:
    return [one.text for one in key.verifier_keys]


def test_an_act_leaves_two_linked_leaves(log: AuditLog) -> None:
    intent, outcome = act(log)
    (first_ref, first), (second_ref, second) = log.leaves()
    assert (first_ref, second_ref) == (intent, outcome)
    assert (first.kind, first.event, first.principal) == ("intent", "build.started", "demo-maya")
    assert (second.kind, second.event, second.principal) == ("outcome", "build.started", "demo-maya")
    assert (second.intent, second.result, second.resource) == (intent, "done", "app_1")
    assert log.size == 2
    assert log.unfinished() == ()


def test_unfinished_intents_survive_a_restart_and_become_unknown(tmp_path: Path, key: LogKey) -> None:
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        act(log)
        left = log.intent(Event.PROMPT_SUBMITTED, principal="demo-maya", resource="app_2")
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        assert [one.ref for one in log.unfinished()] == [left]
        assert [one.ref for one in log.record_unknown()] == [left]
        assert log.unfinished() == ()
        *_, (_, last) = log.leaves()
        assert (last.result, last.intent, last.event) == ("unknown", left, "prompt.submitted")
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        assert log.unfinished() == ()
        assert log.size == 4


def test_open_intents_are_found_without_the_snapshot_too(tmp_path: Path, key: LogKey) -> None:
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        act(log)
        left = log.intent(Event.PROMPT_SUBMITTED, principal="demo-maya", resource="app_2")
    for content in (None, "{}", '{"size": 99, "open": []}', "not json"):
        snapshot = tmp_path / "audit" / "open-intents.json"
        snapshot.unlink() if content is None else snapshot.write_text(content)
        with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
            assert [one.ref for one in log.unfinished()] == [left]


@pytest.mark.parametrize("wrong", ["unknown", "done before", "outcome", "hash"])
def test_an_outcome_needs_an_open_intent(log: AuditLog, wrong: str) -> None:
    intent, outcome = act(log)
    opened = log.intent(Event.APP_OPENED, principal="p", resource="r")
    ref = {
        "unknown": LeafRef(99, "00" * 32),
        "done before": intent,
        "outcome": outcome,
        "hash": LeafRef(opened.index, "00" * 32),
    }[wrong]
    with pytest.raises(LeafRefused):
        log.outcome(ref, Outcome.DONE)
    log.outcome(opened, Outcome.DONE)
    assert log.size == 4


def test_two_outcomes_at_once_give_one(log: AuditLog) -> None:
    intent = log.intent(Event.APP_OPENED, principal="p", resource="r")

    def end(_: int) -> bool:
        try:
            log.outcome(intent, Outcome.DONE)
        except LeafRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(end, range(8))) == 1
    assert log.size == 2


def test_a_refused_leaf_stops_nothing(log: AuditLog) -> None:
    with pytest.raises(LeafRefused):
        log.intent(Event.APP_OPENED, principal="p", resource="r", details={"a": "x" * 70_000})
    act(log)
    assert log.size == 2


def test_an_outcome_that_is_refused_can_be_given_again(log: AuditLog) -> None:
    intent = log.intent(Event.APP_OPENED, principal="p", resource="r")
    with pytest.raises(LeafRefused):
        log.outcome(intent, Outcome.DONE, details={"a": object()})
    log.outcome(intent, Outcome.FAILED)
    assert log.unfinished() == ()


def test_every_leaf_has_a_proof_that_stands_alone(log: AuditLog, key: LogKey) -> None:
    refs = [ref for _ in range(150) for ref in act(log)]
    for ref in refs[::37]:
        index, hashes, note = parse_proof(log.proof(ref.index))
        checkpoint = open_checkpoint(note, key.verifier_keys, origin=key.name)
        verify_inclusion(bytes.fromhex(ref.leaf_hash), index, checkpoint.size, hashes, checkpoint.root)
        assert index == ref.index


def test_checkpoints_are_consistent_with_each_other(log: AuditLog, key: LogKey) -> None:
    from appliance.audit.merkle import consistency_proof
    from appliance.audit.storage import TileReader

    act(log)
    old = open_checkpoint(log.checkpoint().encode(), key.verifier_keys, origin=key.name)
    for _ in range(140):
        act(log)
    new = open_checkpoint(log.checkpoint().encode(), key.verifier_keys, origin=key.name)
    assert (old.size, new.size) == (2, 282)
    reader = TileReader(log._directory, new.size)
    verify_consistency(2, 282, consistency_proof(2, 282, reader.node), old.root, new.root)


def test_many_threads_get_every_leaf_once(log: AuditLog, key: LogKey) -> None:
    with ThreadPoolExecutor(32) as pool:
        pairs = list(pool.map(lambda n: act(log, f"p{n}"), range(400)))
    indexes = sorted(ref.index for pair in pairs for ref in pair)
    assert indexes == list(range(800))
    by_index = {ref.index: leaf for ref, leaf in log.leaves()}
    for number, (intent, outcome) in enumerate(pairs):
        assert by_index[intent.index].principal == by_index[outcome.index].principal == f"p{number}"


def test_a_second_writer_is_refused(tmp_path: Path, log: AuditLog, key: LogKey) -> None:
    with pytest.raises(AuditLocked):
        AuditLog.open(tmp_path / "audit", key, CLOCK)
    act(log)


def test_a_removed_lock_file_lets_no_second_writer_in(tmp_path: Path, log: AuditLog, key: LogKey) -> None:
    (tmp_path / "audit" / "lock").unlink()
    with pytest.raises(AuditLocked):
        AuditLog.open(tmp_path / "audit", key, CLOCK)
    act(log)


def test_a_clock_that_jumps_changes_no_order(tmp_path: Path, key: LogKey) -> None:
    clock = ManualClock(datetime(2026, 11, 22, 20, 0, tzinfo=UTC))
    years = (2026, 1970, 9998, 2026)
    with AuditLog.open(tmp_path / "audit", key, clock, publish_seconds=0.01) as log:
        for year in years:
            clock.instant = datetime(year, 1, 1, tzinfo=UTC)
            act(log)
            log.checkpoint()
        assert [leaf.time.year for _, leaf in log.leaves()] == [year for year in years for _ in range(2)]
    assert verify_log(tmp_path / "audit", vkeys(key)).intact


def test_a_second_process_is_refused(tmp_path: Path, log: AuditLog) -> None:
    program = (
        "import sys; from pathlib import Path; from appliance.audit.storage import WriterLock\n"
        "from appliance.audit.errors import AuditLocked\n"
        "try: WriterLock(Path(sys.argv[1]))\n"
        "except AuditLocked as error: print(error.code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "audit")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "audit_locked"


def test_a_clean_close_leaves_only_published_files(tmp_path: Path, key: LogKey) -> None:
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        act(log)
        log.checkpoint()
        assert (tmp_path / "audit" / "tile" / "entries" / "000.p" / "2").exists()
        for _ in range(129):
            act(log)
    assert segments(tmp_path / "audit") == []
    assert (tmp_path / "audit" / "tile" / "entries" / "000").exists()
    assert not (tmp_path / "audit" / "tile" / "entries" / "000.p").exists()
    report = verify_log(tmp_path / "audit", vkeys(key))
    assert (report.published, report.journaled, report.findings) == (260, 0, ())
    with pytest.raises(AuditUnavailable, match="closed"):
        act(log)
    log.close()


def test_a_running_log_verifies(tmp_path: Path, log: AuditLog, key: LogKey) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            act(log)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        reports = [verify_log(tmp_path / "audit", vkeys(key))]
        while reports[-1].size < reports[0].size + 60 and len(reports) < 5000:
            reports.append(verify_log(tmp_path / "audit", vkeys(key)))
    finally:
        stop.set()
        thread.join()
    assert {report.findings for report in reports} == {()}
    assert reports[-1].size > reports[0].size


def test_another_key_cannot_continue_the_log(tmp_path: Path, key: LogKey) -> None:
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        act(log)
    for other in (make_log_key("example.com/audit"), make_log_key("example.com/other")):
        with pytest.raises(AuditCorrupt):
            AuditLog.open(tmp_path / "audit", other, CLOCK)
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        assert log.size == 2


@pytest.mark.parametrize("how", ["removed", "replaced", "appended", "folder replaced"])
def test_a_journal_changed_while_in_use_stops_the_log(tmp_path: Path, key: LogKey, how: str) -> None:
    directory = tmp_path / "audit"
    log = AuditLog.open(directory, key, CLOCK, publish_seconds=30)
    act(log)
    (segment,) = segments(directory)
    if how == "removed":
        segment.unlink()
    elif how == "replaced":
        (tmp_path / "other").write_bytes(segment.read_bytes())
        (tmp_path / "other").rename(segment)
    elif how == "appended":
        with segment.open("ab") as file:
            file.write(b"x")
    else:
        directory.rename(tmp_path / "moved")
        directory.mkdir()
    with pytest.raises(AuditUnavailable):
        act(log)
    with pytest.raises(AuditUnavailable):
        log.intent(Event.APP_OPENED, principal="p", resource="r")
    log.close()
