"""Keys for programs: how a secret looks, what is kept of it, and whether a key counts. Pure.

A secret is ``imk_`` and 256 random bits in base64url. Only SHA-256 over a label and the secret is kept: nobody guesses
256 random bits, so a slow hash would only slow down every request.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from appliance.core.errors import Refused

if TYPE_CHECKING:
    from appliance.db.records import ApiKey

_SECRET: Final = re.compile(r"imk_[A-Za-z0-9_-]{43}")
_LABEL: Final = b"intramural-api-key-v1\n"
_SHOWN: Final = 9
"""Characters of a secret that stay visible: the mark, and 30 of the 256 bits."""


class Scope(StrEnum):
    """What a key may be used for."""

    MODELS = "models"
    CHAT = "chat"
    COMPLETIONS = "completions"


class ApiKeyRefused(Refused):
    """There is no such key, or it does not count any more."""

    code = "api_key_refused"


@dataclass(frozen=True, slots=True)
class VerifiedKey:
    """A key that counts now, and the groups that decide what its holder may do. Only :func:`verify` makes one."""

    key: ApiKey
    groups: frozenset[str]


def new_secret() -> str:
    """A fresh secret."""
    return f"imk_{secrets.token_urlsafe(32)}"


def prefix_of(secret: str) -> str:
    """What may be shown of a secret, to tell it from others."""
    return secret[:_SHOWN]


def digest_of(secret: str) -> str | None:
    """What is kept of a secret, in hex; None where a text is no secret."""
    if not _SECRET.fullmatch(secret):
        return None
    return hashlib.sha256(_LABEL + secret.encode()).hexdigest()


def verify(key: ApiKey | None, groups: frozenset[str] | None, now: datetime, *, unseen: timedelta) -> VerifiedKey:
    """Whether a key counts.

    Args:
        key: what is known under the digest of the secret that was shown; None: nothing.
        groups: of the holder, as far as is known now; None: they have left.
        now: the instant.
        unseen: how long after their last sign-in a person's keys count.

    Raises:
        ApiKeyRefused: it does not; the message says why.
    """
    if key is None:
        message = "This API key is not known here."
        raise ApiKeyRefused(message, action="Make a key in the studio, under API keys.")
    if key.revoked_at is not None:
        message = "This API key was revoked."
        raise ApiKeyRefused(message, cause=key.id, action="Make a new key in the studio, under API keys.")
    if now >= key.expires_at:
        message = "This API key has expired."
        raise ApiKeyRefused(message, cause=key.id, action="Make a new key in the studio, under API keys.")
    if groups is None:
        message = "The holder of this API key is not here any more."
        raise ApiKeyRefused(message, cause=key.id, action="Ask your operator.")
    if not is_service(key.principal) and now - key.seen_at > unseen:
        message = "The holder of this API key has not signed in for too long."
        raise ApiKeyRefused(message, cause=key.id, action="Sign in to the studio once; the key counts again then.")
    return VerifiedKey(key, groups)


def is_service(principal: str) -> bool:
    """Whether a principal is a service account."""
    return principal.startswith("service:")
