"""The values of a sign-in: what is known of the provider, what waits for its answer, and whom it vouched for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from appliance.core.ports import Person

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.identity.client_key import ClientKey


@dataclass(frozen=True)
class OidcConfig:
    """What the appliance knows of the identity provider.

    ``issuer`` is compared character by character with what the provider says. ``groups_claim`` names the claim of the
    ID token that lists the person's groups. ``client_secret`` is None for a public client, which PKCE protects.
    """

    issuer: str
    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...] = ("openid", "profile", "email", "groups")
    client_secret: str | None = None
    groups_claim: str = "groups"
    post_logout_redirect_uri: str = ""
    trusted_audiences: frozenset[str] = frozenset()
    leeway_seconds: int = 30
    client_key: ClientKey | None = field(default=None, repr=False)
    """Proves the client by a signed assertion; takes the place of a secret."""
    hardened: bool = False
    """The provider must meet every demand of :mod:`appliance.identity.hardening`, and give refresh tokens."""
    last_good: Path | None = None
    """Where the provider's configuration and keys are kept for its next outage."""


@dataclass(frozen=True)
class PendingSignIn:
    """A sign-in that was begun; the server keeps it (never the browser) until the provider answers or 10 min pass."""

    state: str
    nonce: str
    code_verifier: str
    return_to: str
    issuer: str
    created_at: datetime
    acr: str = ""
    max_age_seconds: int | None = None
    subject: str = ""
    """Who must come back: set when somebody who is signed in proves it again."""

    @property
    def is_step_up(self) -> bool:
        """Whether this strengthens a session that there is already."""
        return bool(self.subject)


@dataclass(frozen=True)
class SignedIn:
    """A person whom the provider vouched for just now.

    ``claims`` is the verified payload of the ID token; ``id_token`` itself is kept as the hint for signing out.
    """

    person: Person
    groups: frozenset[str]
    claims: Mapping[str, object]
    id_token: str = field(repr=False)
    return_to: str = "/"
    refresh_token: str = field(default="", repr=False)

    @property
    def acr(self) -> str:
        """How the person proved who they are, in the provider's terms; empty when it does not say."""
        value = self.claims.get("acr")
        return value if isinstance(value, str) else ""

    @property
    def authenticated_at(self) -> float | None:
        """``auth_time`` in POSIX seconds; None when the provider does not say."""
        value = self.claims.get("auth_time")
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    @property
    def provider_session(self) -> str:
        """The ``sid`` claim, or empty: the session at the provider, for back-channel logout."""
        value = self.claims.get("sid")
        return value if isinstance(value, str) else ""


def person_of(claims: Mapping[str, object]) -> Person:
    """The person whom verified claims speak of."""
    subject = str(claims["sub"])
    name = claims.get("name") or claims.get("preferred_username") or claims.get("client_id") or subject
    email = claims.get("email")
    return Person(subject=subject, name=str(name)[:200], email=email[:320] if isinstance(email, str) else "")
