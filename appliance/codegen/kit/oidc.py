"""Sign-in by an OpenID Connect provider: authorization code flow with PKCE (RFC 7636), nonce and strict checks.

Authlib speaks OAuth 2.0; PyJWT checks the ID token (OpenID Connect Core 1.0 §3.1.3.7). Needs the extra ``oidc``.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .identity import Identity, NotIdentified
from .settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .security import Signer
    from .settings import OidcSettings

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
PENDING_SECONDS: Final = 600
LEEWAY_SECONDS: Final = 60
TIMEOUT_SECONDS: Final = 10.0
REFRESH_SECONDS: Final = 60.0
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the sealed cookie that its return must bring."""

    address: str
    pending: str


class ProviderUnavailable(Exception):  # noqa: N818
    """The provider does not answer, or not as OpenID Connect says."""


class RelyingParty:
    """One client at one provider. What the provider publishes is fetched at the first sign-in."""

    def __init__(self, settings: OidcSettings, public_url: str, signer: Signer) -> None:
        try:
            import authlib  # noqa: F401, PLC0415 - only needed here
            import httpx  # noqa: F401, PLC0415
            import jwt  # noqa: F401, PLC0415
        except ImportError as error:
            raise SettingsError("APP_LOGIN=oidc needs more libraries. Run: pip install '.[oidc]'") from error
        self._settings, self._signer = settings, signer
        self._redirect_uri = f"{public_url}/-/sign-in/callback"
        self._lock = threading.Lock()
        self._metadata: dict[str, str] | None = None
        self._keys: dict[str, Any] = {}
        self._fetched = float("-inf")

    def begin(self, to: str) -> Begun:
        """Start a sign-in that ends at ``to``.

        Raises:
            ProviderUnavailable: the provider cannot be reached.
        """
        state, nonce = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        with self._client() as client:
            address, _ = client.create_authorization_url(
                self._discover()["authorization_endpoint"],
                state=state,
                nonce=nonce,
                code_verifier=self._verifier(state),
            )
        return Begun(str(address), self._signer.seal("oidc", [state, nonce, to], seconds=PENDING_SECONDS))

    def finish(self, query: Mapping[str, str], pending: str) -> tuple[Identity, str]:
        """The person who came back from the provider, and where they wanted to go.

        Raises:
            NotIdentified: the answer does not belong to a sign-in of this browser, or the token is not good.
            ProviderUnavailable: the provider cannot be reached.
        """
        try:
            opened = self._signer.open("oidc", pending)
        except ValueError:
            opened = None
        if not isinstance(opened, list) or not secrets.compare_digest(opened[0], query.get("state", "")):
            raise NotIdentified("the sign-in was begun elsewhere or too long ago")
        state, nonce, to = opened
        metadata = self._discover()
        if query.get("iss", metadata["issuer"]) != metadata["issuer"]:  # RFC 9207: an answer of another provider
            raise NotIdentified("the answer is another provider's")
        if not query.get("code") or "error" in query:
            raise NotIdentified("the provider refused")
        return self._identity(self._verified(self._exchange(query["code"], state), nonce)), str(to)

    def _client(self) -> Any:
        from authlib.integrations.httpx_client import OAuth2Client  # noqa: PLC0415

        settings = self._settings
        return OAuth2Client(
            client_id=settings.client_id,
            client_secret=settings.client_secret or None,
            token_endpoint_auth_method="client_secret_basic" if settings.client_secret else "none",
            scope=settings.scopes,
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT_SECONDS,
            follow_redirects=False,
        )

    def _verifier(self, state: str) -> str:
        """The PKCE code verifier: made from the state with this installation's key, so that no cookie carries it."""
        return self._signer.derive("pkce", state)

    def _exchange(self, code: str, state: str) -> str:
        from authlib.common.errors import AuthlibBaseError  # noqa: PLC0415
        from httpx import HTTPError  # noqa: PLC0415

        try:
            with self._client() as client:
                token = client.fetch_token(
                    self._discover()["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=self._verifier(state),
                )
        except AuthlibBaseError as error:
            raise NotIdentified("the provider does not know this code") from error
        except (HTTPError, ValueError) as error:
            raise ProviderUnavailable(str(error)) from error
        found = token.get("id_token")
        if not isinstance(found, str):
            raise NotIdentified("the provider sent no ID token")
        return found

    def _verified(self, token: str, nonce: str) -> dict[str, Any]:
        import jwt  # noqa: PLC0415

        client_id = self._settings.client_id
        try:
            header = jwt.get_unverified_header(token)
            key = self._key(str(header.get("kid", "")))
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=client_id,
                issuer=self._discover()["issuer"],
                leeway=LEEWAY_SECONDS,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise NotIdentified(f"the ID token is not good: {type(error).__name__}") from error
        if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise NotIdentified("the ID token belongs to another sign-in")
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != client_id:
            raise NotIdentified("the ID token was made for another client")
        if not isinstance(claims["sub"], str) or not claims["sub"]:
            raise NotIdentified("the ID token names nobody")
        return claims

    def _identity(self, claims: dict[str, Any]) -> Identity:
        settings = self._settings
        email = str(claims.get("email", "")).strip()
        # Records are found again by address, so an address that nobody has verified must not count.
        trusted = settings.trust_email or claims.get("email_verified") is True
        value: Any = claims
        for part in settings.roles_claim.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        groups = [str(item) for item in value] if isinstance(value, list) else [value] if isinstance(value, str) else []
        return Identity(
            subject=f"{claims['iss']}#{claims['sub']}",
            name=str(claims.get("name") or claims.get("preferred_username") or email or claims["sub"]),
            email=email if trusted else "",
            roles=settings.roles_for(groups),
        )

    def _discover(self) -> dict[str, str]:
        with self._lock:
            if self._metadata is None:
                issuer = self._settings.issuer
                told = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
                if told.get("issuer") != issuer:
                    raise ProviderUnavailable(f"the provider calls itself {told.get('issuer')!r}, not {issuer!r}")
                names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
                found = {name: str(told.get(name, "")) for name in names}
                for address in found.values():
                    require_secure(address)
                self._metadata = found
            return self._metadata

    def _key(self, kid: str) -> Any:
        """The provider's key of that name. A new name makes its keys be fetched again, at most once a minute."""
        import jwt  # noqa: PLC0415

        address = self._discover()["jwks_uri"]
        with self._lock:
            if kid not in self._keys and time.monotonic() - self._fetched > REFRESH_SECONDS:
                self._fetched = time.monotonic()
                keys = jwt.PyJWKSet.from_dict(_fetch(address)).keys
                self._keys = {key.key_id or "": key.key for key in keys if key.public_key_use in (None, "sig")}
            if kid not in self._keys:
                raise NotIdentified("the ID token is signed with an unknown key")
            return self._keys[kid]


def require_secure(address: str) -> None:
    """HTTPS, or this machine.

    Raises:
        ProviderUnavailable: neither.
    """
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ProviderUnavailable(f"{address!r} is not an https address")


def _fetch(address: str) -> dict[str, Any]:
    import httpx  # noqa: PLC0415

    require_secure(address)
    try:
        answer = httpx.get(address, timeout=TIMEOUT_SECONDS, follow_redirects=False)
        answer.raise_for_status()
        told = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderUnavailable(f"{address}: {error}") from error
    if not isinstance(told, dict):
        raise ProviderUnavailable(f"{address} did not answer with an object")
    return told
