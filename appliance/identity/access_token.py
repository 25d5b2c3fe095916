"""Validation of an access token for the appliance's API: a JWT by RFC 9068, for this audience and nothing else.

An ID token is never taken for one: its ``typ`` is another (RFC 8725 §3.11), and so is its audience.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from appliance.identity.id_token import KeyHint, TokenRefused, VerificationKey, check_times, key_hint, signed_claims

TYPES: Final = frozenset({"AT+JWT"})
MAX_LIFETIME_SECONDS: Final = 3600


@dataclass(frozen=True)
class ExpectedAccess:
    """``audience`` must be named; ``clients`` are those that people and automation may come with."""

    issuer: str
    audience: str
    clients: frozenset[str]
    leeway_seconds: int = 30


def access_hint(token: str) -> KeyHint:
    """The header of an access token.

    Raises:
        TokenRefused: it is not one by its form.
    """
    return key_hint(token, TYPES)


def validate_access_token(
    token: str, keys: Sequence[VerificationKey], expected: ExpectedAccess, now: datetime
) -> Mapping[str, object]:
    """Check everything and return the claims.

    Raises:
        TokenRefused: names the first check that failed.
    """
    claims = signed_claims(token, keys, access_hint(token))
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if claims.get("iss") != expected.issuer:
        reason = "iss is not the issuer"
        raise TokenRefused(reason)
    if not isinstance(audiences, list) or expected.audience not in audiences:
        reason = "aud does not name the appliance's API"
        raise TokenRefused(reason)
    client = claims.get("client_id", claims.get("azp"))
    if client not in expected.clients or claims.get("azp", client) != client:
        reason = f"the client {str(client)[:80]!r} may not use the API"
        raise TokenRefused(reason)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        reason = "sub is missing"
        raise TokenRefused(reason)
    if "nonce" in claims or "at_hash" in claims:
        reason = "it looks like an ID token"
        raise TokenRefused(reason)
    check_times(claims, expected.leeway_seconds, now.timestamp(), max_age=MAX_LIFETIME_SECONDS)
    return MappingProxyType(claims)
