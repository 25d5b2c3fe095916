"""What the relying party fetches from the provider: its configuration, its keys, its token endpoint.

Every answer is bounded in size and time, no redirect is followed, and an endpoint off this machine must be HTTPS.
Keys and configuration that were good once stay in use while the provider is away; an unknown ``kid`` causes one
throttled fetch, so that a rotation is no outage and a forged ``kid`` no flood.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

import httpx

from appliance.core.errors import SettingsError
from appliance.identity.errors import IssuerUnavailable, WeakProvider
from appliance.identity.hardening import provider_weaknesses
from appliance.identity.id_token import KeyHint, VerificationKey, keys_from_jwks, matching_keys
from appliance.identity.last_good import LastGood

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.core.clock import Clock

MAX_ANSWER_BYTES: Final = 256 * 1024
CONFIGURATION_LIFETIME: Final = timedelta(hours=1)
KEYS_LIFETIME: Final = timedelta(hours=1)
REFETCH_INTERVAL: Final = timedelta(seconds=10)
_TIMEOUT_SECONDS: Final = 10.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def http_client(ca_file: Path | None = None) -> httpx.AsyncClient:
    """The client to give to a relying party: short time-outs, no redirects, no proxies from the environment.

    Raises:
        SettingsError: ``ca_file`` holds no certificates.
    """
    try:
        verify = True if ca_file is None else ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        message = f"The certificates in {ca_file} cannot be used."
        raise SettingsError(message, cause=str(error), action="Correct identity.ca_file.") from error
    return httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, verify=verify)


@dataclass(frozen=True)
class Provider:
    """The part of the provider's configuration document that is used (OpenID Connect Discovery 1.0 §3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str
    sends_issuer: bool
    device_endpoint: str = ""


class ProviderClient:
    """HTTP to one provider.

    ``strict``: a provider whose configuration is weaker than the appliance asks for is not used. ``memory`` is where
    its last good configuration and keys are kept over restarts.
    """

    def __init__(
        self,
        issuer: str,
        http: httpx.AsyncClient,
        clock: Clock,
        *,
        strict: bool = False,
        memory: LastGood | None = None,
    ) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._strict = strict
        self.memory = memory or LastGood(None, issuer)
        self._provider: Provider | None = None
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def provider(self) -> Provider:
        """The configuration: at most an hour old, or the last good one while the provider is away.

        Raises:
            IssuerUnavailable: it was never reached, or its document names another issuer.
        """
        async with self._lock:
            now = self._clock.now()
            fresh = self._fetched_at is not None and now - self._fetched_at < CONFIGURATION_LIFETIME
            throttled = self._tried_at is not None and now - self._tried_at < REFETCH_INTERVAL
            if self._provider is not None and (fresh or throttled):
                return self._provider
            self._tried_at = now
            try:
                document = await self.get_json(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
                self._provider = self._checked(document)
                self._fetched_at = now
                self.memory.save("configuration", document, now)
            except IssuerUnavailable:
                kept = None if self._provider is not None else self.memory.load("configuration", now)
                if kept is not None:
                    self._provider = self._checked(kept)
                if self._provider is None:
                    raise
            return self._provider

    def _checked(self, document: Mapping[str, object]) -> Provider:
        weak = provider_weaknesses(document) if self._strict else ()
        if weak:
            message = "Nobody can sign in because the identity provider is set up too weakly."
            raise WeakProvider(message, cause="; ".join(weak), action="Correct the provider; see docs/identity.md.")
        return _provider_from(document, self._issuer)

    async def get_json(self, url: str) -> Mapping[str, object]:
        """GET a JSON object.

        Raises:
            IssuerUnavailable: no answer, not 200, too large, not a JSON object.
        """
        status, answer = await self._request("GET", url, None, None)
        if status != 200:
            raise _unavailable(f"{url} answered {status}")
        return answer

    async def post_form(
        self, url: str, form: Mapping[str, str], credentials: tuple[str, str] | None
    ) -> tuple[int, Mapping[str, object]]:
        """POST a form; ``credentials`` go as HTTP Basic, form-encoded first as RFC 6749 §2.3.1 asks.

        Raises:
            IssuerUnavailable: no answer, too large, not a JSON object.
        """
        auth = None if credentials is None else (quote(credentials[0], safe=""), quote(credentials[1], safe=""))
        return await self._request("POST", url, form, auth)

    async def _request(
        self, method: str, url: str, form: Mapping[str, str] | None, auth: tuple[str, str] | None
    ) -> tuple[int, Mapping[str, object]]:
        _require_secure(url)
        body = bytearray()
        try:
            headers = {"Accept": "application/json"}
            async with self._http.stream(method, url, data=form, auth=auth, headers=headers) as response:
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise _unavailable(f"{url} answered with more than {MAX_ANSWER_BYTES} bytes")
                status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _unavailable(f"{url}: {type(error).__name__} {error}") from error
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _unavailable(f"{url} answered {status} without JSON") from error
        if not isinstance(answer, dict):
            raise _unavailable(f"{url} answered with JSON that is no object")
        return status, answer


class JwksCache:
    """The provider's public keys, with a throttled refetch when a token names one that is not known yet."""

    def __init__(self, client: ProviderClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._keys: tuple[VerificationKey, ...] = ()
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._lock = asyncio.Lock()

    async def keys_for(self, hint: KeyHint) -> Sequence[VerificationKey]:
        """The keys that may have signed a token with this header; empty when the provider has none like that.

        Raises:
            IssuerUnavailable: keys were never fetched and the provider does not answer.
        """
        async with self._lock:
            now = self._clock.now()
            found = matching_keys(self._keys, hint)
            stale = self._fetched_at is None or now - self._fetched_at >= KEYS_LIFETIME
            throttled = self._tried_at is not None and now - self._tried_at < REFETCH_INTERVAL
            if (found and not stale) or (throttled and (self._fetched_at is not None or self._keys)):
                return found
            self._tried_at = now
            try:
                provider = await self._client.provider()
                document = await self._client.get_json(provider.jwks_uri)
                self._keys = keys_from_jwks(document)
                self._fetched_at = now
                self._client.memory.save("jwks", document, now)
            except IssuerUnavailable:
                if self._fetched_at is None:
                    kept = self._client.memory.load("jwks", now)
                    if kept is None:
                        raise
                    self._keys = keys_from_jwks(kept)
            return matching_keys(self._keys, hint)


def _provider_from(document: Mapping[str, object], issuer: str) -> Provider:
    if document.get("issuer") != issuer:
        raise _unavailable(f"the configuration of {issuer} names the issuer {str(document.get('issuer'))[:200]!r}")
    methods = document.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise _unavailable(f"{issuer} does not offer PKCE with S256")
    return Provider(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        jwks_uri=_endpoint(document, "jwks_uri"),
        end_session_endpoint=_endpoint(document, "end_session_endpoint", optional=True),
        sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        device_endpoint=_endpoint(document, "device_authorization_endpoint", optional=True),
    )


def _endpoint(document: Mapping[str, object], name: str, *, optional: bool = False) -> str:
    value = document.get(name)
    if value is None and optional:
        return ""
    if not isinstance(value, str) or not value:
        raise _unavailable(f"the provider's configuration has no {name}")
    _require_secure(value)
    return value


def _require_secure(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _unavailable(f"{url[:200]!r} is not an address") from error
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or not parts.hostname or parts.username is not None:
        raise _unavailable(f"{url[:200]!r} is neither HTTPS nor on this machine")


def _unavailable(cause: str) -> IssuerUnavailable:
    message = "Nobody can sign in right now because the identity provider cannot be used."
    return IssuerUnavailable(message, cause=cause, action="Check that the provider runs and that its address is right.")
