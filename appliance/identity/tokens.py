"""The identity that the front door hands to an app: a JWT signed with Ed25519, valid for 60 seconds.

Sources: docs/app-contract.md, RFC 7515/7519/8037, RFC 7638 for ``kid``. An app gets the public keys when it starts,
so the key that will sign after the next rotation is published ahead of time: a rotation breaks no running app.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.core.errors import Refused
from appliance.core.ports import Person
from appliance.core.private_files import PrivateFileError, read_private, write_private
from appliance.identity.errors import IdentityKeyError

if TYPE_CHECKING:
    from appliance.core.clock import Clock

LIFETIME_SECONDS: Final = 60
DEFAULT_ISSUER: Final = "intramural"
_MAX_CLAIM: Final = 320
_MAX_ROLES: Final = 64


@dataclass(frozen=True)
class _Key:
    place: str
    private: Ed25519PrivateKey

    @property
    def x(self) -> str:
        return _b64(self.private.public_key().public_bytes_raw())

    @property
    def kid(self) -> str:
        thumbprint = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": self.x}, separators=(",", ":"), sort_keys=True)
        return _b64(hashlib.sha256(thumbprint.encode()).digest())


class AppTokens:
    """Implements :class:`appliance.core.ports.AppTokenIssuer`. Safe for several threads; one process owns the file.

    The keys live in ``path`` (JSON, mode 0600) and are made at first use.
    """

    def __init__(self, path: Path, clock: Clock, issuer: str = DEFAULT_ISSUER) -> None:
        """Read the keys, or make them.

        Raises:
            IdentityKeyError: the file is damaged.
            PrivateFileError: it is readable by others, or cannot be read or written.
        """
        self._path = path
        self._clock = clock
        self._issuer = issuer
        self._lock = threading.Lock()
        stored = read_private(path)
        if stored is None:
            self._keys: tuple[_Key, ...] = tuple(_Key(p, Ed25519PrivateKey.generate()) for p in ("current", "next"))
            self._save()
        else:
            self._keys = _parse(stored, path)

    @property
    def issuer(self) -> str:
        return self._issuer

    @property
    def jwks(self) -> str:
        keys = [
            {"kty": "OKP", "crv": "Ed25519", "x": key.x, "kid": key.kid, "use": "sig", "alg": "EdDSA"}
            for key in self._keys
        ]
        return json.dumps({"keys": keys}, separators=(",", ":"))

    def issue(self, *, audience: str, person: Person, roles: Sequence[str]) -> str:
        """Sign a token for one app.

        Raises:
            Refused: a value is longer than an app would accept.
        """
        if len(roles) > _MAX_ROLES or max(map(len, (audience, person.subject, person.email, *roles))) > _MAX_CLAIM:
            message = "The identity of this person is too long to be handed to an app."
            raise Refused(message, cause=f"{len(roles)} roles", action="Shorten the names at the identity provider.")
        now = int(self._clock.now().timestamp())
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "sub": person.subject,
            "name": person.name[:_MAX_CLAIM],
            "email": person.email,
            "roles": list(roles),
        }
        key = self._current
        return jwt.encode(claims, key.private, algorithm="EdDSA", headers={"kid": key.kid})

    def rotate(self) -> str:
        """Sign with the next key from now on and publish another one; returns the new ``kid``.

        Apps that started since the last rotation know the key already; others must be restarted first.

        Raises:
            PrivateFileError: the file cannot be written; the old key stays in use.
        """
        with self._lock:
            before = self._keys
            by_place = {key.place: key.private for key in before}
            self._keys = (
                _Key("previous", by_place["current"]),
                _Key("current", by_place["next"]),
                _Key("next", Ed25519PrivateKey.generate()),
            )
            try:
                self._save()
            except PrivateFileError:
                self._keys = before
                raise
            return self._current.kid

    @property
    def _current(self) -> _Key:
        return next(key for key in self._keys if key.place == "current")

    def _save(self) -> None:
        content = {"version": 1, "keys": {key.place: _b64(key.private.private_bytes_raw()) for key in self._keys}}
        write_private(self._path, json.dumps(content).encode())


def _parse(stored: bytes, path: Path) -> tuple[_Key, ...]:
    try:
        content = json.loads(stored)
        seeds = {place: base64.urlsafe_b64decode(seed + "=") for place, seed in content["keys"].items()}
        privates = {place: Ed25519PrivateKey.from_private_bytes(seed) for place, seed in seeds.items()}
        required = (_Key("current", privates.pop("current")), _Key("next", privates.pop("next")))
        previous = tuple(_Key(place, private) for place, private in privates.items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = "The keys that sign identities for apps are damaged."
        raise IdentityKeyError(
            message,
            cause=f"{path}: {type(error).__name__}",
            action=f"Restore {path} from a backup, or remove it and restart: a new key is made and apps are restarted.",
        ) from error
    return (*previous, *required)


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
