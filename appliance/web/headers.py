"""Security headers of every answer: nothing from elsewhere, no inline script, frames only where they are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

    from appliance.studio.addresses import Addresses

_FIXED: Final = {
    "X-Content-Type-Options": "nosniff",
    # same-origin and not no-referrer: with the latter, browsers send "Origin: null" with the studio's own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


def content_security_policy(addresses: Addresses, issuer_origin: str, *, framed: bool) -> str:
    """The policy of the studio's pages; ``framed`` answers may stand in a frame of the studio itself."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            f"frame-src 'self' {addresses.any_app}",
            f"form-action 'self' {issuer_origin}".rstrip(),
            "base-uri 'none'",
            f"frame-ancestors {addresses.studio if framed else chr(39) + 'none' + chr(39)}",
        )
    )


class SecurityHeaders:
    """ASGI middleware that adds the headers; it never weakens one that an answer already has."""

    def __init__(self, app: ASGIApp, addresses: Addresses, issuer_origin: str) -> None:
        self.app = app
        self._studio_host = addresses.studio_host
        self._page = content_security_policy(addresses, issuer_origin, framed=False)
        self._framed = content_security_policy(addresses, issuer_origin, framed=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        host = dict(scope["headers"]).get(b"host", b"").decode("latin-1").partition(":")[0].lower()
        # Answers on an app's origin (sign-in of that origin, "no access") appear inside the studio's frame.
        policy = self._page if host == self._studio_host else self._framed

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                for name, value in _FIXED.items():
                    headers.setdefault(name, value)
                headers.setdefault("Content-Security-Policy", policy)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, send_with_headers)
