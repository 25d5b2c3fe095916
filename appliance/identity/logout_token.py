"""Validation of a logout token: the provider says that a session, or everything of a person, has ended.

Source: OpenID Connect Back-Channel Logout 1.0 §2.4 to §2.6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.identity.id_token import KeyHint, TokenRefused, VerificationKey, check_times, key_hint, signed_claims

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
TYPES: Final = frozenset({"", "JWT", "LOGOUT+JWT"})
MAX_AGE_SECONDS: Final = 180
_MAX_NAME: Final = 255


@dataclass(frozen=True)
class Logout:
    """What ended: the session ``sid``, or without one everything of ``subject``. ``token_id`` is good once."""

    subject: str
    sid: str
    token_id: str


def logout_hint(token: str) -> KeyHint:
    """The header of a logout token.

    Raises:
        TokenRefused: it is not one by its form.
    """
    return key_hint(token, TYPES)


def validate_logout_token(
    token: str, keys: Sequence[VerificationKey], *, issuer: str, client_id: str, now: datetime, leeway_seconds: int = 30
) -> Logout:
    """Check everything that §2.6 asks for, but for ``jti`` being new, which the caller knows.

    Raises:
        TokenRefused: names the first check that failed.
    """
    claims = signed_claims(token, keys, logout_hint(token))
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if claims.get("iss") != issuer:
        reason = "iss is not the issuer"
        raise TokenRefused(reason)
    if not isinstance(audiences, list) or audiences != [client_id]:
        reason = "aud is not this client alone"
        raise TokenRefused(reason)
    # Without exp (the specification allows that) the age of three minutes alone bounds it.
    timed = claims if "exp" in claims else {**claims, "exp": now.timestamp() + 1}
    check_times(timed, leeway_seconds, now.timestamp(), max_age=MAX_AGE_SECONDS)
    events = claims.get("events")
    if not isinstance(events, Mapping) or not isinstance(events.get(EVENT), Mapping):
        reason = "it does not speak of a logout"
        raise TokenRefused(reason)
    if "nonce" in claims:
        reason = "it has a nonce, so it is an ID token in disguise"
        raise TokenRefused(reason)
    subject, sid, token_id = (_name(claims, name) for name in ("sub", "sid", "jti"))
    if not token_id:
        reason = "jti is missing"
        raise TokenRefused(reason)
    if not subject and not sid:
        reason = "it names neither a session nor a person"
        raise TokenRefused(reason)
    return Logout(subject, sid, token_id)


def _name(claims: Mapping[str, object], claim: str) -> str:
    value = claims.get(claim, "")
    if not isinstance(value, str) or len(value) > _MAX_NAME:
        reason = f"{claim} is no name"
        raise TokenRefused(reason)
    return value
