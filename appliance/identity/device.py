"""Signing in at a terminal: the person confirms a short code in a browser, on this or another machine (RFC 8628).

The terminal's client is public; PKCE binds the code to this process.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.identity.errors import IssuerUnavailable, SessionEnded, SignInRefused
from appliance.identity.oidc import code_challenge

if TYPE_CHECKING:
    from appliance.identity.provider import ProviderClient

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES: Final = "openid"
_MIN_INTERVAL: Final = 1
_MAX_INTERVAL: Final = 60
_MAX_WAIT_SECONDS: Final = 1800


@dataclass(frozen=True)
class DeviceCode:
    """What to show, and what to ask with. ``complete`` is the address with the code in it, or empty."""

    user_code: str
    address: str
    complete: str
    interval: int
    seconds: int
    device_code: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class TerminalTokens:
    """Tokens of a terminal. ``expires_at`` is POSIX seconds, of the access token."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_at: float


class DeviceSignIn:
    """One client at one provider."""

    def __init__(self, client: ProviderClient, client_id: str) -> None:
        self._client = client
        self._client_id = client_id

    async def begin(self) -> DeviceCode:
        """Ask for a code.

        Raises:
            IssuerUnavailable: the provider does not answer, or does not offer this.
        """
        provider = await self._client.provider()
        if not provider.device_endpoint:
            raise _unavailable("the provider offers no device flow")
        verifier = secrets.token_urlsafe(48)
        form = {
            "client_id": self._client_id,
            "scope": SCOPES,
            "code_challenge": code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        status, answer = await self._client.post_form(provider.device_endpoint, form, None)
        if status != 200:
            raise _unavailable(f"the device endpoint answered {status} ({str(answer.get('error'))[:80]})")
        return DeviceCode(
            user_code=_text(answer, "user_code"),
            address=_text(answer, "verification_uri"),
            complete=str(answer.get("verification_uri_complete", ""))[:2000],
            interval=max(_MIN_INTERVAL, min(_MAX_INTERVAL, _number(answer, "interval", 5))),
            seconds=min(_MAX_WAIT_SECONDS, _number(answer, "expires_in", 600)),
            device_code=_text(answer, "device_code"),
            verifier=verifier,
        )

    async def wait(self, code: DeviceCode, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> TerminalTokens:
        """Ask until the person has confirmed; slower when the provider says so.

        Raises:
            SignInRefused: the person declined, or the code ran out.
            IssuerUnavailable: the provider does not answer.
        """
        provider = await self._client.provider()
        form = {
            "grant_type": GRANT,
            "client_id": self._client_id,
            "device_code": code.device_code,
            "code_verifier": code.verifier,
        }
        waited, interval = 0, code.interval
        while waited < code.seconds:
            await sleep(interval)
            waited += interval
            status, answer = await self._client.post_form(provider.token_endpoint, form, None)
            if status == 200:
                return _tokens(answer)
            error = answer.get("error")
            if error == "slow_down":
                interval = min(_MAX_INTERVAL, interval + 5)
            elif error != "authorization_pending":
                raise _refused(f"the provider answered {str(error)[:80]!r}")
        raise _refused("the code ran out")

    async def refresh(self, tokens: TerminalTokens) -> TerminalTokens:
        """New tokens for old ones.

        Raises:
            SessionEnded: the provider does not stand by the sign-in any more.
            IssuerUnavailable: the provider does not answer.
        """
        provider = await self._client.provider()
        form = {"grant_type": "refresh_token", "client_id": self._client_id, "refresh_token": tokens.refresh_token}
        status, answer = await self._client.post_form(provider.token_endpoint, form, None)
        if status != 200:
            message = "Your sign-in at this terminal has ended."
            cause = str(answer.get("error"))[:80]
            raise SessionEnded(message, cause=cause, action="Run `intramural login` again.")
        return _tokens(answer)


def _tokens(answer: Mapping[str, object]) -> TerminalTokens:
    seconds = _number(answer, "expires_in", 60)
    refresh = answer.get("refresh_token", "")
    return TerminalTokens(_text(answer, "access_token"), str(refresh), time.time() + seconds)


def _text(answer: Mapping[str, object], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise _unavailable(f"the provider's answer has no {name}")
    return value


def _number(answer: Mapping[str, object], name: str, otherwise: int) -> int:
    value = answer.get(name, otherwise)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise


def _unavailable(cause: str) -> IssuerUnavailable:
    message = "Signing in at a terminal is not possible right now."
    return IssuerUnavailable(message, cause=cause, action="Check that the provider runs, or sign in in a browser.")


def _refused(cause: str) -> SignInRefused:
    message = "You were not signed in."
    return SignInRefused(message, cause=cause, action="Run `intramural login` again.")
