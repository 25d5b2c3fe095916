"""Signed notes and checkpoints: C2SP signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof.

The log signs its checkpoints twice: Ed25519 (type 0x01) over the text, and ML-DSA-44 (type 0x06, ``subtree/v1``) over
origin, size and root, so that a checkpoint stays evidence when Ed25519 no longer is.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from appliance.audit.errors import NoteError
from appliance.audit.merkle import HASH_BYTES, MAX_SIZE

ED25519: Final = 0x01
ED25519_COSIGNATURE: Final = 0x04
ML_DSA_44: Final = 0x06
MAX_NOTE_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 64
_KEY_BYTES: Final = {ED25519: 32, ED25519_COSIGNATURE: 32, ML_DSA_44: 1312}
_ML_DSA_BYTES: Final = 2420
_PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: which log, how many leaves, which root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note text."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


@dataclass(frozen=True)
class Signature:
    """One signature line; ``content`` is what follows the key id."""

    name: str
    key_id: bytes
    content: bytes

    @property
    def line(self) -> str:
        """The line as it stands in the note."""
        return f"— {self.name} {_b64(self.key_id + self.content)}\n"


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name, as a ``vkey`` text says it."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ newline ‖ type ‖ key)."""
        content = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(content).digest()[:4]

    @property
    def text(self) -> str:
        """The vkey encoding."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(bytes([self.kind]) + self.public)}"

    @property
    def algorithm(self) -> str:
        """For people."""
        return "ML-DSA-44" if self.kind == ML_DSA_44 else "Ed25519"

    def accepts(self, text: str, signature: Signature) -> bool:
        """Whether ``signature`` is this key's over the note text."""
        try:
            if self.kind == ED25519:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature.content, text.encode())
                return True
            time, content = struct.unpack(">Q", signature.content[:8])[0], signature.content[8:]
            if self.kind == ED25519_COSIGNATURE:
                message = f"cosignature/v1\ntime {time}\n{text}".encode()
                Ed25519PublicKey.from_public_bytes(self.public).verify(content, message)
                return True
            message = subtree_message(self.name, time, parse_checkpoint(text))
            MLDSA44PublicKey.from_public_bytes(self.public).verify(content, message)
        except (InvalidSignature, ValueError, struct.error, NoteError):
            return False
        return True


@dataclass(frozen=True)
class OpenedNote:
    """A note whose known signatures all verify."""

    text: str
    verified: tuple[Signature, ...]
    unverified: tuple[Signature, ...]


def subtree_message(cosigner: str, time: int, checkpoint: Checkpoint) -> bytes:
    """The message of an ML-DSA-44 cosignature over a whole tree (``start`` 0)."""
    name, origin = cosigner.encode(), checkpoint.origin.encode()
    if not 0 < len(name) < 256 or not 0 < len(origin) < 256 or not 0 <= time < 2**63:
        raise _malformed("name, origin or time does not fit a cosignature")
    head = b"subtree/v1\n\x00" + bytes([len(name)]) + name + struct.pack(">Q", time)
    return head + bytes([len(origin)]) + origin + struct.pack(">QQ", 0, checkpoint.size) + checkpoint.root


def parse_vkey(text: str) -> VerifierKey:
    """Read a verifier key.

    Raises:
        NoteError: malformed, an unknown type, or the id is not the key's.
    """
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise _malformed("a verifier key has three parts")
    name, key_id, encoded = parts
    content = _decode(encoded, "verifier key")
    if not _is_name(name) or not content or len(content) - 1 != _KEY_BYTES.get(content[0], -1):
        raise _malformed("the verifier key has an unknown type or the wrong length")
    key = VerifierKey(name, content[0], content[1:])
    if key_id != key.key_id.hex():
        raise _malformed("the id in the verifier key is not the id of that key")
    return key


def split_note(note: bytes) -> tuple[str, tuple[Signature, ...]]:
    """Text and signatures of a note, strictly; nothing is verified yet.

    Raises:
        NoteError: not a note, too large, or too many signatures.
    """
    if len(note) > MAX_NOTE_BYTES:
        raise _malformed("the note is too large")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("the note is not UTF-8") from error
    if any(character < " " and character != "\n" for character in whole):
        raise _malformed("the note holds control characters")
    end = whole.rfind("\n\n")
    if end < 0 or not whole.endswith("\n"):
        raise _malformed("the note has no signatures")
    text, lines = whole[: end + 1], whole[end + 2 :].split("\n")[:-1]
    if not 0 < len(lines) <= MAX_SIGNATURES:
        raise _malformed("the note has no signatures or too many")
    return text, tuple(_signature(line) for line in lines)


def open_note(note: bytes, keys: Sequence[VerifierKey]) -> OpenedNote:
    """Verify a note: every signature by a known key must be right, and there must be at least one.

    Raises:
        NoteError: malformed, two keys with the same name and id, a wrong signature, or none by a known key.
    """
    text, signatures = split_note(note)
    known: dict[tuple[str, bytes], list[VerifierKey]] = {}
    for key in keys:
        known.setdefault((key.name, key.key_id), []).append(key)
    verified: dict[tuple[str, bytes], Signature] = {}
    unverified: dict[tuple[str, bytes, bytes], Signature] = {}
    for signature in signatures:
        identity = (signature.name, signature.key_id)
        candidates = known.get(identity, [])
        if not candidates:
            unverified[(*identity, signature.content)] = signature
        elif len(candidates) > 1:
            raise _malformed(f"ambiguous key {signature.name}+{signature.key_id.hex()}")
        elif identity not in verified:
            if not candidates[0].accepts(text, signature):
                raise _malformed(f"invalid signature for key {signature.name}+{signature.key_id.hex()}")
            verified[identity] = signature
    if not verified:
        raise _malformed("the note has no verifiable signatures")
    return OpenedNote(text, tuple(verified.values()), tuple(unverified.values()))


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint; extension lines are allowed and ignored.

    Raises:
        NoteError: malformed.
    """
    lines = text.split("\n")
    if len(lines) < 4 or not lines[0]:
        raise _malformed("a checkpoint has at least three lines")
    if _SIZE.fullmatch(lines[1]) is None or int(lines[1]) > MAX_SIZE:
        raise _malformed("the size of the checkpoint is no number that a tree can have")
    return Checkpoint(lines[0], int(lines[1]), _decode(lines[2], "root"))


def open_checkpoint(note: bytes, keys: Sequence[VerifierKey], *, origin: str) -> Checkpoint:
    """The checkpoint of this log, vouched for by *every* one of ``keys``: a stripped signature is a refusal too.

    Raises:
        NoteError: as :func:`open_note`; another origin; a key that did not sign; a root that is no SHA-256.
    """
    opened = open_note(note, keys)
    checkpoint = parse_checkpoint(opened.text)
    signed = {(signature.name, signature.key_id) for signature in opened.verified}
    missing = [key for key in keys if (key.name, key.key_id) not in signed]
    if missing:
        raise _malformed(f"the checkpoint lacks the signature of {missing[0].name} ({missing[0].algorithm})")
    if checkpoint.origin != origin or len(checkpoint.root) != HASH_BYTES:
        raise _malformed(f"the checkpoint is of the log {checkpoint.origin!r}")
    return checkpoint


def proof_text(index: int, hashes: Iterable[bytes], checkpoint_note: str) -> str:
    """An inclusion proof that stands alone (C2SP tlog-proof)."""
    lines = "".join(_b64(one) + "\n" for one in hashes)
    return f"{_PROOF_HEADER}\nindex {index}\n{lines}\n{checkpoint_note}"


def parse_proof(text: str) -> tuple[int, tuple[bytes, ...], bytes]:
    """Index, hashes and checkpoint note of a proof text.

    Raises:
        NoteError: malformed.
    """
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != _PROOF_HEADER or not blank:
        raise _malformed("missing expected header of a proof")
    rest = lines[1:]
    if rest and rest[0].startswith("extra "):
        _decode(rest.pop(0).removeprefix("extra "), "extra data")
    index = rest.pop(0) if rest else ""
    number = index.removeprefix("index ")
    if not index.startswith("index ") or _SIZE.fullmatch(number) is None or len(rest) > 63:
        raise _malformed("missing or wrong index in a proof, or too many hashes")
    hashes = tuple(_decode(line, "hash") for line in rest)
    if any(len(one) != HASH_BYTES for one in hashes):
        raise _malformed("a hash in the proof is not a SHA-256")
    return int(number), hashes, note.encode()


def _signature(line: str) -> Signature:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _is_name(parts[1]):
        raise _malformed("a line after the text is not a signature")
    content = _decode(parts[2], "signature")
    if len(content) < 5:
        raise _malformed("a signature is too short")
    return Signature(parts[1], content[:4], content[4:])


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or unicodedata.category(c) == "Zs" for c in name)


def _decode(encoded: str, what: str) -> bytes:
    try:
        content = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed(f"{what} not base64 encoded") from error
    if _b64(content) != encoded or not content:
        raise _malformed(f"{what} not base64 encoded")
    return content


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _malformed(cause: str) -> NoteError:
    message = "This signed text of the audit log cannot be relied on."
    return NoteError(message, cause=cause, action="Get the file again from its source and compare the public keys.")
