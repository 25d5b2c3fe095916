"""What somebody with the rights of the appliance could do to the files, and that the verifier names it."""

from __future__ import annotations

import base64
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.audit.errors import AuditCorrupt, NoteError
from appliance.audit.findings import VerificationReport
from appliance.audit.keys import LogKey, load_or_make_log_key, make_log_key, vkeys_path
from appliance.audit.leaf import encode_leaf
from appliance.audit.log import AuditLog
from appliance.audit.merkle import leaf_hash
from appliance.audit.note import Checkpoint
from appliance.audit.report import IMPOSSIBLE, INTACT, KEY_FILE, TAMPERED, main_verify
from appliance.audit.storage import TileStore
from appliance.audit.tiles import TileBuilder, frame, parse_bundle
from appliance.audit.verify import verify_log
from appliance.core.clock import ManualClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef

TIME = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CLOCK = ManualClock(TIME)
ACTS = 300  # 600 leaves: two full bundles and a partial one


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, key: LogKey) -> Path:
    directory = tmp_path_factory.mktemp("log") / "audit"
    with AuditLog.open(directory, key, CLOCK, publish_seconds=30) as log:
        for number in range(ACTS):
            intent = log.intent(Event.BUILD_STARTED, principal="demo-maya", resource=f"app_{number}")
            log.outcome(intent, Outcome.DONE)
    return directory


@pytest.fixture
def log(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "audit"))


def verify(directory: Path, key: LogKey, **options: bytes) -> VerificationReport:
    return verify_log(directory, [one.text for one in key.verifier_keys], **options)


def test_an_untouched_log_is_intact(log: Path, key: LogKey) -> None:
    report = verify(log, key)
    assert report.intact
    assert (report.published, report.journaled, report.outcomes, report.unfinished) == (600, 0, 300, ())


def test_every_flipped_bit_of_an_entry_is_found_at_its_leaf(log: Path, key: LogKey) -> None:
    bundle = log / "tile" / "entries" / "001"
    entries = parse_bundle(bundle.read_bytes())
    offset = sum(2 + len(entry) for entry in entries[:17]) + 2
    for at in (0, 40, len(entries[17]) - 1):
        content = bytearray(bundle.read_bytes())
        content[offset + at] ^= 1
        bundle.write_bytes(content)
        findings = verify(log, key).findings
        assert any((one.first, one.last) == (273, 273) and "not the one" in one.problem for one in findings)
        content[offset + at] ^= 1
        bundle.write_bytes(content)
    assert verify(log, key).intact


def test_a_flipped_bit_of_a_tile_is_found_at_its_leaf(log: Path, key: LogKey) -> None:
    tile = log / "tile" / "0" / "000"
    content = bytearray(tile.read_bytes())
    content[32 * 5] ^= 128
    tile.write_bytes(content)
    (finding,) = verify(log, key).findings
    assert (finding.first, finding.last, finding.place) == (5, 5, "tile/0/000")
    assert "hash was altered" in finding.problem


def test_a_flipped_bit_of_an_upper_tile_names_its_leaves(log: Path, key: LogKey) -> None:
    tile = log / "tile" / "1" / "000.p" / "2"
    content = bytearray(tile.read_bytes())
    content[40] ^= 1
    tile.write_bytes(content)
    (finding,) = verify(log, key).findings
    assert (finding.first, finding.last) == (256, 511)


def rewrite(directory: Path, index: int, entry: bytes) -> None:
    """Replace an entry and its hash consistently, as a careful forger would."""
    number, at = divmod(index, 256)
    name = f"{number:03d}" if number < 2 else "002.p/88"
    bundle, tile = directory / "tile" / "entries" / name, directory / "tile" / "0" / name
    entries = parse_bundle(bundle.read_bytes())
    entries[at] = entry
    bundle.write_bytes(b"".join(map(frame, entries)))
    content = bytearray(tile.read_bytes())
    content[at * 32 : at * 32 + 32] = leaf_hash(entry)
    tile.write_bytes(content)


@pytest.mark.parametrize(("index", "first", "last"), [(30, 0, 255), (300, 256, 511), (520, 0, 599)])
def test_a_rewritten_leaf_with_its_hash_is_found(log: Path, key: LogKey, index: int, first: int, last: int) -> None:
    rewrite(log, index, encode_leaf(time=TIME, event="build.started", principal="demo-uwe", resource="app_0"))
    found = {(one.first, one.last) for one in verify(log, key).findings}
    assert (first, last) in found


FILES = {
    "tile/entries/000": (0, 255),
    "tile/entries/002.p/88": (512, 599),
    "tile/0/001": (256, 511),
    "tile/1/000.p/2": (0, 511),
    "checkpoint": (None, None),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["deleted", "truncated", "emptied"])
def test_missing_and_cut_files_are_named(log: Path, key: LogKey, name: str, how: str) -> None:
    path = log / name
    content = path.read_bytes()
    if how == "deleted":
        path.unlink()
    else:
        path.write_bytes(content[:-7] if how == "truncated" else b"")
    findings = verify(log, key).findings
    # A checkpoint whose signatures are cut still says how many leaves it was for.
    place = (0, 599) if (name, how) == ("checkpoint", "truncated") else FILES[name]
    assert any((one.place, (one.first, one.last)) == (name, place) for one in findings)


def test_forged_checkpoints_are_found_with_the_leaves_they_claim(log: Path, key: LogKey) -> None:
    genuine = (log / "checkpoint").read_bytes()
    signatures = genuine.rpartition(b"\n\n")[2]
    forger = make_log_key(key.name)
    head = Checkpoint(key.name, 600, bytes(32))
    forged = (
        forger.checkpoint_note(head, TIME).encode(),
        head.text.encode() + b"\n" + signatures,
        Checkpoint(key.name, 599, bytes(32)).text.encode() + b"\n" + signatures,
        key.commit_note(head).encode(),
    )
    for note in forged:
        (log / "checkpoint").write_bytes(note)
        (finding,) = verify(log, key).findings
        assert (finding.place, finding.first) == ("checkpoint", 0)
        assert finding.last in (598, 599)
        with pytest.raises(AuditCorrupt):
            AuditLog.open(log, key, CLOCK)
    (log / "checkpoint").write_bytes(genuine)
    assert verify(log, key).intact


@pytest.mark.parametrize("level", ["entries", "0"])
def test_swapped_files_are_found(log: Path, key: LogKey, level: str) -> None:
    folder = log / "tile" / level
    (folder / "000").rename(folder / "x")
    (folder / "001").rename(folder / "000")
    (folder / "x").rename(folder / "001")
    found = {(one.first, one.last) for one in verify(log, key).findings}
    assert {(0, 255), (256, 511)} <= found


def test_an_entry_added_to_a_partial_bundle_is_found(log: Path, key: LogKey) -> None:
    bundle = log / "tile" / "entries" / "002.p" / "88"
    bundle.write_bytes(bundle.read_bytes() + frame(b"{}"))
    (finding,) = verify(log, key).findings
    assert (finding.first, finding.last) == (512, 599)
    assert "89 entries instead of 88" in finding.problem


def test_an_earlier_checkpoint_shows_that_the_end_was_cut_off(tmp_path: Path, key: LogKey) -> None:
    directory = tmp_path / "audit"
    with AuditLog.open(directory, key, CLOCK) as log:
        log.intent(Event.BUILD_STARTED, principal="p", resource="r")
        log.checkpoint()
        backup = shutil.copytree(directory, tmp_path / "backup", ignore=shutil.ignore_patterns("reserve*"))
        log.intent(Event.APP_OPENED, principal="p", resource="r")
        kept = log.checkpoint().encode()
    assert verify(directory, key, earlier=kept).intact
    assert verify(backup, key).intact
    (finding,) = verify(backup, key, earlier=kept).findings
    assert "cut off" in finding.problem


def test_an_earlier_checkpoint_shows_a_rewritten_history(finished: Path, key: LogKey, tmp_path: Path) -> None:
    """The key's owner signs another history: only a checkpoint kept elsewhere tells."""
    kept = (finished / "checkpoint").read_bytes()
    forged = tmp_path / "forged"
    with AuditLog.open(forged, key, CLOCK) as log:
        for _ in range(601):
            log.intent(Event.BUILD_STARTED, principal="demo-uwe", resource="app_1")
    assert verify(forged, key).intact
    (finding,) = verify(forged, key, earlier=kept).findings
    assert "history changed" in finding.problem
    other = make_log_key("example.com/other").checkpoint_note(Checkpoint("example.com/other", 0, bytes(32)), TIME)
    assert not verify(finished, key, earlier=other.encode()).intact


def signed_log(directory: Path, key: LogKey, entries: list[bytes]) -> None:
    """A log with any content, properly signed: what a faulty or malicious writer could produce."""
    builder = TileBuilder()
    files = builder.extend(entries, [leaf_hash(entry) for entry in entries]) + builder.partial_files()
    directory.mkdir()
    checkpoint = Checkpoint(key.name, builder.size, builder.frontier().root())
    TileStore(directory).publish(files, key.checkpoint_note(checkpoint, TIME))


def leaf(**values: object) -> bytes:
    return encode_leaf(**{"time": TIME, "event": "x", "principal": "p", "resource": "r", **values})  # type: ignore[arg-type]


INTENT = leaf()
REF = LeafRef(0, leaf_hash(INTENT).hex())
END = leaf(intent=REF, result=Outcome.DONE)


@pytest.mark.parametrize(
    ("entries", "index"),
    [
        ([INTENT, b"{}"], 1),
        ([INTENT, INTENT.replace(b":", b": ", 1)], 1),
        ([END], 0),
        ([INTENT, END, END], 2),
        ([INTENT, leaf(intent=LeafRef(0, "00" * 32), result=Outcome.DONE)], 1),
        ([INTENT, leaf(intent=LeafRef(1, REF.leaf_hash), result=Outcome.DONE)], 1),
        ([INTENT, leaf(intent=REF, result=Outcome.DONE, principal="q")], 1),
    ],
)
def test_signed_nonsense_is_named(tmp_path: Path, key: LogKey, entries: list[bytes], index: int) -> None:
    signed_log(tmp_path / "audit", key, entries)
    (finding,) = verify(tmp_path / "audit", key).findings
    assert (finding.first, finding.last) == (index, index)


@pytest.mark.parametrize("name", ["checkpoint", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/002.p/88"])
def test_a_damaged_log_is_not_continued(log: Path, key: LogKey, name: str) -> None:
    content = bytearray((log / name).read_bytes())
    content[20] ^= 1
    (log / name).write_bytes(content)
    (log / "open-intents.json").unlink()
    with pytest.raises(AuditCorrupt):
        AuditLog.open(log, key, CLOCK)
    assert (log / name).read_bytes() == content


def test_the_verdict_in_words(tmp_path: Path) -> None:
    key = load_or_make_log_key(tmp_path / KEY_FILE)
    with AuditLog.open(tmp_path / "audit", key, CLOCK) as log:
        intent = log.intent(Event.BUILD_STARTED, principal="p", resource="r")
        log.outcome(intent, Outcome.DONE)
    code, text = main_verify(tmp_path / "audit")
    assert code == INTACT
    assert "all 2 entries are as they were written" in text
    assert key.name in text
    code, text = main_verify(tmp_path / "audit", as_json=True)
    assert json.loads(text)["intact"] is True
    (tmp_path / "audit" / "tile" / "0" / "000.p" / "2").write_bytes(bytes(64))
    code, text = main_verify(tmp_path / "audit")
    assert code == TAMPERED
    assert "leaves 0 to 1" in text
    vkeys_path(tmp_path / KEY_FILE).unlink()
    assert main_verify(tmp_path / "audit")[0] == IMPOSSIBLE
    assert main_verify(tmp_path / "nowhere", vkeys_file=tmp_path / "none")[0] == IMPOSSIBLE


def test_without_a_key_or_with_a_broken_one_nothing_is_claimed(log: Path, key: LogKey) -> None:
    for vkeys in ([], ["x"], [key.verifier_keys[0].text + base64.b64encode(b"x").decode()]):
        with pytest.raises(NoteError):
            verify_log(log, vkeys)
    assert not verify(log, make_log_key(key.name)).intact
