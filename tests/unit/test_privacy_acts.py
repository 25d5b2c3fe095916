"""Erasure, holds, rotation and retention over a real log and vault."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.audit.errors import (
    ApprovalRefused,
    BodyDamaged,
    BodyErased,
    BodyPruned,
    BodyRefused,
    HeldBack,
)
from appliance.audit.retention import Retention
from appliance.audit.vault import Vault
from appliance.core.clock import ManualClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import BodyKind, SealedRef
from tests.fixtures.privacy import ANN, BOB, EVE, TIME, Parts, parts_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORDS = "Track who borrows the xylophone-of-quince"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with parts_in(tmp_path) as made:
        yield made


def whole(home: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def events(parts: Parts) -> list[tuple[str, str | None]]:
    return [(leaf.event, leaf.result) for _, leaf in parts.log.leaves()]


def test_words_are_on_disk_only_under_seal(parts: Parts) -> None:
    ref = parts.prompt(WORDS)
    assert parts.vault.open(ref).body == WORDS.encode()
    assert WORDS.encode() not in whole(parts.home)
    modes = {stat.S_IMODE(path.stat().st_mode) & 0o007 for path in (parts.home / "vault").rglob("*")}
    assert modes == {0}


def test_the_body_is_durable_before_the_leaf_can_name_it(parts: Parts) -> None:
    ref = parts.vault.seal(b"x", subject="maya", kind=BodyKind.CODE)
    again = Vault(parts.home / "vault", parts.home / "keys" / "vault.json", parts.clock)
    assert again.open(ref).body == b"x"


def test_erasure_needs_two_people_and_leaves_a_tombstone(parts: Parts) -> None:
    ref = parts.prompt(WORDS)
    other = parts.prompt("other words", subject="uwe")
    (parts.home / "notes.txt").write_text(f"maya: {WORDS}\nuwe: other\n")
    request = parts.privacy.request_erasure("maya", principal=ANN, reason="asked by letter")
    for who in (ANN, f" {ANN.upper()} ", ""):
        with pytest.raises(ApprovalRefused, match="two people"):
            parts.privacy.approve_erasure(request.id, principal=who)
    assert parts.vault.open(ref).body == WORDS.encode()
    parts.clock.advance(3600)
    parts.privacy.approve_erasure(request.id, principal=BOB)
    with pytest.raises(BodyErased, match=r"Erased on 2026-11-22T21:00:00\+00:00 by user:ann, approved by user:bob"):
        parts.vault.open(ref)
    assert parts.vault.open(other).body == b"other words"
    assert WORDS.encode() not in whole(parts.home)
    tombstone = [leaf for _, leaf in parts.log.leaves() if leaf.event == Event.SUBJECT_ERASED]
    assert [leaf.result for leaf in tombstone] == [None, "refused", None, "refused", None, "refused", None, "done"]
    announced, done = tombstone[-2:]
    assert (announced.details["requested_by"], announced.details["approved_by"]) == (ANN, BOB)
    assert done.details["bodies_removed"] == 1
    assert done.details["records_removed"] == {"notes": {"lines": 1}}
    assert parts.verify().intact
    with pytest.raises(ApprovalRefused, match="does not wait"):
        parts.privacy.approve_erasure(request.id, principal=BOB)


def test_nothing_of_the_key_is_left(parts: Parts) -> None:
    """Neither the key nor the bytes that the master key would unwrap it from."""
    parts.prompt(WORDS)
    (path,) = (parts.home / "vault" / "subjects").glob("*.json")
    (stored,) = json.loads(path.read_bytes())["keys"]
    held = path.open("rb")
    parts.erase("maya")
    assert held.read().strip(b"\0") == b""
    held.close()
    assert stored["wrapped"].encode() not in whole(parts.home)
    assert not list(parts.home.rglob("*.old"))


def test_a_sealed_body_kept_elsewhere_stays_shut(parts: Parts) -> None:
    """A copy of the ciphertext from before the erasure does not help, put back or not."""
    ref = parts.prompt(WORDS)
    path = parts.home / "vault" / "bodies" / ref.address[:2] / ref.address
    copy = path.read_bytes()
    parts.erase("maya")
    path.write_bytes(copy)
    with pytest.raises(BodyErased):
        parts.vault.open(ref)


def test_who_was_erased_may_come_back(parts: Parts) -> None:
    old = parts.prompt(WORDS)
    parts.erase("maya")
    new = parts.prompt("new words")
    assert parts.vault.open(new).body == b"new words"
    with pytest.raises(BodyErased):
        parts.vault.open(old)


@pytest.mark.parametrize("subject", ["maya", "*"])
def test_a_hold_stops_request_and_approval_and_names_itself(parts: Parts, subject: str) -> None:
    ref = parts.prompt(WORDS)
    request = parts.privacy.request_erasure("maya", principal=ANN, reason="asked")
    hold = parts.privacy.set_hold(subject, principal=EVE, reason="case 12/2026")
    with pytest.raises(HeldBack, match=f"{hold.id}.*case 12/2026"):
        parts.privacy.request_erasure("maya", principal=ANN, reason="asked")
    with pytest.raises(HeldBack, match=hold.id):
        parts.privacy.approve_erasure(request.id, principal=BOB)
    assert parts.vault.open(ref).body == WORDS.encode()
    parts.privacy.lift_hold(hold.id, principal=EVE, reason="case closed")
    assert parts.privacy.holds() == ()
    parts.privacy.approve_erasure(request.id, principal=BOB)
    assert [one for one in events(parts) if one[0].startswith("privacy.hold")] == [
        ("privacy.hold_set", None),
        ("privacy.hold_set", "done"),
        ("privacy.hold_lifted", None),
        ("privacy.hold_lifted", "done"),
    ]
    assert parts.verify().intact


def test_a_hold_on_another_person_does_not_matter(parts: Parts) -> None:
    parts.prompt(WORDS)
    parts.privacy.set_hold("uwe", principal=EVE, reason="case")
    parts.erase("maya")


def test_an_old_request_a_rejected_one_and_none_are_refused(parts: Parts) -> None:
    request = parts.privacy.request_erasure("maya", principal=ANN, reason="asked")
    parts.clock.advance(timedelta(days=31).total_seconds())
    with pytest.raises(ApprovalRefused, match="older than 30 days"):
        parts.privacy.approve_erasure(request.id, principal=BOB)
    fresh = parts.privacy.request_erasure("maya", principal=ANN, reason="asked")
    parts.privacy.reject_erasure(fresh.id, principal=BOB, reason="wrong person")
    for one in (fresh.id, "ers_nothing"):
        with pytest.raises(ApprovalRefused):
            parts.privacy.approve_erasure(one, principal=BOB)


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 501])
def test_reasons_are_needed(parts: Parts, reason: str) -> None:
    with pytest.raises(BodyRefused):
        parts.privacy.set_hold("maya", principal=EVE, reason=reason)
    assert parts.privacy.holds() == ()


def test_looking_is_recorded_also_when_there_is_nothing_to_see(parts: Parts) -> None:
    ref = parts.prompt(WORDS)
    assert parts.privacy.open_body(ref, principal=EVE, purpose="review").body == WORDS.encode()
    parts.erase("maya")
    with pytest.raises(BodyErased):
        parts.privacy.open_body(ref, principal=EVE, purpose="review")
    looks = [(leaf.principal, leaf.result) for _, leaf in parts.log.leaves() if leaf.event == Event.BODY_OPENED]
    assert looks == [(EVE, None), (EVE, "done"), (EVE, None), (EVE, "failed")]


def test_rotation_rewraps_without_touching_bodies(parts: Parts) -> None:
    refs = [parts.prompt(f"words {number}", subject=f"person-{number}") for number in range(5)]
    before = {path: path.read_bytes() for path in (parts.home / "vault" / "bodies").rglob("*") if path.is_file()}
    old_master = json.loads((parts.home / "keys" / "vault.json").read_bytes())
    assert parts.privacy.rotate_master_key(principal=EVE) == 5
    assert {path: path.read_bytes() for path in before} == before
    again = Vault(parts.home / "vault", parts.home / "keys" / "vault.json", parts.clock)
    assert [again.open(ref).body for ref in refs] == [f"words {number}".encode() for number in range(5)]
    secret = old_master["keys"][old_master["current"]].encode()
    assert secret not in whole(parts.home)


def test_missing_and_foreign_keys_are_damage_not_erasure(parts: Parts) -> None:
    ref = parts.prompt(WORDS)
    uwe = parts.prompt("other", subject="uwe")
    subjects = parts.home / "vault" / "subjects"
    files = {json.loads(path.read_bytes())["subject"]: path for path in subjects.glob("*.json")}
    files["maya"].write_bytes(files["uwe"].read_bytes())
    with pytest.raises(BodyDamaged, match="another person"):
        parts.vault.open(ref)
    files["maya"].unlink()
    with pytest.raises(BodyDamaged, match="no data key"):
        parts.vault.open(ref)
    (parts.home / "vault" / "bodies" / uwe.address[:2] / uwe.address).unlink()
    with pytest.raises(BodyDamaged, match="missing"):
        parts.vault.open(uwe)
    with pytest.raises(BodyDamaged):
        parts.vault.open(SealedRef("prompt", "maya", "00" * 32, "../../keys/vault.json"))
    (parts.home / "keys" / "vault.json").unlink()
    with pytest.raises(BodyDamaged, match="missing"):
        Vault(parts.home / "vault", parts.home / "keys" / "vault.json", parts.clock)


def test_retention_removes_by_kind_and_age_and_a_hold_keeps(tmp_path: Path) -> None:
    clock = ManualClock(TIME)
    with parts_in(tmp_path, clock=clock) as parts:
        old = parts.prompt("old words")
        held = parts.prompt("held words", subject="uwe")
        code = parts.prompt("old code", kind=BodyKind.CODE)
        clock.advance(timedelta(days=31).total_seconds())
        new = parts.prompt("new words")
        parts.privacy.set_hold("uwe", principal=EVE, reason="case")
        retention = Retention(parts.vault, parts.desk, parts.log, clock, {"prompt": 30, "code": 0})
        report = retention.run(principal="appliance")
        assert (report.removed, report.held) == ({"prompt": 1}, 1)
        with pytest.raises(BodyPruned, match=r"Removed on 2026-12-23T.*: a prompt is kept for 30 days"):
            parts.vault.open(old)
        assert [parts.vault.open(one).body for one in (held, code, new)] == [b"held words", b"old code", b"new words"]
        (announced,) = [leaf for _, leaf in parts.log.leaves() if leaf.event == Event.BODIES_PRUNED and not leaf.result]
        assert announced.details["addresses"] == [old.address]
        assert retention.run(principal="appliance").removed == {}
        assert parts.verify().intact
        assert (Event.BODIES_PRUNED, Outcome.DONE) in events(parts)
