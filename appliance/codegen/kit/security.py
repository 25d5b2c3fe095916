"""Secrets and what they sign: form tokens, flash messages, the local sign-in; and the headers of every answer."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pathlib import Path

    from .settings import Settings

SECRET_BYTES: Final = 32
NONCE_BYTES: Final = 9


@dataclass(frozen=True, slots=True)
class Signer:
    """HMAC-SHA256 with a key of this installation; ``purpose`` keeps one use apart from another."""

    key: bytes

    def _mac(self, purpose: str, text: str) -> str:
        digest = hmac.new(self.key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest[:24]).decode()

    def derive(self, purpose: str, text: str) -> str:
        """43 characters that only this installation can make from ``text``."""
        digest = hmac.new(self.key, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def form_token(self, subject: str) -> str:
        """A token for one person's forms, different each time so that compression cannot reveal it."""
        nonce = secrets.token_urlsafe(NONCE_BYTES)
        return f"{nonce}.{self._mac('form', f'{subject}.{nonce}')}"

    def form_token_holds(self, token: str, subject: str) -> bool:
        """Whether :meth:`form_token` made this token for that person."""
        nonce, _, mac = token.partition(".")
        return hmac.compare_digest(mac.encode(), self._mac("form", f"{subject}.{nonce}").encode())

    def seal(self, purpose: str, value: Any, *, seconds: int) -> str:
        """A JSON value that the browser keeps and cannot change; valid for ``seconds``."""
        body = json.dumps([int(time.time()) + seconds, value], separators=(",", ":")).encode()
        text = base64.urlsafe_b64encode(body).decode().rstrip("=")  # cookies do without padding
        return f"{text}.{self._mac(purpose, text)}"

    def open(self, purpose: str, sealed: str) -> Any:
        """The value of :meth:`seal`, or None if it was changed or is too old."""
        text, _, mac = sealed.partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(purpose, text).encode()):
            return None
        expires, value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return value if expires >= time.time() else None


def load_signer(data_dir: Path) -> Signer:
    """The key in the data folder, made at the first start, readable by the app only."""
    path = data_dir / "secret.key"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_bytes(secrets.token_bytes(SECRET_BYTES))
        fresh.replace(path)
    return Signer(path.read_bytes())


def same_origin(origin: str | None, host: str) -> bool:
    """Whether a request comes from a page of this app; browsers send ``Origin`` with every form."""
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def security_headers(settings: Settings) -> dict[str, str]:
    """Headers of every answer. No inline script or style runs, nothing is loaded from elsewhere."""
    ancestors = settings.frame_ancestors or "'none'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        f"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    )
    headers = {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), microphone=(), geolocation=()",
    }
    return headers if settings.frame_ancestors else {**headers, "x-frame-options": "DENY"}
