"""The provider's token endpoint as the relying party uses it: codes and refresh tokens, with the client's proof.

Sources: RFC 6749 §4.1.3 and §6, RFC 7523 §2.2 (signed assertion), OpenID Connect Core 1.0 §12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from appliance.identity.errors import IssuerUnavailable, SessionEnded, SignInRefused

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.identity.provider import ProviderClient
    from appliance.identity.sign_in import OidcConfig


class TokenEndpoint:
    """Asks for tokens in the name of one client."""

    def __init__(self, client: ProviderClient, config: OidcConfig, clock: Clock) -> None:
        self._client = client
        self._config = config
        self._clock = clock

    async def redeem(self, code: str, verifier: str) -> Mapping[str, object]:
        """Exchange an authorization code.

        Raises:
            SignInRefused: the provider does not accept it.
            IssuerUnavailable: it does not answer.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.redirect_uri,
            "code_verifier": verifier,
        }
        status, answer = await self._ask(form)
        message = "You could not be signed in."
        if status != 200:
            cause = f"the provider did not accept the code ({_error(answer)})"
            raise SignInRefused(message, cause=cause, action="Start the sign-in again.")
        if str(answer.get("token_type", "")).lower() != "bearer":
            cause = "the token response has no token_type Bearer"
            raise SignInRefused(message, cause=cause, action="Start the sign-in again.")
        return answer

    async def refresh(self, refresh_token: str) -> Mapping[str, object]:
        """Exchange a refresh token; it is spent by that.

        Raises:
            SessionEnded: the provider does not stand by the sign-in any more.
            IssuerUnavailable: it does not answer, or does not let this client ask: that says nothing about the person.
        """
        status, answer = await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token})
        if status == 200:
            return answer
        if answer.get("error") == "invalid_grant":
            message = "Your sign-in has ended at your company's sign-in service."
            raise SessionEnded(message, cause=str(answer.get("error_description", ""))[:200], action="Sign in again.")
        raise _problem(f"the token endpoint answered {status} ({_error(answer)})")

    async def client_credentials(self) -> str:
        """An access token for the client itself (RFC 6749 §4.4).

        Raises:
            IssuerUnavailable: the provider does not give one.
        """
        status, answer = await self._ask({"grant_type": "client_credentials"})
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str):
            raise _problem(f"the token endpoint answered {status} ({_error(answer)})")
        return token

    async def _ask(self, form: dict[str, str]) -> tuple[int, Mapping[str, object]]:
        provider = await self._client.provider()
        form = {**form, "client_id": self._config.client_id}
        credentials = None
        if self._config.client_key is not None:
            form |= self._config.client_key.assertion(self._config.client_id, provider.issuer, self._clock)
        elif self._config.client_secret is not None:
            credentials = (self._config.client_id, self._config.client_secret)
        status, answer = await self._client.post_form(provider.token_endpoint, form, credentials)
        if status >= 500:
            raise _problem(f"the token endpoint answered {status}")
        return status, answer


def _error(answer: Mapping[str, object]) -> str:
    return str(answer.get("error"))[:80]


def _problem(cause: str) -> IssuerUnavailable:
    message = "The sign-in could not be finished because the identity provider has a problem."
    return IssuerUnavailable(message, cause=cause, action="Try again in a minute, or tell IT.")
