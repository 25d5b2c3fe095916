"""The protocol side of the demonstration issuer: an OpenID provider for one public client with PKCE.

Sources: OpenID Connect Core 1.0, Discovery 1.0, RP-Initiated Logout 1.0, RFC 6749, RFC 7636, RFC 9207. Answers are
values; :mod:`appliance.identity.demo_issuer` puts them on the wire.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from appliance.core.private_files import read_private, write_private
from appliance.identity.demo_people import PEOPLE, DemoPerson
from appliance.identity.errors import IdentityKeyError
from appliance.identity.oidc import code_challenge

if TYPE_CHECKING:
    from appliance.core.clock import Clock

CODE_LIFETIME: Final = timedelta(seconds=60)
TOKEN_SECONDS: Final = 300
MAX_CODES: Final = 1000


@dataclass(frozen=True)
class RegisteredClient:
    """The one client. Redirect addresses are compared character by character."""

    client_id: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True)
class Redirect:
    """Send the browser there."""

    location: str


@dataclass(frozen=True)
class Rejected:
    """The request is so wrong that the browser must not be sent anywhere: unknown client or address."""

    reason: str


@dataclass(frozen=True)
class _Code:
    person: DemoPerson
    redirect_uri: str
    nonce: str
    challenge: str
    issued_at: datetime


class DemoProvider:
    """Issues codes and ID tokens. One event loop; state is in memory, since codes live a minute."""

    def __init__(self, issuer: str, client: RegisteredClient, key_file: Path, clock: Clock) -> None:
        """Read the signing key, or make it.

        Raises:
            IdentityKeyError: the key file is damaged.
            PrivateFileError: it is readable by others, or cannot be read or written.
        """
        self._issuer = issuer
        self._client = client
        self._clock = clock
        self._key = _load_or_make(key_file)
        self._codes: dict[str, _Code] = {}

    @property
    def redirect_uris(self) -> tuple[str, ...]:
        """Where the sign-in form may end up."""
        return self._client.redirect_uris

    def configuration(self) -> dict[str, object]:
        """The discovery document."""
        return {
            "issuer": self._issuer,
            "authorization_endpoint": f"{self._issuer}/authorize",
            "token_endpoint": f"{self._issuer}/token",
            "jwks_uri": f"{self._issuer}/jwks",
            "end_session_endpoint": f"{self._issuer}/end_session",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "groups"],
            "claims_supported": ["sub", "name", "preferred_username", "email", "groups", "auth_time", "acr", "sid"],
            "token_endpoint_auth_methods_supported": ["none"],
            "acr_values_supported": ["2"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "request_parameter_supported": False,
            "request_uri_parameter_supported": False,
        }

    def jwks(self) -> dict[str, object]:
        """The public key."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "n": _b64_number(numbers.n), "e": _b64_number(numbers.e)}
        return {"keys": [{**key, "kid": self._kid, "use": "sig", "alg": "RS256"}]}

    def check(self, query: Mapping[str, str]) -> Redirect | Rejected | None:
        """Validate an authorization request; None when the person may be asked."""
        if query.get("client_id") != self._client.client_id:
            return Rejected("The client is not registered here.")
        if query.get("redirect_uri") not in self._client.redirect_uris:
            return Rejected("The redirect address is not registered for this client.")
        challenge = query.get("code_challenge", "")
        problem = ""
        if "request" in query or "request_uri" in query:
            problem = "request_not_supported"
        elif query.get("response_type") != "code":
            problem = "unsupported_response_type"
        elif "openid" not in query.get("scope", "").split():
            problem = "invalid_scope"
        elif query.get("code_challenge_method") != "S256" or len(challenge) != 43:
            problem = "invalid_request"
        elif query.get("prompt") == "none":
            problem = "login_required"
        return self._back(query, {"error": problem}) if problem else None

    def choose(self, query: Mapping[str, str]) -> Redirect | Rejected:
        """The person picked a card: hand out a code."""
        problem = self.check(query)
        if problem is not None:
            return problem
        person = next((one for one in PEOPLE if one.handle == query.get("person")), None)
        if person is None:
            return self._back(query, {"error": "access_denied"})
        now = self._clock.now()
        self._codes = {c: v for c, v in self._codes.items() if now - v.issued_at < CODE_LIFETIME}
        if len(self._codes) >= MAX_CODES:
            return self._back(query, {"error": "temporarily_unavailable"})
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Code(
            person=person,
            redirect_uri=query["redirect_uri"],
            nonce=query.get("nonce", ""),
            challenge=query["code_challenge"],
            issued_at=now,
        )
        return self._back(query, {"code": code})

    def exchange(self, form: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        """The token endpoint: status and JSON. A code is spent by its first use, right or wrong."""
        if form.get("grant_type") != "authorization_code":
            return 400, {"error": "unsupported_grant_type"}
        if form.get("client_id") != self._client.client_id:
            return 401, {"error": "invalid_client"}
        found = self._codes.pop(form.get("code", ""), None)
        if found is None or self._clock.now() - found.issued_at >= CODE_LIFETIME:
            return 400, {"error": "invalid_grant"}
        verifier = form.get("code_verifier", "")
        proof = code_challenge(verifier) if verifier.isascii() and 43 <= len(verifier) <= 128 else ""
        if form.get("redirect_uri") != found.redirect_uri or not hmac.compare_digest(proof, found.challenge):
            return 400, {"error": "invalid_grant"}
        access_token = secrets.token_urlsafe(32)
        return 200, {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "id_token": self._id_token(found, access_token),
        }

    def end_session(self, query: Mapping[str, str]) -> Redirect | None:
        """Sign out. There is no session here to end, so only the way back matters; None: show a page."""
        target = query.get("post_logout_redirect_uri")
        if query.get("client_id") != self._client.client_id or target not in self._client.post_logout_redirect_uris:
            return None
        state = query.get("state")
        return Redirect(f"{target}?{urlencode({'state': state})}" if state else str(target))

    @property
    def _kid(self) -> str:
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha256(public).hexdigest()[:16]

    def _back(self, query: Mapping[str, str], answer: Mapping[str, str]) -> Redirect:
        state = {"state": query["state"]} if "state" in query else {}
        return Redirect(f"{query['redirect_uri']}?{urlencode({**answer, **state, 'iss': self._issuer})}")

    def _id_token(self, code: _Code, access_token: str) -> str:
        now = int(self._clock.now().timestamp())
        person = code.person
        half = hashlib.sha256(access_token.encode()).digest()[:16]
        claims: dict[str, object] = {
            "iss": self._issuer,
            "sub": person.subject,
            "aud": self._client.client_id,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
            "auth_time": int(code.issued_at.timestamp()),
            # Choosing a person is all the proof there is here; it counts as the strongest, so that all can be tried.
            "acr": "2",
            "sid": secrets.token_urlsafe(16),
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
            "name": person.name,
            "preferred_username": person.handle,
            "email": person.email,
            "groups": list(person.groups),
        }
        if code.nonce:
            claims["nonce"] = code.nonce
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._kid})


def _load_or_make(path: Path) -> rsa.RSAPrivateKey:
    stored = read_private(path)
    if stored is None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PrivateFormat.PKCS8
        write_private(path, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return key
    try:
        loaded = serialization.load_pem_private_key(stored, password=None)
    except (ValueError, TypeError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise _damaged(path, "not an RSA key")
    return loaded


def _damaged(path: Path, cause: str) -> IdentityKeyError:
    message = "The key of the demonstration sign-in is damaged."
    return IdentityKeyError(message, cause=f"{path}: {cause}", action=f"Remove {path}; a new key is made at the start.")


def _b64_number(number: int) -> str:
    content = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")
