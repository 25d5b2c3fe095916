"""The public keys that a machine trusts for bundles, the lowest versions it accepts, and the key it signs with.

``keys/bundle-trust.json`` is public. ``keys/bundle-signing.json`` holds the seeds of the key made on this machine and
has mode 0600; a key that others can read is refused.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import rfc8785

from model_bundle.errors import TrustRootError, UntrustedBundle
from model_bundle.files import write_durably
from model_bundle.signature import PrivateKey, PublicKey

if TYPE_CHECKING:
    from pathlib import Path

TRUST_NAME = "bundle-trust.json"
SIGNING_NAME = "bundle-signing.json"
MAX_BYTES = 1 << 20
MAX_KEYS = 64


@dataclass(frozen=True)
class TrustRoot:
    """Trusted signers by key id, and the lowest accepted version by bundle name."""

    keys: Mapping[str, PublicKey]
    floors: Mapping[str, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "keys", MappingProxyType(dict(self.keys)))
        object.__setattr__(self, "floors", MappingProxyType(dict(self.floors)))

    def key(self, key_id: str) -> PublicKey:
        """The trusted key with this id.

        Raises:
            UntrustedBundle: no such key.
        """
        if key_id not in self.keys:
            message = "The bundle is signed by a key that this machine does not trust."
            action = "Add the signer's public key to the trust root if you know it, or use another bundle."
            raise UntrustedBundle(message, cause=f"key {key_id[:16]}", action=action)
        return self.keys[key_id]


def read_trust_root(keys: Path) -> TrustRoot:
    """Read ``bundle-trust.json`` below the folder ``keys``.

    Raises:
        TrustRootError: missing, malformed, or writable by others.
    """
    path = keys / TRUST_NAME
    document = _read(path, stat.S_IWGRP | stat.S_IWOTH)
    try:
        if set(document) != {"keys", "floors"} or len(document["keys"]) > MAX_KEYS:
            raise _damaged(path, "unexpected keys")
        public = [PublicKey(_bytes(item["ed25519"], 32), _bytes(item["ml_dsa_44"], 1312)) for item in document["keys"]]
        floors = {str(name): int(floor) for name, floor in document["floors"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, repr(error)) from error
    return TrustRoot({key.key_id: key for key in public}, floors)


def write_trust_root(keys: Path, root: TrustRoot) -> None:
    """Replace ``bundle-trust.json`` in one step.

    Raises:
        TrustRootError: the folder cannot be written.
    """
    entries = [{"ed25519": _text(key.ed25519), "ml_dsa_44": _text(key.ml_dsa_44)} for key in root.keys.values()]
    _write(keys / TRUST_NAME, {"keys": entries, "floors": dict(root.floors)}, mode=0o644)


def raise_floor(keys: Path, name: str, version: int) -> TrustRoot:
    """From now on refuse bundles called ``name`` below ``version``; floors never go down.

    Raises:
        TrustRootError: the trust root cannot be read or written.
    """
    root = read_trust_root(keys)
    if root.floors.get(name, 0) < version:
        root = TrustRoot(root.keys, {**root.floors, name: version})
        write_trust_root(keys, root)
    return root


def machine_signing_key(keys: Path) -> PrivateKey:
    """The key that this machine signs its own conversions with; made and trusted on first use.

    Raises:
        TrustRootError: a file is damaged, readable by others, or cannot be written.
    """
    path = keys / SIGNING_NAME
    if path.exists():
        document = _read(path, stat.S_IRWXG | stat.S_IRWXO)
        try:
            private = PrivateKey(_bytes(document["ed25519_seed"], 32), _bytes(document["ml_dsa_44_seed"], 32))
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, repr(error)) from error
    else:
        private = PrivateKey.generate()
        seeds = {"ed25519_seed": _text(private.ed25519_seed), "ml_dsa_44_seed": _text(private.ml_dsa_44_seed)}
        _write(path, seeds, mode=0o600)
    public = private.public()
    root = read_trust_root(keys) if (keys / TRUST_NAME).exists() else TrustRoot({}, {})
    if public.key_id not in root.keys:
        write_trust_root(keys, TrustRoot({**root.keys, public.key_id: public}, root.floors))
    return private


def _read(path: Path, forbidden: int) -> dict[str, Any]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_mode & forbidden or status.st_size > MAX_BYTES:
                raise _damaged(path, f"mode {stat.filemode(status.st_mode)}, {status.st_size} bytes")
            document = json.loads(stream.read(MAX_BYTES))
    except OSError as error:
        message = f"The key file {path.name} cannot be read."
        raise TrustRootError(message, cause=str(error), action="Prepare a model on this machine first.") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(document, dict):
        raise _damaged(path, "not an object")
    return document


def _write(path: Path, document: Mapping[str, Any], *, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_durably(path, rfc8785.dumps(dict(document)), mode=mode)
    except OSError as error:
        message = f"The key file {path.name} cannot be written."
        raise TrustRootError(
            message, cause=str(error), action="Check the folder's permissions and free space."
        ) from error


def _bytes(value: str, length: int) -> bytes:
    raw = base64.b64decode(value, validate=True)
    if len(raw) != length:
        message = f"expected {length} bytes, found {len(raw)}"
        raise ValueError(message)
    return raw


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _damaged(path: Path, cause: str) -> TrustRootError:
    message = f"The key file {path.name} is damaged or open to others."
    return TrustRootError(message, cause=cause, action=f"Restore {path} or set its permissions (signing key: 0600).")
