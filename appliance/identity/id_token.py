"""Validation of an ID token: signature by an allow-listed algorithm, then every claim that binds it to this sign-in.

Sources: OpenID Connect Core 1.0 §3.1.3.7 and §3.1.3.6, RFC 7515, RFC 8725 (JWT best current practice). The algorithm
of the token header only selects among allowed ones, and the key must be of that algorithm's type; ``none`` and the
HMAC family do not exist here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_TOKEN_CHARACTERS: Final = 16 * 1024
MAX_KEYS: Final = 64
MIN_RSA_BITS: Final = 2048
_MAX_AGE_SECONDS: Final = 600
# algorithm → (JWK key type, curve or None, hash of at_hash). Ed25519 hashes with SHA-512 (RFC 8032).
_ALGORITHMS: Final[Mapping[str, tuple[str, str | None, str]]] = MappingProxyType(
    {"EdDSA": ("OKP", "Ed25519", "sha512"), "ES256": ("EC", "P-256", "sha256"), "RS256": ("RSA", None, "sha256")}
)
ALLOWED_ALGORITHMS: Final = tuple(_ALGORITHMS)
ID_TOKEN_TYPES: Final = frozenset({"", "JWT"})


class TokenRefused(Exception):  # noqa: N818 - internal to the package; the relying party turns it into SignInRefused
    """A check failed; ``reason`` says which one."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class KeyHint:
    """What the token's header says about its key; not trusted, only used to select."""

    algorithm: str
    kid: str | None


@dataclass(frozen=True)
class VerificationKey:
    """A public key of the provider, usable for one algorithm."""

    algorithm: str
    kid: str | None
    key: jwt.PyJWK


@dataclass(frozen=True)
class ExpectedToken:
    """What this sign-in expects of its ID token. ``access_token`` is checked against ``at_hash`` where given.

    ``nonce`` is None for a token that came with a refresh (Core §12.2): it was bound when the person signed in.
    """

    issuer: str
    client_id: str
    nonce: str | None
    access_token: str | None = None
    trusted_audiences: frozenset[str] = frozenset()
    leeway_seconds: int = 30


def key_hint(token: str, types: frozenset[str] = ID_TOKEN_TYPES) -> KeyHint:
    """Read the header. ``types`` are the values of ``typ`` that are taken, in upper case; empty stands for none given.

    Raises:
        TokenRefused: not a compact JWS, an algorithm outside the allow-list, another kind of token, or extensions
            that must be understood.
    """
    if len(token) > MAX_TOKEN_CHARACTERS:
        reason = "the ID token is too long"
        raise TokenRefused(reason)
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.PyJWTError, ValueError, RecursionError) as error:
        reason = "the ID token is not a signed token"
        raise TokenRefused(reason) from error
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
    if algorithm not in _ALGORITHMS:
        reason = f"the ID token is signed with {str(algorithm)[:20]!r}, which is not allowed"
        raise TokenRefused(reason)
    if str(kind or "").upper().removeprefix("APPLICATION/") not in types:
        reason = f"the token is of type {str(kind)[:40]!r}, not of the kind that is expected here"
        raise TokenRefused(reason)
    if "crit" in header:
        reason = "the ID token uses header extensions"
        raise TokenRefused(reason)
    return KeyHint(algorithm=str(algorithm), kid=kid if isinstance(kid, str) else None)


def keys_from_jwks(document: Mapping[str, object]) -> tuple[VerificationKey, ...]:
    """The usable signature keys of a JWK Set (RFC 7517 §5); keys of other kinds are left out, as the RFC asks."""
    entries = document.get("keys")
    found = []
    for entry in entries[:MAX_KEYS] if isinstance(entries, list) else []:
        if isinstance(entry, dict) and entry.get("use", "sig") == "sig":
            found += [key for algorithm in _ALGORITHMS if (key := _usable(entry, algorithm)) is not None]
    return tuple(found)


def matching_keys(keys: Sequence[VerificationKey], hint: KeyHint) -> tuple[VerificationKey, ...]:
    """Keys that fit a header. Without ``kid`` there must be exactly one of that type; several are ambiguous: none."""
    same_type = tuple(key for key in keys if key.algorithm == hint.algorithm)
    if hint.kid is None:
        return same_type if len(same_type) == 1 else ()
    return tuple(key for key in same_type if key.kid == hint.kid)


def validate_id_token(
    token: str, keys: Sequence[VerificationKey], expected: ExpectedToken, now: datetime
) -> Mapping[str, object]:
    """Check everything and return the claims.

    Raises:
        TokenRefused: names the first check that failed.
    """
    hint = key_hint(token)
    claims = signed_claims(token, keys, hint)
    _check_parties(claims, expected)
    check_times(claims, expected.leeway_seconds, now.timestamp())
    _check_binding(claims, expected, hint)
    return MappingProxyType(claims)


def signed_claims(token: str, keys: Sequence[VerificationKey], hint: KeyHint) -> dict[str, object]:
    """The claims, once the signature is right; nothing in them has been checked yet.

    Raises:
        TokenRefused: no key fits, the signature is wrong, or the claims are no JSON object.
    """
    payload = _verified_payload(token, matching_keys(keys, hint))
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError) as error:
        reason = "the claims are not JSON"
        raise TokenRefused(reason) from error
    if not isinstance(claims, dict):
        reason = "the claims are not an object"
        raise TokenRefused(reason)
    return claims


def _usable(entry: Mapping[str, object], algorithm: str) -> VerificationKey | None:
    kind, curve, _ = _ALGORITHMS[algorithm]
    if entry.get("kty") != kind or entry.get("alg", algorithm) != algorithm:
        return None
    if curve is not None and entry.get("crv") != curve:
        return None
    public = {name: value for name, value in entry.items() if name in {"kty", "crv", "x", "y", "n", "e"}}
    try:
        key = jwt.PyJWK(public, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < MIN_RSA_BITS:
        return None
    kid = entry.get("kid")
    return VerificationKey(algorithm=algorithm, kid=kid if isinstance(kid, str) else None, key=key)


def _verified_payload(token: str, keys: Sequence[VerificationKey]) -> bytes:
    if not keys:
        reason = "the provider has no key that fits the ID token's header"
        raise TokenRefused(reason)
    for key in keys:
        try:
            payload = jwt.PyJWS().decode(token, key.key, algorithms=[key.algorithm])
        except (jwt.PyJWTError, ValueError):
            continue
        if isinstance(payload, bytes):
            return payload
    reason = "the signature of the ID token is wrong"
    raise TokenRefused(reason)


def _check_parties(claims: Mapping[str, object], expected: ExpectedToken) -> None:
    subject, audience = claims.get("sub"), claims.get("aud")
    if claims.get("iss") != expected.issuer:
        reason = "iss is not the issuer"
        raise TokenRefused(reason)
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        reason = "sub is missing"
        raise TokenRefused(reason)
    audiences = [audience] if isinstance(audience, str) else audience
    if not isinstance(audiences, list) or expected.client_id not in audiences:
        reason = "aud does not name this client"
        raise TokenRefused(reason)
    if not all(one == expected.client_id or one in expected.trusted_audiences for one in audiences):
        reason = "aud names an audience that is not trusted"
        raise TokenRefused(reason)
    authorized = claims.get("azp")
    if authorized != expected.client_id and (authorized is not None or len(audiences) > 1):
        reason = "azp is not this client"
        raise TokenRefused(reason)


def check_times(claims: Mapping[str, object], leeway: int, now: float, *, max_age: int = _MAX_AGE_SECONDS) -> None:
    """``iat``, ``exp`` and ``nbf`` against the clock, with ``leeway`` seconds either way.

    Raises:
        TokenRefused: one is missing, or does not fit.
    """
    issued, expires, not_before = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
    if not _is_time(issued) or not _is_time(expires) or not _is_time(not_before):
        reason = "iat or exp is missing or no number"
        raise TokenRefused(reason)
    if now >= float(expires) + leeway:  # type: ignore[arg-type]
        reason = "the token has expired"
        raise TokenRefused(reason)
    if max(float(issued), float(not_before)) > now + leeway:  # type: ignore[arg-type]
        reason = "the token is from the future; compare the clocks of both machines"
        raise TokenRefused(reason)
    if float(issued) < now - max_age - leeway:  # type: ignore[arg-type]
        reason = "the token was issued too long ago"
        raise TokenRefused(reason)


def _check_binding(claims: Mapping[str, object], expected: ExpectedToken, hint: KeyHint) -> None:
    nonce = claims.get("nonce")
    if expected.nonce is not None and (
        not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode())
    ):
        reason = "nonce does not match"
        raise TokenRefused(reason)
    at_hash = claims.get("at_hash")
    if at_hash is None or expected.access_token is None:
        return
    digest = hashlib.new(_ALGORITHMS[hint.algorithm][2], expected.access_token.encode("ascii", "replace")).digest()
    left_half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not isinstance(at_hash, str) or not hmac.compare_digest(at_hash.encode(), left_half):
        reason = "at_hash does not match the access token"
        raise TokenRefused(reason)


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**53
