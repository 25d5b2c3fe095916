"""Pruning: announced, verifiable, crash-safe; what is missing without having been announced is found."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.audit.approvals import LegalHold
from appliance.audit.errors import AuditCorrupt, HeldBack
from appliance.audit.export.errors import ExportRefused
from appliance.audit.export.view import LogView
from appliance.audit.keys import LogKey, load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.merkle import verify_inclusion
from appliance.audit.note import open_checkpoint, parse_proof
from appliance.audit.pruned import MARK, stated_minimum
from appliance.audit.pruning import EntryPruning
from appliance.audit.verify import verify_log
from appliance.core.clock import ManualClock
from appliance.core.events import Event, Outcome
from tests.fixtures.exports import TIME

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.audit.findings import VerificationReport

ACTS = 400  # 800 leaves: three full bundles


class Stop(Exception):  # noqa: N818 - not an error of the appliance
    """The moment of a crash."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    key = load_or_make_log_key(home / "keys" / "audit.json")
    with AuditLog.open(home / "audit", key, ManualClock(TIME)) as log:
        for number in range(ACTS):
            intent = log.intent(Event.APP_OPENED, principal="p", resource=f"app_{number}")
            log.outcome(intent, Outcome.DONE)
    return home


@pytest.fixture(autouse=True)
def _copied(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)


def old_log(home: Path, clock: ManualClock) -> LogKey:
    """The log of a hundred days ago, in ``home``."""
    clock.instant += timedelta(days=100)
    return load_or_make_log_key(home / "keys" / "audit.json")


def prune(log: AuditLog, home: Path, clock: ManualClock, **options: object) -> int:
    settings = {"holds": tuple, "days": 30, **options}
    return EntryPruning(log, home / "audit", clock, **settings).run(principal="appliance")  # type: ignore[arg-type]


def verify(home: Path, key: LogKey) -> VerificationReport:
    return verify_log(home / "audit", [one.text for one in key.verifier_keys])


def bundles(home: Path) -> list[str]:
    folder = home / "audit" / "tile" / "entries"
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


def test_old_entries_go_and_everything_else_still_verifies(tmp_path: Path) -> None:
    clock = ManualClock(TIME)
    key = old_log(tmp_path, clock)
    kept = (tmp_path / "audit" / "checkpoint").read_bytes()
    with AuditLog.open(tmp_path / "audit", key, clock) as log:
        assert prune(log, tmp_path, clock) == 768
        assert {one.split("/")[0] for one in bundles(tmp_path)} == {"003.p"}
        assert next(log.leaves())[0].index == 768
        place, hashes, note = parse_proof(log.proof(17))
        head = open_checkpoint(note, key.verifier_keys, origin=key.name)
        assert place == 17
        assert head.size > 800
        assert hashes
    report = verify(tmp_path, key)
    assert report.intact
    assert report.notes == ("entries pruned up to leaf 767, as leaf 800 announces",)
    assert report.published == 802
    assert verify_log(tmp_path / "audit", [one.text for one in key.verifier_keys], earlier=kept).intact
    (tmp_path / "audit" / "open-intents.json").unlink()
    with AuditLog.open(tmp_path / "audit", key, clock) as log:
        assert log.size == 802
        assert prune(log, tmp_path, clock) == 768
    view = LogView(tmp_path / "audit", key.verifier_keys)
    assert next(entry.index for entry in view.entries(768)) == 768
    with pytest.raises(ExportRefused, match="768"):
        list(view.entries(0, 10))
    entry = view.entry(800)
    verify_inclusion(entry.hash, 800, view.size, view.proof(800), view.checkpoint.root)
    assert entry.leaf.details == {"before": 0, "below": 768, "days": 30}


@pytest.mark.parametrize("name", ["000", "001", "002"])
def test_missing_without_announcement_is_found(tmp_path: Path, name: str) -> None:
    clock = ManualClock(TIME)
    key = old_log(tmp_path, clock)
    (tmp_path / "audit" / "tile" / "entries" / name).unlink()
    assert not verify(tmp_path, key).intact


@pytest.mark.parametrize(
    "mark",
    [
        {"below": 768, "leaf": 799},
        {"below": 512, "leaf": 800},
        {"below": 700, "leaf": 800},
        {"below": 768, "leaf": 801},
        {"below": 768, "leaf": 90_000},
        {"below": 768, "leaf": -1},
        {"below": "all"},
        [],
    ],
)
def test_a_forged_statement_is_found(tmp_path: Path, mark: object) -> None:
    clock = ManualClock(TIME)
    key = old_log(tmp_path, clock)
    with AuditLog.open(tmp_path / "audit", key, clock) as log:
        prune(log, tmp_path, clock)
    (tmp_path / "audit" / MARK).write_text(json.dumps(mark))
    report = verify(tmp_path, key)
    assert any(one.place == MARK for one in report.findings)
    with pytest.raises(AuditCorrupt):
        stated_minimum(tmp_path / "audit", 802)


def test_changes_in_what_is_left_are_still_found(tmp_path: Path) -> None:
    clock = ManualClock(TIME)
    key = old_log(tmp_path, clock)
    with AuditLog.open(tmp_path / "audit", key, clock) as log:
        prune(log, tmp_path, clock)
    tile = tmp_path / "audit" / "tile" / "0" / "001"
    content = bytearray(tile.read_bytes())
    content[100] ^= 1
    tile.write_bytes(content)
    assert not verify(tmp_path, key).intact


def test_holds_open_acts_lagging_exports_and_young_entries_keep_entries(tmp_path: Path) -> None:
    clock = ManualClock(TIME)
    key = old_log(tmp_path, clock)
    with AuditLog.open(tmp_path / "audit", key, clock) as log:
        assert prune(log, tmp_path, clock, days=0) == 0
        assert prune(log, tmp_path, clock, days=101) == 0
        hold = LegalHold("hold_1", "maya", "case", "user:eve", TIME.isoformat())
        with pytest.raises(HeldBack, match="hold_1"):
            prune(log, tmp_path, clock, holds=lambda: [hold])
        assert prune(log, tmp_path, clock, needed=lambda: [600]) == 512
        assert prune(log, tmp_path, clock, needed=lambda: [900, 768]) == 768
    other = tmp_path / "other"
    clock = ManualClock(TIME)
    key = load_or_make_log_key(other / "keys" / "audit.json")
    with AuditLog.open(other / "audit", key, clock) as log:
        log.intent(Event.APP_OPENED, principal="p", resource="still open")
        for _ in range(300):
            log.outcome(log.intent(Event.APP_OPENED, principal="p", resource="r"), Outcome.DONE)
        clock.advance(timedelta(days=100).total_seconds())
        assert prune(log, other, clock) == 0


@pytest.mark.parametrize("step", ["announced", "published", "stated", "removed"])
def test_stopped_at_any_step_it_verifies_and_goes_on(tmp_path: Path, step: str) -> None:
    clock = ManualClock(TIME)
    key = old_log(tmp_path, clock)

    def at(name: str) -> None:
        if name == step:
            raise Stop

    with AuditLog.open(tmp_path / "audit", key, clock) as log, pytest.raises(Stop):
        prune(log, tmp_path, clock, step=at)
    assert verify(tmp_path, key).intact
    with AuditLog.open(tmp_path / "audit", key, clock) as log:
        log.record_unknown()
        assert prune(log, tmp_path, clock) == 768
        assert log.unfinished() == ()
    assert verify(tmp_path, key).intact
    assert {one.split("/")[0] for one in bundles(tmp_path)} == {"003.p"}
