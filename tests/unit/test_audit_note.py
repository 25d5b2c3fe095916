"""Signed notes, verifier keys, checkpoints and proof texts against the vectors of golang/mod and transparency-dev."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from appliance.audit.errors import NoteError
from appliance.audit.keys import load_or_make_log_key, make_log_key, vkeys_path
from appliance.audit.note import (
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    parse_proof,
    parse_vkey,
    proof_text,
)
from appliance.core.private_files import PrivateFileError

CASES = json.loads((Path(__file__).parent.parent / "fixtures" / "vectors" / "tlog-note" / "cases.json").read_text())
TIME = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CHECKPOINT = Checkpoint("example.com/log", 3, bytes(range(32)))


def by(key: str, text: str) -> list[Any]:
    return [pytest.param(case, id=case[text]) for case in CASES[key]]


@pytest.mark.parametrize("case", by("note_open", "desc"))
def test_note_vectors(case: dict[str, Any]) -> None:
    note = case["note"].encode()
    if "prepend byte 0xff" in case["desc"]:
        note = b"\xff" + note
    keys = [parse_vkey(text) for text in case["keys"]]
    if "err" in case:
        with pytest.raises(NoteError) as refused:
            open_note(note, keys)
        if case["err"] != "malformed note":
            assert case["err"] in refused.value.cause
    else:
        opened = open_note(note, keys)
        assert (len(opened.verified), len(opened.unverified)) == (case["verified"], case["unverified"])


def test_the_vector_key_has_its_id() -> None:
    assert parse_vkey(CASES["note_keys"]["vkey"]).text == CASES["note_keys"]["vkey"]


def test_every_mangled_verifier_key_is_refused() -> None:
    vkey = CASES["note_keys"]["vkey"]
    mangled = [vkey[:stop] for stop in range(len(vkey))] + [vkey[start:] for start in range(1, len(vkey))]
    mangled += [vkey[:at] + chr(ord(vkey[at]) + 1) + vkey[at + 1 :] for at in range(len(vkey))]
    for text in [*mangled, *CASES["note_keys"]["bad_vkeys"]]:
        with pytest.raises(NoteError):
            parse_vkey(text)


@pytest.mark.parametrize("case", by("checkpoint_parse", "desc"))
def test_checkpoint_vectors(case: dict[str, Any]) -> None:
    if case["wantErr"]:
        with pytest.raises(NoteError):
            parse_checkpoint(case["checkpoint"])
    else:
        assert parse_checkpoint(case["checkpoint"]).size > 0


@pytest.mark.parametrize("case", by("tlog_proof_reject", "name"))
def test_proof_texts_to_refuse(case: dict[str, Any]) -> None:
    with pytest.raises(NoteError) as refused:
        parse_proof(case["proof"])
    if "index" not in case["name"]:
        assert case["wantErrSubstr"] in refused.value.cause


def test_leading_zeros_in_a_size_are_refused() -> None:
    with pytest.raises(NoteError):
        parse_checkpoint("Log\n0123\nYmFuYW5hcw==\n")


def test_both_signatures_of_a_log_verify() -> None:
    key = make_log_key("example.com/log")
    note = key.checkpoint_note(CHECKPOINT, TIME).encode()
    assert open_checkpoint(note, key.verifier_keys, origin="example.com/log") == CHECKPOINT
    assert len(open_note(note, key.verifier_keys).verified) == 2
    assert [one.algorithm for one in map(parse_vkey, (k.text for k in key.verifier_keys))] == ["Ed25519", "ML-DSA-44"]


@pytest.mark.parametrize("keep", [0, 1])
def test_a_stripped_signature_is_noticed(keep: int) -> None:
    key = make_log_key("example.com/log")
    note = key.checkpoint_note(CHECKPOINT, TIME)
    text, _, lines = note.rpartition("\n\n")
    stripped = f"{text}\n\n{lines.splitlines(keepends=True)[keep]}".encode()
    assert open_note(stripped, key.verifier_keys).text == CHECKPOINT.text
    with pytest.raises(NoteError, match="lacks the signature"):
        open_checkpoint(stripped, key.verifier_keys, origin="example.com/log")


@pytest.mark.parametrize("changed", [1, 2])
def test_a_changed_checkpoint_fails_both_signatures(changed: int) -> None:
    key = make_log_key("example.com/log")
    note = key.checkpoint_note(CHECKPOINT, TIME).replace("\n3\n", "\n4\n").encode()
    with pytest.raises(NoteError, match="invalid signature"):
        open_note(note, [key.verifier_keys[changed - 1]])


def test_a_checkpoint_of_another_log_is_refused() -> None:
    key = make_log_key("example.com/log")
    note = key.checkpoint_note(Checkpoint("example.com/other", 3, bytes(32)), TIME).encode()
    with pytest.raises(NoteError, match="of the log"):
        open_checkpoint(note, key.verifier_keys, origin="example.com/log")


def test_a_key_of_the_same_name_and_id_length_is_no_substitute() -> None:
    key, forger = make_log_key("example.com/log"), make_log_key("example.com/log")
    note = forger.checkpoint_note(CHECKPOINT, TIME).encode()
    with pytest.raises(NoteError, match="no verifiable"):
        open_note(note, key.verifier_keys)


def test_a_proof_text_is_read_as_written() -> None:
    key = make_log_key("example.com/log")
    note = key.checkpoint_note(CHECKPOINT, TIME)
    hashes = (bytes(32), bytes(range(32)))
    assert parse_proof(proof_text(2, hashes, note)) == (2, hashes, note.encode())
    assert parse_proof(proof_text(0, (), note)) == (0, (), note.encode())


def test_the_key_is_made_once_private_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "audit.json"
    made = load_or_make_log_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_make_log_key(path).verifier_keys == made.verifier_keys
    vkeys = [parse_vkey(line) for line in vkeys_path(path).read_text().split()]
    assert tuple(vkeys) == made.verifier_keys
    assert made.name.startswith("intramural.internal/audit/")


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    load_or_make_log_key(path)
    path.chmod(0o640)
    with pytest.raises(PrivateFileError):
        load_or_make_log_key(path)


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    load_or_make_log_key(path)
    path.write_text("{}")
    with pytest.raises(NoteError, match="damaged"):
        load_or_make_log_key(path)


def test_names_with_spaces_or_plus_are_refused() -> None:
    for name in ("two words", "a+b", "", "a\u00a0b"):
        with pytest.raises(NoteError):
            parse_vkey(VerifierKey(name, 1, bytes(32)).text)
