"""The witness: what it signs, what it refuses and with which status, and that it forgets nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from appliance.audit.cosign import WitnessKey, cosigned_at, load_witness_key, make_witness_key, store_witness_key
from appliance.audit.errors import AuditCorrupt, AuditLocked, NoteError
from appliance.audit.keys import LogKey, make_log_key
from appliance.audit.merkle import consistency_proof, leaf_hash, nodes_of, tree_hash
from appliance.audit.note import Checkpoint, open_note, parse_vkey
from appliance.audit.witness import Witness, origin_id, read_logs
from appliance.audit.witness_request import MAX_REQUEST_BYTES, parse_request, request_body
from appliance.core.clock import ManualClock
from appliance.core.private_files import PrivateFileError

VECTORS = Path(__file__).parents[1] / "fixtures" / "vectors" / "tlog-witness-litewitness"
TIME = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
CLOCK = ManualClock(TIME)
LEAVES = [leaf_hash(b"%d" % number) for number in range(40)]
FORK = [*LEAVES[:9], leaf_hash(b"another"), *LEAVES[10:]]


@pytest.fixture(scope="module")
def key() -> LogKey:
    return make_log_key("example.com/audit")


@pytest.fixture(scope="module")
def own() -> WitnessKey:
    return make_witness_key("example.com/witness")


def open_witness(folder: Path, own: WitnessKey, key: LogKey) -> Witness:
    return Witness(folder, own, CLOCK, {key.name: key.verifier_keys})


@pytest.fixture
def witness(tmp_path: Path, own: WitnessKey, key: LogKey) -> Iterator[Witness]:
    state = open_witness(tmp_path, own, key)
    yield state
    state.close()


def note(key: LogKey, size: int, leaves: list[bytes] = LEAVES) -> bytes:
    return key.checkpoint_note(Checkpoint(key.name, size, tree_hash(leaves[:size])), TIME).encode()


def request(key: LogKey, old: int, size: int, leaves: list[bytes] = LEAVES) -> bytes:
    proof = consistency_proof(old, size, nodes_of(leaves)) if 0 < old <= size else ()
    return request_body(old, proof, note(key, size, leaves))


@pytest.mark.parametrize("conversation", ["litewitness", "sumdb"])
def test_the_conversations_of_another_witness(tmp_path: Path, own: WitnessKey, conversation: str) -> None:
    """An unknown log was a 403 when they were recorded; the specification says 404 since."""
    logs = json.loads((VECTORS / "logs.json").read_text())
    log = logs[conversation]
    witness = Witness(tmp_path, own, CLOCK, {log["origin"]: (parse_vkey(log["public_key"]),)})
    steps = [json.loads(line) for line in (VECTORS / "conversations.jsonl").read_text().splitlines()]
    for step in (one for one in steps if one["conversation"] == conversation):
        answer = witness.add_checkpoint(step["body"].encode())
        expected = step["response_body"]
        unknown = expected.get("contains") == "unknown log"
        assert answer.status == (404 if unknown else step["status"]), step["step"]
        body = answer.body.decode()
        assert expected.get("contains", "") in body
        assert body == expected.get("equals", body)
    kept = witness.latest(origin_id(log["origin"]))
    assert kept is not None
    assert f"\n{log['final_size']}\n" in kept.decode()


def test_a_growing_log_is_cosigned_with_both_kinds_of_key(witness: Witness, own: WitnessKey, key: LogKey) -> None:
    for old, size in ((0, 3), (3, 3), (3, 8), (8, 9), (9, 40)):
        answer = witness.add_checkpoint(request(key, old, size))
        assert answer.status == 200
        opened = open_note(note(key, size) + answer.body, own.verifier_keys)
        assert len(opened.verified) == 2
        assert {cosigned_at(one) for one in opened.verified} == {int(TIME.timestamp())}


def test_what_does_not_continue_is_refused(witness: Witness, key: LogKey) -> None:
    assert witness.add_checkpoint(request(key, 0, 12)).status == 200
    stranger = make_log_key("example.com/other")
    forger = make_log_key(key.name)
    wrong_proof = request_body(12, consistency_proof(12, 20, nodes_of(FORK)), note(key, 20))
    cases = {
        "rollback": (request(key, 8, 9), 409),
        "old too small": (request(key, 0, 20), 409),
        "old too large": (request(key, 13, 20), 409),
        "other root, same size": (request(key, 12, 12, FORK), 409),
        "fork": (request(key, 12, 20, FORK), 422),
        "wrong proof": (wrong_proof, 422),
        "no proof": (request_body(12, (), note(key, 20)), 422),
        "proof for equal sizes": (request_body(12, (bytes(32),), note(key, 12)), 422),
        "old larger than new": (request_body(13, (), note(key, 12)), 400),
        "unknown": (request(stranger, 0, 3), 404),
        "forged": (request(forger, 12, 13), 403),
        "one signature": (request_body(12, (), key.commit_note(Checkpoint(key.name, 13, bytes(32))).encode()), 403),
        "garbage": (b"garbage", 400),
        "no note": (b"old 12\n\n", 400),
        "large": (b"old 12\n\n" + bytes(MAX_REQUEST_BYTES), 400),
    }
    for name, (body, status) in cases.items():
        answer = witness.add_checkpoint(body)
        assert answer.status == status, name
        if status == 409:
            assert (answer.body, answer.content_type) == (b"12\n", "text/x.tlog.size")
    assert witness.add_checkpoint(request(key, 12, 20)).status == 200


def test_an_empty_tree_has_one_root_and_needs_no_proof(witness: Witness, key: LogKey) -> None:
    false = key.checkpoint_note(Checkpoint(key.name, 0, bytes(32)), TIME).encode()
    assert witness.add_checkpoint(request_body(0, (), false)).status == 422
    assert witness.add_checkpoint(request_body(0, (bytes(32),), note(key, 3))).status == 422
    assert witness.add_checkpoint(request(key, 0, 0)).status == 200
    assert witness.add_checkpoint(request(key, 0, 3)).status == 200


def test_a_new_start_remembers(tmp_path: Path, own: WitnessKey, key: LogKey) -> None:
    first = open_witness(tmp_path, own, key)
    with pytest.raises(AuditLocked):
        open_witness(tmp_path, own, key)
    # A line in the name of the witness that somebody added on the way must not spoil what it keeps.
    false = f"— {own.name} {'A' * 8}{own.verifier_keys[0].key_id.hex()}\n".encode()
    assert first.add_checkpoint(request(key, 0, 12) + false).status == 200
    first.close()
    second = open_witness(tmp_path, own, key)
    assert second.add_checkpoint(request(key, 0, 3, FORK)).status == 409
    assert second.add_checkpoint(request(key, 12, 13)).status == 200
    second.close()
    (path,) = (tmp_path / "seen").iterdir()
    path.write_bytes(note(key, 3))
    with pytest.raises(AuditCorrupt, match="memory"):
        open_witness(tmp_path, own, key)


def test_without_a_durable_memory_nothing_is_signed(tmp_path: Path, own: WitnessKey, key: LogKey) -> None:
    witness = open_witness(tmp_path, own, key)
    (tmp_path / "seen").write_text("in the way")
    assert witness.add_checkpoint(request(key, 0, 3)).status == 500
    (tmp_path / "seen").unlink()
    assert witness.add_checkpoint(request(key, 0, 3)).status == 500
    witness.close()
    again = open_witness(tmp_path, own, key)
    assert again.add_checkpoint(request(key, 0, 3)).status == 200
    again.close()


@pytest.mark.parametrize(
    "body",
    [
        b"old 01\n\nx",
        b"old -1\n\nx",
        b"old 1 \n\nx",
        b"old 1\r\n\nx",
        b"old 1\nAA==\n\nx",
        b"old 1\n\xff\n\nx",
        b"old 1\n",
        b"old 1\n" + b"A" * 43 + b"=\n" * 64 + b"\nx",
        b"old " + b"9" * 19 + b"\n\nx",
    ],
)
def test_malformed_requests_are_refused(body: bytes) -> None:
    with pytest.raises(NoteError):
        parse_request(body)


def test_a_request_is_read_as_it_was_written(key: LogKey) -> None:
    body = request(key, 7, 12)
    assert parse_request(body).body == body


def test_the_key_is_kept_private_and_read_again(tmp_path: Path, own: WitnessKey) -> None:
    path = tmp_path / "witness.json"
    store_witness_key(path, own)
    assert load_witness_key(path).verifier_keys == own.verifier_keys
    assert path.with_name("witness.json.vkeys").read_text() == "".join(f"{one.text}\n" for one in own.verifier_keys)
    path.chmod(0o644)
    with pytest.raises(PrivateFileError):
        load_witness_key(path)
    for name in ("", "a b", "a+b", "x" * 256):
        with pytest.raises(NoteError):
            make_witness_key(name)
    with pytest.raises(NoteError):
        load_witness_key(tmp_path / "none")


def test_logs_are_read_from_their_key_files(tmp_path: Path, key: LogKey) -> None:
    (tmp_path / "one.vkeys").write_text("".join(f"{one.text}\n" for one in key.verifier_keys))
    assert read_logs(tmp_path) == {key.name: key.verifier_keys}
    (tmp_path / "two.vkeys").write_text(f"{key.classical.text}\n{make_log_key('other').classical.text}\n")
    with pytest.raises(NoteError):
        read_logs(tmp_path)
