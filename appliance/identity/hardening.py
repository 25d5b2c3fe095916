"""What a configuration may not be: the checks at the start, and of the provider's own document. Pure.

No setting turns PKCE, ``nonce``, ``iss``, audiences, algorithms or cookie flags off; what can be set wrong
is named here, and the appliance then refuses to start. Sources: RFC 9700, OWASP ASVS 5.0 V10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from appliance.identity.errors import WeakConfiguration
from appliance.identity.id_token import ALLOWED_ALGORITHMS

if TYPE_CHECKING:
    from appliance.core.settings import IdentitySettings, WebSettings

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_LOCAL_DOMAIN: Final = ".localhost"


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def require_hardened(identity: IdentitySettings, web: WebSettings) -> None:
    """Refuse settings that would weaken the sign-in.

    Raises:
        WeakConfiguration: names everything that is wrong.
    """
    weak = weaknesses(identity, web)
    if weak:
        message = "The sign-in would be weaker than this appliance allows, so it does not start."
        raise WeakConfiguration(message, cause="; ".join(weak), action="Correct [identity]; see docs/identity.md.")


def weaknesses(identity: IdentitySettings, web: WebSettings) -> tuple[str, ...]:
    """What is too weak in the settings, in words."""
    found = []
    local = web.domain == _LOCAL_DOMAIN[1:] or web.domain.endswith(_LOCAL_DOMAIN)
    if not identity.issuer:
        if not local:
            found.append(f"the demonstration sign-in has no passwords and {web.domain!r} can be reached from elsewhere")
        if identity.directory != "none":
            found.append("the demonstration sign-in has no directory to read")
        return tuple(found)
    parts = urlsplit(identity.issuer)
    if parts.scheme != "https" and not is_loopback(identity.issuer):
        found.append("identity.issuer is not HTTPS")
    if parts.username is not None:
        found.append("identity.issuer holds a name or a password")
    if identity.idle_minutes > identity.absolute_minutes:
        found.append("identity.idle_minutes is longer than identity.absolute_minutes")
    if identity.terminal_client_id == identity.client_id or identity.client_id in identity.automation_clients:
        found.append("one client may not serve browsers and programs")
    roles = set(identity.groups.values())
    if identity.groups and not {"maker", "user"} & roles:
        found.append("identity.groups lets nobody make or use apps")
    return tuple(found)


def provider_weaknesses(document: Mapping[str, object]) -> tuple[str, ...]:
    """What is too weak in the provider's configuration document (OpenID Connect Discovery 1.0 §3)."""
    found = []
    if document.get("authorization_response_iss_parameter_supported") is not True:
        found.append("it does not name itself in its answers (RFC 9207), so mix-up attacks cannot be seen")
    if "S256" not in _list(document, "code_challenge_methods_supported"):
        found.append("it does not offer PKCE with S256")
    if not set(ALLOWED_ALGORITHMS) & _list(document, "id_token_signing_alg_values_supported"):
        found.append(f"it signs ID tokens with none of {', '.join(ALLOWED_ALGORITHMS)}")
    if "refresh_token" not in _list(document, "grant_types_supported"):
        found.append("it gives no refresh tokens, so nobody would notice that somebody has left")
    if document.get("backchannel_logout_supported") is not True:
        found.append("it does not tell of sign-outs (OpenID Connect Back-Channel Logout)")
    return tuple(found)


def _list(document: Mapping[str, object], name: str) -> set[str]:
    value = document.get(name, [])
    return {one for one in value if isinstance(one, str)} if isinstance(value, list) else set()
