"""The appliance's own key towards the provider: it signs a short assertion instead of sending a password (RFC 7523).

The private half never leaves ``keys/``; the public half is registered with the provider by the provisioning.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.core.private_files import read_private, write_private
from appliance.identity.errors import IdentityKeyError

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.core.clock import Clock

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME_SECONDS: Final = 60


class ClientKey:
    """An ES256 key in a file of mode 0600, made at first use."""

    def __init__(self, path: Path) -> None:
        """Read it, or make it.

        Raises:
            IdentityKeyError: the file is damaged.
            PrivateFileError: it is readable by others, or cannot be read or written.
        """
        stored = read_private(path)
        if stored is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
            form = serialization.PrivateFormat.PKCS8
            write_private(path, self._key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
            return
        try:
            loaded = serialization.load_pem_private_key(stored, password=None)
        except (ValueError, TypeError) as error:
            raise _damaged(path, type(error).__name__) from error
        if not isinstance(loaded, ec.EllipticCurvePrivateKey) or loaded.curve.name != "secp256r1":
            raise _damaged(path, "not a P-256 key")
        self._key = loaded

    @property
    def jwks(self) -> str:
        """The public key as a JWK Set (JSON), for the provider."""
        numbers = self._key.public_key().public_numbers()
        public = {"crv": "P-256", "kty": "EC", "x": _b64(numbers.x), "y": _b64(numbers.y)}
        thumbprint = hashlib.sha256(json.dumps(public, separators=(",", ":"), sort_keys=True).encode()).digest()
        kid = base64.urlsafe_b64encode(thumbprint).rstrip(b"=").decode()
        return json.dumps({"keys": [{**public, "alg": "ES256", "kid": kid, "use": "sig"}]}, separators=(",", ":"))

    def assertion(self, client_id: str, audience: str, clock: Clock) -> dict[str, str]:
        """The form fields that say who asks; good once, for a minute, at ``audience`` only."""
        now = int(clock.now().timestamp())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "jti": secrets.token_urlsafe(24),
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
        }
        kid = json.loads(self.jwks)["keys"][0]["kid"]
        signed = jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": kid})
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}


def _damaged(path: Path, cause: str) -> IdentityKeyError:
    message = "The key with which the appliance proves itself to the identity provider is damaged."
    action = f"Restore {path}, or remove it, run `intramural identity apply` to register a new one, and restart."
    return IdentityKeyError(message, cause=f"{path}: {cause}", action=action)


def _b64(number: int) -> str:
    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode("ascii")
