"""Names for e-mail addresses where nothing can be erased: the same address has the same name, and only this
installation can tell which.

An address is easily guessed, so a plain digest of one would tell it. The name is an HMAC (RFC 2104, SHA-256) under a
key that never leaves the installation.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING, Final

from appliance.core.private_files import PrivateFileError, read_private, write_private

if TYPE_CHECKING:
    from pathlib import Path

PREFIX: Final = "address:"
_KEY_BYTES: Final = 32
_SHOWN: Final = 32
"""Hexadecimal digits of a name: 128 bits, so that no two addresses share one."""


class AddressPseudonyms:
    """Makes the names. Thread-safe."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def load(cls, path: Path) -> AddressPseudonyms:
        """With the key in ``path``, which is made if there is none.

        Raises:
            PrivateFileError: it cannot be stored or read, others may read it, or it is no key.
        """
        key = read_private(path)
        if key is None:
            key = secrets.token_bytes(_KEY_BYTES)
            write_private(path, key)
        if len(key) != _KEY_BYTES:
            message = "The key for names of addresses is damaged."
            raise PrivateFileError(message, cause=f"{path} has {len(key)} bytes", action="Restore it from a backup.")
        return cls(key)

    def of(self, address: str) -> str:
        """The name of an e-mail address; upper and lower case do not matter."""
        digest = hmac.digest(self._key, address.strip().lower().encode(), hashlib.sha256)
        return f"{PREFIX}{digest.hex()[:_SHOWN]}"
