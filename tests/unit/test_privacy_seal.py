"""Sealing: the vectors of Wycheproof and C2SP, and everything that must not open."""

from __future__ import annotations

import hashlib
import json
import struct
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.audit import xaes
from appliance.audit.errors import BodyDamaged, BodyRefused
from appliance.audit.seal import (
    MAX_BODY_BYTES,
    DataKey,
    address_of,
    new_key,
    open_sealed,
    read_header,
    salted_digest,
    seal,
    unwrap,
    wrap,
)
from appliance.core.ports import BodyKind, SealedRef

VECTORS = Path(__file__).parent.parent / "fixtures" / "vectors"
TIME = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
NONCE = b"ABCDEFGHIJKLMNOPQRSTUVWX"


def wycheproof() -> list[tuple[str, str, str, str, str, str, str]]:
    groups = json.loads((VECTORS / "wycheproof" / "aes_gcm_test.json").read_text())["testGroups"]
    return [
        (one["key"], one["iv"], one["aad"], one["msg"], one["ct"], one["tag"], one["result"])
        for group in groups
        for one in group["tests"]
    ]


def test_the_library_agrees_with_wycheproof() -> None:
    """316 cases; the library refuses only nonces of unusual length (under 8 or over 128 bytes)."""
    verdicts = []
    for key, iv, aad, message, ciphertext, tag, result in wycheproof():
        sealed = bytes.fromhex(ciphertext + tag)
        try:
            opened = AESGCM(bytes.fromhex(key)).decrypt(bytes.fromhex(iv), sealed, bytes.fromhex(aad))
        except (InvalidTag, ValueError):
            verdicts.append((result, "refused", len(iv) // 2))
            continue
        assert opened == bytes.fromhex(message)
        verdicts.append((result, "opened", len(iv) // 2))
    assert len(verdicts) == 316
    assert not [one for one in verdicts if one[0] == "invalid" and one[1] == "opened"]
    assert not [one for one in verdicts if one[0] == "valid" and one[1] == "refused" and 8 <= one[2] <= 128]


@pytest.mark.parametrize(
    ("key", "associated", "expected"),
    [
        ("01" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        ("03" * 32, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_xaes_vectors(key: str, associated: bytes, expected: str) -> None:
    sealed = xaes.encrypt(bytes.fromhex(key), NONCE, b"XAES-256-GCM", associated)
    assert sealed.hex() == expected
    assert xaes.decrypt(bytes.fromhex(key), NONCE, sealed, associated) == b"XAES-256-GCM"
    assert xaes.decrypt(bytes.fromhex(key), NONCE, sealed, associated + b"x") is None


def test_xaes_accumulated_vectors() -> None:
    stream = hashlib.shake_128(b"").digest(8_000_000)
    at = 0

    def take(length: int) -> bytes:
        nonlocal at
        at += length
        return stream[at - length : at]

    total = hashlib.shake_128()
    for _ in range(10_000):
        key, nonce = take(32), take(24)
        plaintext = take(take(1)[0])
        associated = take(take(1)[0])
        total.update(xaes.encrypt(key, nonce, plaintext, associated))
    assert total.hexdigest(32) == "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"


@pytest.mark.parametrize(("key", "nonce"), [(31, 24), (32, 12), (0, 24), (32, 25)])
def test_wrong_lengths_are_refused(key: int, nonce: int) -> None:
    with pytest.raises(ValueError, match="needed"):
        xaes.derive(bytes(key), bytes(nonce))


KEY = new_key("dek")
BODY = b"Track seedlings for the greenhouse"
REF, SEALED = seal(BODY, KEY, subject="demo-maya", kind=BodyKind.PROMPT, time=TIME)


@given(st.binary(max_size=2000), st.text(min_size=1, max_size=60), st.sampled_from(BodyKind))
def test_what_was_sealed_opens(body: bytes, subject: str, kind: BodyKind) -> None:
    try:
        subject.encode()
    except UnicodeEncodeError:
        return
    ref, sealed = seal(body, KEY, subject=subject, kind=kind, time=TIME)
    assert open_sealed(sealed, KEY, ref).body == body
    header = read_header(sealed)
    assert (header.subject, header.kind, header.key, header.sealed_at) == (subject, kind, KEY.id, TIME)
    assert body not in sealed or len(body) < 8


def test_equal_bodies_look_different() -> None:
    """Fresh salt and nonce each time: neither digest nor ciphertext tells that somebody wrote the same twice."""
    made = [seal(BODY, KEY, subject="demo-maya", kind=BodyKind.PROMPT, time=TIME) for _ in range(50)]
    assert len({ref.digest for ref, _ in made}) == 50
    assert len({read_header(sealed).nonce for _, sealed in made}) == 50


@settings(max_examples=300)
@given(st.integers(0, len(SEALED) - 1), st.integers(1, 255))
def test_no_changed_byte_opens(at: int, change: int) -> None:
    content = bytearray(SEALED)
    content[at] ^= change
    changed = bytes(content)
    with pytest.raises(BodyDamaged):
        open_sealed(changed, KEY, REF)
    moved = SealedRef(REF.kind, REF.subject, REF.digest, address_of(changed))
    with pytest.raises(BodyDamaged):
        open_sealed(changed, KEY, moved)


@pytest.mark.parametrize("cut", [0, 3, 5, 40, len(SEALED) - 1])
def test_nothing_cut_opens(cut: int) -> None:
    with pytest.raises(BodyDamaged):
        open_sealed(SEALED[:cut], KEY, SealedRef(REF.kind, REF.subject, REF.digest, address_of(SEALED[:cut])))


def test_a_body_does_not_open_for_another_leaf_person_kind_or_key() -> None:
    other_ref, other = seal(BODY, KEY, subject="demo-maya", kind=BodyKind.PROMPT, time=TIME)
    for ref in (
        SealedRef("code", REF.subject, REF.digest, REF.address),
        SealedRef(REF.kind, "demo-uwe", REF.digest, REF.address),
        SealedRef(REF.kind, REF.subject, other_ref.digest, REF.address),
    ):
        with pytest.raises(BodyDamaged, match="another leaf"):
            open_sealed(SEALED, KEY, ref)
    with pytest.raises(BodyDamaged, match="not the ones"):
        open_sealed(other, KEY, REF)
    with pytest.raises(BodyDamaged, match="sealed under"):
        open_sealed(SEALED, new_key("dek"), REF)
    with pytest.raises(BodyDamaged, match="does not open"):
        open_sealed(SEALED, DataKey(KEY.id, bytes(32)), REF)


def test_the_header_is_authenticated() -> None:
    """A header that is rewritten consistently, with leaf and address, still does not open: it is associated data."""
    (length,) = struct.unpack(">H", SEALED[4:6])
    head = json.loads(SEALED[6 : 6 + length])
    head["subject"] = "demo-uwe_"
    encoded = json.dumps(head, separators=(",", ":"), sort_keys=True).encode()
    forged = SEALED[:4] + struct.pack(">H", len(encoded)) + encoded + SEALED[6 + length :]
    ref = SealedRef(REF.kind, "demo-uwe_", REF.digest, address_of(forged))
    with pytest.raises(BodyDamaged, match="does not open"):
        open_sealed(forged, KEY, ref)


def test_a_lying_digest_is_found_after_decryption() -> None:
    """Whoever holds the key could seal a header whose digest is not the body's."""
    salt, nonce = bytes(32), bytes(24)
    digest = salted_digest(salt, subject="demo-maya", kind="prompt", body=b"something else")
    header = {"digest": digest, "key": KEY.id, "kind": "prompt", "nonce": nonce.hex(), "subject": "demo-maya"}
    encoded = json.dumps({**header, "time": TIME.isoformat(), "v": 1}, separators=(",", ":"), sort_keys=True).encode()
    head = b"IMSB" + struct.pack(">H", len(encoded)) + encoded
    sealed = head + xaes.encrypt(KEY.secret, nonce, salt + BODY, head)
    with pytest.raises(BodyDamaged, match="does not have the digest"):
        open_sealed(sealed, KEY, SealedRef("prompt", "demo-maya", digest, address_of(sealed)))


def test_parts_of_a_digest_cannot_shift() -> None:
    salt = bytes(32)
    digests = {
        salted_digest(salt, subject=subject, kind=kind, body=body)
        for subject, kind, body in [("a", "bc", b"d"), ("ab", "c", b"d"), ("a", "b", b"cd"), ("", "abc", b"d")]
    }
    assert len(digests) == 4


def test_too_much_or_nobodys_is_refused() -> None:
    for body, subject in ((bytes(MAX_BODY_BYTES + 1), "demo-maya"), (b"", ""), (b"", "x" * 513)):
        with pytest.raises(BodyRefused):
            seal(body, KEY, subject=subject, kind=BodyKind.CODE, time=TIME)


def test_a_wrapped_key_belongs_to_master_name_and_person() -> None:
    master = new_key("kek")
    wrapped = wrap(master, KEY, "demo-maya")
    assert unwrap(master, KEY.id, wrapped, "demo-maya") == KEY
    assert wrap(master, KEY, "demo-maya") != wrapped
    for other, name, subject in (
        (DataKey(master.id, bytes(32)), KEY.id, "demo-maya"),
        (DataKey("kek_other", master.secret), KEY.id, "demo-maya"),
        (master, "dek_other", "demo-maya"),
        (master, KEY.id, "demo-uwe"),
    ):
        with pytest.raises(BodyDamaged):
            unwrap(other, name, wrapped, subject)
    for content in (wrapped[:-1], b"", wrapped[:20]):
        with pytest.raises(BodyDamaged):
            unwrap(master, KEY.id, content, "demo-maya")


def test_keys_do_not_show_in_logs() -> None:
    assert KEY.secret.hex() not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)
