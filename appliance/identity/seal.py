"""Tokens of the provider at rest: AES-256-GCM under a key of this installation, bound to the session they belong to.

A copy of the session file alone, as in a backup, holds nothing that the provider would take.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from appliance.core.private_files import read_private, write_private
from appliance.identity.errors import IdentityKeyError

if TYPE_CHECKING:
    from pathlib import Path

_NONCE: Final = 12


class TokenSeal:
    """Seals small JSON objects of texts."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def of_this_process(cls) -> TokenSeal:
        """With a key that is gone when the process ends."""
        return cls(AESGCM.generate_key(256))

    @classmethod
    def in_file(cls, path: Path) -> TokenSeal:
        """With the key in ``path``, made at first use.

        Raises:
            IdentityKeyError: the file is damaged.
            PrivateFileError: it is readable by others, or cannot be read or written.
        """
        key = read_private(path)
        if key is None:
            key = AESGCM.generate_key(256)
            write_private(path, key)
        if len(key) != 32:
            message = "The key that seals sign-ins is damaged."
            raise IdentityKeyError(message, cause=f"{path}: {len(key)} bytes", action=f"Remove {path} and restart.")
        return cls(key)

    def seal(self, tokens: Mapping[str, str], *, session: str) -> str:
        """As base64; ``session`` must be named again to open it."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, json.dumps(dict(tokens)).encode(), session.encode())
        return base64.b64encode(nonce + sealed).decode("ascii")

    def open(self, sealed: str, *, session: str) -> dict[str, str]:
        """What was sealed; nothing when it was sealed under another key or for another session."""
        raw = base64.b64decode(sealed)
        try:
            opened = json.loads(self._cipher.decrypt(raw[:_NONCE], raw[_NONCE:], session.encode()))
        except (InvalidTag, ValueError):
            return {}
        return {str(name): str(value) for name, value in opened.items()} if isinstance(opened, dict) else {}
