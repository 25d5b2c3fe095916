"""Sealing: what a person wrote becomes bytes that only the person's data key opens. Nothing here does I/O.

A sealed body is, in this order:

    magic "IMSB" ‖ u16 length of the header ‖ header ‖ XAES-256-GCM ciphertext of (salt[32] ‖ body)

The header is canonical JSON (``digest``, ``key``, ``kind``, ``nonce``, ``subject``, ``time``, ``v``) and, together with
magic and length, the associated data: a body cannot be moved to another person, kind, leaf or time. The digest is
``SHA-256(label ‖ salt ‖ subject ‖ kind ‖ body)``; it stands in the leaf. The salt exists only under the seal: once the
key is destroyed nobody can test a guess against the leaf. Opening computes the digest again, which also makes up for
AES-GCM not committing to its key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec
import rfc8785

from appliance.audit import xaes
from appliance.audit.errors import BodyDamaged, BodyRefused
from appliance.core.ports import BodyKind, SealedRef

MAX_BODY_BYTES: Final = 16 << 20
SALT_BYTES: Final = 32
_MAGIC: Final = b"IMSB"
_LABEL: Final = b"intramural sealed body v1\x00"
_WRAP_LABEL: Final = b"intramural data key v1\x00"
_MAX_HEADER: Final = 4096
_MAX_SUBJECT: Final = 512

Entropy = Callable[[int], bytes]
"""So many random bytes, fit for keys."""


@dataclass(frozen=True)
class DataKey:
    """A symmetric key with its public name."""

    id: str
    secret: bytes = field(repr=False)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a sealed body says of itself without being opened; authenticated when it is opened."""

    digest: str
    key: str
    kind: str
    nonce: str
    subject: str
    time: str
    v: Literal[1]

    @property
    def sealed_at(self) -> datetime:
        """When it was sealed, in UTC."""
        return datetime.fromisoformat(self.time)


def new_key(prefix: str, entropy: Entropy = secrets.token_bytes) -> DataKey:
    """A fresh key with a random name."""
    return DataKey(f"{prefix}_{entropy(10).hex()}", entropy(xaes.KEY_BYTES))


def seal(
    body: bytes, key: DataKey, *, subject: str, kind: BodyKind, time: datetime, entropy: Entropy = secrets.token_bytes
) -> tuple[SealedRef, bytes]:
    """Seal ``body``; returns what a leaf says of it, and the sealed bytes.

    Raises:
        BodyRefused: larger than 16 MiB, or a subject that is empty or longer than 512 bytes.
    """
    if len(body) > MAX_BODY_BYTES or not 0 < len(subject.encode()) <= _MAX_SUBJECT:
        message = "This is too large to be kept under seal."
        raise BodyRefused(message, cause=f"{len(body)} bytes", action=f"At most {MAX_BODY_BYTES} bytes are possible.")
    salt, nonce = entropy(SALT_BYTES), entropy(xaes.NONCE_BYTES)
    digest = salted_digest(salt, subject=subject, kind=kind, body=body)
    header = {
        "digest": digest,
        "key": key.id,
        "kind": kind.value,
        "nonce": nonce.hex(),
        "subject": subject,
        "time": time.astimezone(UTC).isoformat(timespec="seconds"),
        "v": 1,
    }
    encoded = rfc8785.dumps(header)
    head = _MAGIC + struct.pack(">H", len(encoded)) + encoded
    sealed = head + xaes.encrypt(key.secret, nonce, salt + body, head)
    return SealedRef(kind=kind, subject=subject, digest=digest, address=address_of(sealed)), sealed


def address_of(sealed: bytes) -> str:
    """The content address: SHA-256 of the sealed bytes, in hex."""
    return hashlib.sha256(sealed).hexdigest()


def salted_digest(salt: bytes, *, subject: str, kind: str, body: bytes) -> str:
    """The digest that stands in the leaf, in hex. Lengths are written before the texts, so nothing can shift."""
    hashed = hashlib.sha256(_LABEL + salt)
    for text in (subject.encode(), kind.encode()):
        hashed.update(struct.pack(">I", len(text)) + text)
    hashed.update(body)
    return hashed.hexdigest()


def read_header(sealed: bytes) -> Header:
    """The header of sealed bytes (or of their first 4 KiB), not authenticated yet.

    Raises:
        BodyDamaged: these are no sealed bytes of this version.
    """
    return _split(sealed)[0]


@dataclass(frozen=True)
class Opened:
    """A body and the salt that its digest was made with: together they prove to anybody what the leaf is about."""

    body: bytes = field(repr=False)
    salt: bytes = field(repr=False)


def open_sealed(sealed: bytes, key: DataKey, ref: SealedRef) -> Opened:
    """The body, if ``sealed`` is the one that ``ref`` names and ``key`` opens it.

    Raises:
        BodyDamaged: anything does not fit; the cause says what.
    """
    if not hmac.compare_digest(address_of(sealed), ref.address):
        raise damaged("the bytes are not the ones that the leaf names")
    header, head = _split(sealed)
    if (header.subject, header.kind, header.digest) != (ref.subject, ref.kind, ref.digest):
        raise damaged("the sealed body belongs to another leaf")
    if header.key != key.id:
        raise damaged(f"it is sealed under {header.key}, not under {key.id}")
    plain = xaes.decrypt(key.secret, bytes.fromhex(header.nonce), sealed[len(head) :], head)
    if plain is None or len(plain) < SALT_BYTES:
        raise damaged("the key does not open it")
    salt, body = plain[:SALT_BYTES], plain[SALT_BYTES:]
    if not hmac.compare_digest(salted_digest(salt, subject=ref.subject, kind=ref.kind, body=body), ref.digest):
        raise damaged("the body does not have the digest that the leaf states")
    return Opened(body, salt)


def wrap(master: DataKey, key: DataKey, subject: str, entropy: Entropy = secrets.token_bytes) -> bytes:
    """``key`` encrypted under ``master``, bound to the person and to both names."""
    nonce = entropy(xaes.NONCE_BYTES)
    return nonce + xaes.encrypt(master.secret, nonce, key.secret, _wrap_context(master.id, key.id, subject))


def unwrap(master: DataKey, key_id: str, wrapped: bytes, subject: str) -> DataKey:
    """The data key inside ``wrapped``.

    Raises:
        BodyDamaged: it was not wrapped under this master key for this person and name.
    """
    nonce, rest = wrapped[: xaes.NONCE_BYTES], wrapped[xaes.NONCE_BYTES :]
    context = _wrap_context(master.id, key_id, subject)
    secret = xaes.decrypt(master.secret, nonce, rest, context) if len(nonce) == xaes.NONCE_BYTES else None
    if secret is None or len(secret) != xaes.KEY_BYTES:
        raise damaged(f"the master key {master.id} does not open the data key {key_id}")
    return DataKey(key_id, secret)


def damaged(cause: str) -> BodyDamaged:
    """The refusal to show what cannot be trusted."""
    message = "What is kept under seal here cannot be opened."
    return BodyDamaged(message, cause=cause, action="Restore the vault from a backup that is as old as the leaf.")


def _wrap_context(master_id: str, key_id: str, subject: str) -> bytes:
    return _WRAP_LABEL + rfc8785.dumps({"key": key_id, "master": master_id, "subject": subject})


def _split(sealed: bytes) -> tuple[Header, bytes]:
    length = int.from_bytes(sealed[4:6], "big")
    encoded = sealed[6 : 6 + length]
    if sealed[:4] != _MAGIC or not 0 < length <= _MAX_HEADER or len(encoded) != length:
        raise damaged("it has no header of a sealed body")
    try:
        header = msgspec.json.decode(encoded, type=Header)
        header.sealed_at.utctimetuple()
        nonce = bytes.fromhex(header.nonce)
    except (msgspec.MsgspecError, ValueError) as error:
        raise damaged(f"its header cannot be read: {error}") from error
    if len(nonce) != xaes.NONCE_BYTES:
        raise damaged("its nonce has the wrong length")
    return header, sealed[: 6 + length]
