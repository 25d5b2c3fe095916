"""The keys of the log, made on this machine: Ed25519 and ML-DSA-44 under one name, which is also the log's origin."""

from __future__ import annotations

import base64
import json
import secrets
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from appliance.audit.errors import NoteError
from appliance.audit.note import ED25519, ML_DSA_44, Checkpoint, Signature, VerifierKey, subtree_message
from appliance.core.private_files import read_private, write_private

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class LogKey:
    """Signs checkpoints. ``name`` is the origin of the log, unique to this installation."""

    name: str
    ed25519: Ed25519PrivateKey = field(repr=False)
    ml_dsa: MLDSA44PrivateKey = field(repr=False)

    @property
    def classical(self) -> VerifierKey:
        """The Ed25519 public key."""
        return VerifierKey(self.name, ED25519, self.ed25519.public_key().public_bytes_raw())

    @property
    def verifier_keys(self) -> tuple[VerifierKey, ...]:
        """Both public keys; a checkpoint of this log carries both signatures."""
        return (self.classical, VerifierKey(self.name, ML_DSA_44, self.ml_dsa.public_key().public_bytes_raw()))

    def commit_note(self, checkpoint: Checkpoint) -> str:
        """A checkpoint with the Ed25519 signature only: what every batch in the journal ends with."""
        text = checkpoint.text
        line = Signature(self.name, self.classical.key_id, self.ed25519.sign(text.encode())).line
        return f"{text}\n{line}"

    def checkpoint_note(self, checkpoint: Checkpoint, time: datetime) -> str:
        """A checkpoint with both signatures, as it is published."""
        seconds = int(time.timestamp())
        signed = self.ml_dsa.sign(subtree_message(self.name, seconds, checkpoint))
        content = struct.pack(">Q", seconds) + signed
        return self.commit_note(checkpoint) + Signature(self.name, self.verifier_keys[1].key_id, content).line


def make_log_key(name: str = "") -> LogKey:
    """A fresh key; without a name, one under ``.internal`` (reserved for private use) that no other log has."""
    name = name or f"intramural.internal/audit/{secrets.token_hex(8)}"
    return LogKey(name, Ed25519PrivateKey.generate(), MLDSA44PrivateKey.generate())


def load_or_make_log_key(path: Path) -> LogKey:
    """Read the key file (mode 0600), or make a key and write it, with the public keys beside it as ``<path>.vkeys``.

    Raises:
        NoteError: the file is damaged.
        PrivateFileError: it is readable by others, or cannot be read or written.
    """
    stored = read_private(path)
    if stored is None:
        key = make_log_key()
        seeds = {"ed25519": key.ed25519.private_bytes_raw(), "ml-dsa-44": key.ml_dsa.private_bytes_raw()}
        content = {"version": 1, "name": key.name, **{n: base64.b64encode(s).decode() for n, s in seeds.items()}}
        write_private(vkeys_path(path), "".join(f"{one.text}\n" for one in key.verifier_keys).encode())
        write_private(path, json.dumps(content).encode())
        return key
    try:
        fields = json.loads(stored)
        ed25519 = Ed25519PrivateKey.from_private_bytes(base64.b64decode(fields["ed25519"], validate=True))
        ml_dsa = MLDSA44PrivateKey.from_seed_bytes(base64.b64decode(fields["ml-dsa-44"], validate=True))
        return LogKey(str(fields["name"]), ed25519, ml_dsa)
    except (ValueError, KeyError, TypeError) as error:
        message = "The key that signs the audit log is damaged."
        raise NoteError(
            message,
            cause=f"{path}: {type(error).__name__}",
            action=f"Restore {path} from a backup. A new key would start a new log.",
        ) from error


def vkeys_path(key_path: Path) -> Path:
    """Where the public keys of ``key_path`` are written, one vkey a line."""
    return key_path.with_name(key_path.name + ".vkeys")
