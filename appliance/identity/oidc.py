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
import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from appliance.identity.errors import LogoutTokenRefused, SessionEnded, SignInRefused
from appliance.identity.id_token import ExpectedToken, TokenRefused, key_hint, validate_id_token
from appliance.identity.last_good import LastGood
from appliance.identity.logout_token import Logout, logout_hint, validate_logout_token
from appliance.identity.pending import PENDING_LIFETIME
from appliance.identity.provider import JwksCache, Provider, ProviderClient
from appliance.identity.return_url import safe_return_url
from appliance.identity.sign_in import OidcConfig, PendingSignIn, SignedIn, person_of
from appliance.identity.token_endpoint import TokenEndpoint

if TYPE_CHECKING:
    import httpx

    from appliance.core.clock import Clock
    from appliance.identity.assurance import StepUp

_MAX_PARAMETER: Final = 4096
_START_AGAIN: Final = "Start the sign-in again."


class RelyingParty:
    """Signs people in with one identity provider. Safe for concurrent tasks of one event loop.

    The caller owns ``http`` (use :func:`appliance.identity.provider.http_client`) and closes it.
    """

    def __init__(self, config: OidcConfig, http: httpx.AsyncClient, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        memory = LastGood(config.last_good, config.issuer)
        self._client = ProviderClient(config.issuer, http, clock, strict=config.hardened, memory=memory)
        self._keys = JwksCache(self._client, clock)
        self._tokens = TokenEndpoint(self._client, config, clock)
        self._used_states: dict[str, datetime] = {}
        self._lock = asyncio.Lock()

    @property
    def config(self) -> OidcConfig:
        """What it was made with."""
        return self._config

    @property
    def client(self) -> ProviderClient:
        """The way to the provider, for its other endpoints."""
        return self._client

    @property
    def keys(self) -> JwksCache:
        """The provider's keys, for other kinds of its tokens."""
        return self._keys

    async def begin(
        self, return_to: str = "/", *, step_up: StepUp | None = None, subject: str = ""
    ) -> tuple[str, PendingSignIn]:
        """Start a sign-in: the address to redirect the browser to, and what to remember until it comes back.

        With ``step_up``, ``subject`` proves again who they are, as strongly and as freshly as it asks for.

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
            acr=step_up.acr if step_up else "",
            max_age_seconds=int(step_up.max_age.total_seconds()) if step_up else None,
            subject=subject,
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
            **_step_up_parameters(step_up),
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
        answer = await self._tokens.redeem(code, pending.code_verifier)
        signed_in = await self._signed_in(answer, provider, nonce=pending.nonce, return_to=pending.return_to)
        self._check_strength(signed_in, pending)
        return signed_in

    async def refresh(self, refresh_token: str, subject: str) -> SignedIn:
        """Ask the provider whether it still stands by a sign-in; the answer has a new refresh token, the old is spent.

        Raises:
            SessionEnded: it does not: signed out, disabled, deleted, or the token was used before (stolen).
            IssuerUnavailable: it does not answer, or does not know this client any more.
        """
        provider = await self._client.provider()
        answer = await self._tokens.refresh(refresh_token)
        try:
            fresh = await self._signed_in(answer, provider, nonce=None, return_to="/")
        except SignInRefused as error:
            raise _ended(error.cause) from error
        if fresh.person.subject != subject:
            raise _ended("the refreshed token is of somebody else")
        return fresh

    async def logout_of(self, token: str) -> Logout:
        """What a logout token of the provider says has ended. Whether it was seen before is for the caller to know.

        Raises:
            LogoutTokenRefused: it is not one of this provider for this client.
            IssuerUnavailable: the provider's keys cannot be had.
        """
        try:
            keys = await self._keys.keys_for(logout_hint(token))
            provider = await self._client.provider()
            return validate_logout_token(
                token,
                keys,
                issuer=provider.issuer,
                client_id=self._config.client_id,
                now=self._clock.now(),
                leeway_seconds=self._config.leeway_seconds,
            )
        except TokenRefused as error:
            message = "This is no logout token of the identity provider."
            raise LogoutTokenRefused(message, cause=error.reason) from error

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

    async def _signed_in(
        self, answer: Mapping[str, object], provider: Provider, *, nonce: str | None, return_to: str
    ) -> SignedIn:
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            raise _refused("the token response holds no id_token")
        expected = ExpectedToken(
            issuer=provider.issuer,
            client_id=self._config.client_id,
            nonce=nonce,
            access_token=access_token if isinstance(access_token, str) else None,
            trusted_audiences=self._config.trusted_audiences,
            leeway_seconds=self._config.leeway_seconds,
        )
        try:
            keys = await self._keys.keys_for(key_hint(id_token))
            claims = validate_id_token(id_token, keys, expected, self._clock.now())
        except TokenRefused as error:
            raise _refused(error.reason) from error
        refresh_token = answer.get("refresh_token")
        if self._config.hardened and not isinstance(refresh_token, str):
            raise _refused("the provider gave no refresh token, so nobody would notice that this person has left")
        groups = claims.get(self._config.groups_claim, [])
        if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
            raise _refused(f"the claim {self._config.groups_claim!r} is not a list of names")
        return SignedIn(
            person=person_of(claims),
            groups=frozenset(groups),
            claims=claims,
            id_token=id_token,
            return_to=return_to,
            refresh_token=refresh_token if isinstance(refresh_token, str) else "",
        )

    def _check_strength(self, signed_in: SignedIn, pending: PendingSignIn) -> None:
        """What was asked for must be in the token: a provider, or a person, may have left it out of the request."""
        if pending.subject and signed_in.person.subject != pending.subject:
            raise _refused("somebody else signed in than the one who was asked to prove it again")
        if pending.acr and signed_in.acr != pending.acr:
            raise _refused(f"acr is {signed_in.acr[:40]!r}, not {pending.acr!r}")
        if pending.max_age_seconds is None:
            return
        at = signed_in.authenticated_at
        oldest = self._clock.now().timestamp() - pending.max_age_seconds - self._config.leeway_seconds
        if at is None or at < oldest:
            raise _refused("auth_time is missing or older than was asked for")


def _step_up_parameters(step_up: StepUp | None) -> dict[str, str]:
    if step_up is None:
        return {}
    parameters = {"max_age": str(int(step_up.max_age.total_seconds()))}
    if step_up.acr:
        # As an essential claim (Core §5.5.1.1): acr_values alone is a wish that the provider may pass over.
        claims = {"id_token": {"acr": {"essential": True, "values": [step_up.acr]}}}
        parameters |= {"acr_values": step_up.acr, "claims": json.dumps(claims, separators=(",", ":"))}
    return parameters


def code_challenge(verifier: str) -> str:
    """The S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _refused(cause: str) -> SignInRefused:
    message = "You could not be signed in."
    return SignInRefused(message, cause=cause, action=_START_AGAIN)


def _ended(cause: str) -> SessionEnded:
    message = "Your sign-in has ended at your company's sign-in service."
    return SessionEnded(message, cause=cause, action="Sign in again.")
