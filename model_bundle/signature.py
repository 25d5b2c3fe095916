"""Two signatures beside each other: Ed25519 (RFC 8032) and ML-DSA-44 (FIPS 204). Both must hold.

If one of the two schemes is broken some day, the other still stands between a forger and the loader.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from model_bundle.errors import TrustRootError, UntrustedBundle

CONTEXT = b"intramural-model-bundle/1"
"""Binds a signature to this use: prefix of the message for Ed25519, context string for ML-DSA."""

MAX_SIGNATURE_BYTES = 64 * 1024
_FORMAT = "intramural-signature/1"


@dataclass(frozen=True)
class PublicKey:
    """The pair of public keys of one signer, raw bytes."""

    ed25519: bytes
    ml_dsa_44: bytes

    @property
    def key_id(self) -> str:
        """SHA-256 (hex) over both keys."""
        return hashlib.sha256(CONTEXT + self.ed25519 + self.ml_dsa_44).hexdigest()


@dataclass(frozen=True)
class PrivateKey:
    """The pair of 32-byte seeds of one signer."""

    ed25519_seed: bytes
    ml_dsa_44_seed: bytes

    def __repr__(self) -> str:
        return "PrivateKey(...)"

    @classmethod
    def generate(cls) -> PrivateKey:
        """A fresh pair from the system's random source."""
        return cls(Ed25519PrivateKey.generate().private_bytes_raw(), MLDSA44PrivateKey.generate().private_bytes_raw())

    def public(self) -> PublicKey:
        """The public half.

        Raises:
            TrustRootError: a seed has the wrong length.
        """
        ed25519, ml_dsa = self._keys()
        return PublicKey(ed25519.public_key().public_bytes_raw(), ml_dsa.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """The signature file: canonical JSON with the key id and both signatures.

        Raises:
            TrustRootError: a seed has the wrong length.
        """
        ed25519, ml_dsa = self._keys()
        document = {
            "format": _FORMAT,
            "key_id": self.public().key_id,
            "ed25519": _encode(ed25519.sign(_framed(message))),
            "ml_dsa_44": _encode(ml_dsa.sign(message, CONTEXT)),
        }
        return rfc8785.dumps(document)

    def _keys(self) -> tuple[Ed25519PrivateKey, MLDSA44PrivateKey]:
        try:
            first = Ed25519PrivateKey.from_private_bytes(self.ed25519_seed)
            return first, MLDSA44PrivateKey.from_seed_bytes(self.ml_dsa_44_seed)
        except ValueError as error:
            message = "The signing key is damaged."
            raise TrustRootError(
                message, cause=str(error), action="Restore it from a backup or make a new one."
            ) from error


@dataclass(frozen=True)
class Signature:
    """A parsed signature file; nothing is proven yet."""

    key_id: str
    ed25519: bytes
    ml_dsa_44: bytes


def parse_signature(content: bytes) -> Signature:
    """Read a signature file.

    Raises:
        UntrustedBundle: it is too large or malformed.
    """
    keys = {"format", "key_id", "ed25519", "ml_dsa_44"}
    try:
        document: Any = json.loads(content) if len(content) <= MAX_SIGNATURE_BYTES else None
        if not isinstance(document, dict) or set(document) != keys or document["format"] != _FORMAT:
            raise _untrusted("The signature file is malformed.")
        if not all(isinstance(value, str) for value in document.values()):
            raise _untrusted("The signature file is malformed.")
        return Signature(document["key_id"], _decode(document["ed25519"]), _decode(document["ml_dsa_44"]))
    except (ValueError, RecursionError) as error:
        raise _untrusted("The signature file is malformed.", str(error)) from error


def check_signature(signature: Signature, key: PublicKey, message: bytes) -> None:
    """Return if both signatures over ``message`` are by ``key``.

    Raises:
        UntrustedBundle: one of them is not.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key.ed25519).verify(signature.ed25519, _framed(message))
        MLDSA44PublicKey.from_public_bytes(key.ml_dsa_44).verify(signature.ml_dsa_44, message, CONTEXT)
    except (InvalidSignature, ValueError) as error:
        raise _untrusted("The manifest's signature does not hold.", repr(error)) from error


def _framed(message: bytes) -> bytes:
    return CONTEXT + b"\n" + message


def _encode(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decode(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise _untrusted("The signature file is malformed.", str(error)) from error


def _untrusted(message: str, cause: str = "") -> UntrustedBundle:
    return UntrustedBundle(message, cause=cause, action="Do not use this bundle; fetch or convert the model again.")
