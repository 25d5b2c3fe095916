"""The four cookies. ``__Host-`` (RFC 6265bis §4.1.3.2): Secure, this host only, whole site; hidden from scripts."""

from __future__ import annotations

from typing import Final

from litestar.datastructures import Cookie

STUDIO: Final = "__Host-intramural"
APP: Final = "__Host-intramural-app"
PENDING: Final = "__Host-intramural-signin"
BROWSER: Final = "__Host-intramural-browser"
"""On an app's origin: a secret of this browser, to which codes into the app are bound."""


def issue(name: str, value: str, *, max_age: int | None = None) -> Cookie:
    """A cookie for this host. SameSite=Lax: links from a mail still find the person signed in, foreign forms do not."""
    return Cookie(key=name, value=value, path="/", secure=True, httponly=True, samesite="lax", max_age=max_age)


def expire(name: str) -> Cookie:
    """The same cookie, removed."""
    return issue(name, "", max_age=0)
