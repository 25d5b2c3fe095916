"""An OpenID Connect relying party: authorization code flow with PKCE, state, nonce and issuer checks.

Sources: OpenID Connect Core 1.0 §3.1, OpenID Connect Discovery 1.0, RFC 7636 (PKCE, S256 only), RFC 9207 (``iss`` in
the authorization response), RFC 9700 (OAuth 2.0 security best current practice). The demo and a customer's own
provider go through this same code.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from appliance.core.ports import Person
from appliance.identity.errors import IssuerUnavailable, SignInRefused
from appliance.identity.id_token import ExpectedToken, TokenRefused, key_hint, validate_id_token
from appliance.identity.provider import JwksCache, Provider, ProviderClient
from appliance.identity.return_url import safe_return_url

if TYPE_CHECKING:
    import httpx

    from appliance.core.clock import Clock

PENDING_LIFETIME: Final = timedelta(minutes=10)
_MAX_PARAMETER: Final = 4096
_START_AGAIN: Final = "Start the sign-in again."


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


@dataclass(frozen=True)
class PendingSignIn:
    """A sign-in that was begun; the server keeps it (never the browser) until the provider answers or 10 min pass."""

    state: str
    nonce: str
    code_verifier: str
    return_to: str
    issuer: str
    created_at: datetime


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

    @property
    def provider_session(self) -> str:
        """The ``sid`` claim, or empty: the session at the provider, for back-channel logout."""
        value = self.claims.get("sid")
        return value if isinstance(value, str) else ""


class RelyingParty:
    """Signs people in with one identity provider. Safe for concurrent tasks of one event loop.

    The caller owns ``http`` (use :func:`appliance.identity.provider.http_client`) and closes it.
    """

    def __init__(self, config: OidcConfig, http: httpx.AsyncClient, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._client = ProviderClient(config.issuer, http, clock)
        self._keys = JwksCache(self._client, clock)
        self._used_states: dict[str, datetime] = {}
        self._lock = asyncio.Lock()

    async def begin(self, return_to: str = "/") -> tuple[str, PendingSignIn]:
        """Start a sign-in: the address to redirect the browser to, and what to remember until it comes back.

        Raises:
            ReturnUrlRefused: ``return_to`` is not a plain path on this site.
            IssuerUnavailable: the provider's configuration cannot be had.
        """
        destination = safe_return_url(return_to)
        provider = await self._client.provider()
        pending = PendingSignIn(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            code_verifier=secrets.token_urlsafe(48),
            return_to=destination,
            issuer=provider.issuer,
            created_at=self._clock.now(),
        )
        query = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": self._config.redirect_uri,
            "scope": " ".join(self._config.scopes),
            "state": pending.state,
            "nonce": pending.nonce,
            "code_challenge": code_challenge(pending.code_verifier),
            "code_challenge_method": "S256",
        }
        separator = "&" if "?" in provider.authorization_endpoint else "?"
        return f"{provider.authorization_endpoint}{separator}{urlencode(query)}", pending

    async def complete(self, query: Mapping[str, str], pending: PendingSignIn) -> SignedIn:
        """Finish a sign-in with the query parameters of the provider's redirect.

        Raises:
            SignInRefused: any check failed; each pending sign-in can be completed at most once.
            IssuerUnavailable: the provider did not answer the exchange of the code.
        """
        provider = await self._client.provider()
        await self._use_once(pending)
        code = self._authorization_code(query, pending, provider)
        answer = await self._exchange(code, pending, provider)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise _refused("the token response holds no id_token")
        access_token = answer.get("access_token")
        expected = ExpectedToken(
            issuer=provider.issuer,
            client_id=self._config.client_id,
            nonce=pending.nonce,
            access_token=access_token if isinstance(access_token, str) else None,
            trusted_audiences=self._config.trusted_audiences,
            leeway_seconds=self._config.leeway_seconds,
        )
        try:
            keys = await self._keys.keys_for(key_hint(id_token))
            claims = validate_id_token(id_token, keys, expected, self._clock.now())
        except TokenRefused as error:
            raise _refused(error.reason) from error
        return self._signed_in(claims, id_token, pending)

    async def end_session_url(self, id_token: str) -> str | None:
        """Where to send the browser to sign out at the provider too (RP-initiated logout); None if not offered.

        Raises:
            IssuerUnavailable: the provider's configuration cannot be had.
        """
        provider = await self._client.provider()
        if not provider.end_session_endpoint:
            return None
        query = {"id_token_hint": id_token, "client_id": self._config.client_id}
        if self._config.post_logout_redirect_uri:
            query["post_logout_redirect_uri"] = self._config.post_logout_redirect_uri
        return f"{provider.end_session_endpoint}?{urlencode(query)}"

    async def _use_once(self, pending: PendingSignIn) -> None:
        now = self._clock.now()
        if not timedelta(0) <= now - pending.created_at <= PENDING_LIFETIME:
            raise _refused("the sign-in took longer than 10 minutes")
        async with self._lock:
            self._used_states = {s: at for s, at in self._used_states.items() if now - at <= PENDING_LIFETIME}
            if pending.state in self._used_states:
                raise _refused("this sign-in was already completed (state replayed)")
            self._used_states[pending.state] = pending.created_at

    def _authorization_code(self, query: Mapping[str, str], pending: PendingSignIn, provider: Provider) -> str:
        if any(len(value) > _MAX_PARAMETER for value in query.values()):
            raise _refused("a parameter of the response is too long")
        if not hmac.compare_digest(query.get("state", "").encode(), pending.state.encode()):
            raise _refused("state does not match")
        if pending.issuer != provider.issuer:
            raise _refused("the sign-in was begun with another issuer")
        answered_by = query.get("iss")
        if answered_by is None and provider.sends_issuer:
            raise _refused("iss is missing from the response though the provider announces it")
        if answered_by is not None and answered_by != provider.issuer:
            raise _refused("iss of the response is not the issuer that was asked (mix-up)")
        if "error" in query:
            raise _refused(f"the provider answered {query['error'][:80]!r}")
        code = query.get("code", "")
        if not code:
            raise _refused("the response holds no code")
        return code

    async def _exchange(self, code: str, pending: PendingSignIn, provider: Provider) -> Mapping[str, object]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.redirect_uri,
            "client_id": self._config.client_id,
            "code_verifier": pending.code_verifier,
        }
        secret = self._config.client_secret
        credentials = None if secret is None else (self._config.client_id, secret)
        status, answer = await self._client.post_form(provider.token_endpoint, form, credentials)
        if status >= 500:
            message = "The sign-in could not be finished because the identity provider has a problem."
            raise IssuerUnavailable(
                message, cause=f"token endpoint answered {status}", action="Try again in a minute, or tell IT."
            )
        if status != 200:
            reason = answer.get("error")
            raise _refused(f"the provider did not accept the code ({str(reason)[:80]})")
        if str(answer.get("token_type", "")).lower() != "bearer":
            raise _refused("the token response has no token_type Bearer")
        return answer

    def _signed_in(self, claims: Mapping[str, object], id_token: str, pending: PendingSignIn) -> SignedIn:
        subject = str(claims["sub"])
        name = claims.get("name") or claims.get("preferred_username") or subject
        email = claims.get("email")
        groups = claims.get(self._config.groups_claim, [])
        if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
            raise _refused(f"the claim {self._config.groups_claim!r} is not a list of names")
        return SignedIn(
            person=Person(subject=subject, name=str(name)[:200], email=email[:320] if isinstance(email, str) else ""),
            groups=frozenset(groups),
            claims=claims,
            id_token=id_token,
            return_to=pending.return_to,
        )


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _refused(cause: str) -> SignInRefused:
    message = "You could not be signed in."
    return SignInRefused(message, cause=cause, action=_START_AGAIN)
