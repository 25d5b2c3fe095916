"""The keys of a witness, and the cosignatures it makes: C2SP tlog-cosignature, Ed25519 (0x04) and ML-DSA-44 (0x06)."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from appliance.audit.errors import NoteError
from appliance.audit.note import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    Signature,
    VerifierKey,
    parse_checkpoint,
    parse_vkey,
    subtree_message,
)
from appliance.core.private_files import read_private, write_private

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class WitnessKey:
    """Signs that a tree head was seen, and that it continues everything seen before it."""

    name: str
    ed25519: Ed25519PrivateKey = field(repr=False)
    ml_dsa: MLDSA44PrivateKey = field(repr=False)

    @property
    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """Both public keys, for whoever relies on the witness."""
        return (
            VerifierKey(self.name, ED25519_COSIGNATURE, self.ed25519.public_key().public_bytes_raw()),
            VerifierKey(self.name, ML_DSA_44, self.ml_dsa.public_key().public_bytes_raw()),
        )

    def cosign(self, text: str, time: datetime) -> tuple[Signature, ...]:
        """Signature lines for the checkpoint ``text``, one of each kind.

        Raises:
            NoteError: it is no checkpoint, or its origin is too long for a cosignature.
        """
        seconds = int(time.timestamp())
        stamp = struct.pack(">Q", seconds)
        classical, modern = self.verifier_keys
        message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
        tree = subtree_message(self.name, seconds, parse_checkpoint(text))
        return (
            Signature(self.name, classical.key_id, stamp + self.ed25519.sign(message)),
            Signature(self.name, modern.key_id, stamp + self.ml_dsa.sign(tree)),
        )


def cosigned_at(signature: Signature) -> int:
    """The time that a cosignature states, in seconds since 1970 (UTC). Raises NoteError."""
    if len(signature.content) <= 8:
        message = "A cosignature is too short."
        raise NoteError(message, cause=signature.name)
    return int(struct.unpack(">Q", signature.content[:8])[0])


def make_witness_key(name: str) -> WitnessKey:
    """A fresh key.

    Raises:
        NoteError: ``name`` cannot stand in a note: it is empty, too long, or holds a space or ``+``.
    """
    key = WitnessKey(name, Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate())
    if len(name.encode()) > 255 or not name.isprintable():
        message = "This cannot be the name of a witness."
        raise NoteError(message, cause=repr(name[:80]), action="Give a name such as witness.example.com/audit.")
    for one in key.verifier_keys:
        parse_vkey(one.text)
    return key


def store_witness_key(path: Path, key: WitnessKey) -> None:
    """Write the key file (mode 0600), and the public keys beside it as ``<path>.vkeys``. Raises PrivateFileError."""
    seeds = {"ed25519": key.ed25519.private_bytes_raw(), "ml-dsa-44": key.ml_dsa.private_bytes_raw()}
    content = {"version": 1, "name": key.name, **{n: base64.b64encode(s).decode() for n, s in seeds.items()}}
    vkeys = path.with_name(path.name + ".vkeys")
    write_private(vkeys, "".join(f"{one.text}\n" for one in key.verifier_keys).encode())
    write_private(path, json.dumps(content).encode())


def load_witness_key(path: Path) -> WitnessKey:
    """Read a key file.

    Raises:
        NoteError: there is none, or it is damaged.
        PrivateFileError: it is readable by others, or cannot be read.
    """
    stored = read_private(path)
    try:
        fields = json.loads(stored or b"")
        ed25519 = Ed25519PrivateKey.from_private_bytes(base64.b64decode(fields["ed25519"], validate=True))
        ml_dsa = MLDSA44PrivateKey.from_seed_bytes(base64.b64decode(fields["ml-dsa-44"], validate=True))
        return WitnessKey(str(fields["name"]), ed25519, ml_dsa)
    except (ValueError, KeyError, TypeError) as error:
        message = "The key of this witness is missing or damaged."
        action = "Run intramural witness init in a new folder, or restore the file from a backup."
        raise NoteError(message, cause=f"{path}: {type(error).__name__}", action=action) from error
