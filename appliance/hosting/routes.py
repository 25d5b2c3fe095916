"""From a description of the front door to Caddy's JSON configuration. Pure.

The rules (docs/sandbox.md): an app host is one origin of its own; no request header of ours survives from outside; the
gate decides on every request before the app sees a byte of it; an unknown host is 404. JSON structure:
caddyserver.com/docs/json.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.core.errors import SettingsError

Json = dict[str, object]

IDENTITY_HEADER: Final = "X-Intramural-Identity"
_OUR_HEADERS: Final = ("X-Intramural-*", "X_Intramural_*")
_SESSION_COOKIE: Final = "__Host-intramural[^=;,]*=[^;,]*;? ?"
_HOST_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SECOND: Final = 1_000_000_000  # Caddy's durations are nanoseconds
_MODEL_SECONDS: Final = 1200
"""A whole answer comes when it is complete: after its turn in the queue and its own time."""
_API_BODY: Final = 2 << 20
"""Above the service's own limit, so that its error has the shape that programs expect."""
_RESERVED: Final = frozenset({"studio"})


@dataclass(frozen=True)
class AppRoute:
    """``slug.<domain>`` leads to ``socket``."""

    slug: str
    socket: Path


@dataclass(frozen=True)
class FrontDoor:
    """Everything that Caddy must know. ``apps`` may come in any order; equal doors give equal configurations."""

    domain: str
    port: int
    web_socket: Path
    admin_socket: Path
    storage: Path
    apps: tuple[AppRoute, ...] = ()
    bind: str = "127.0.0.1"
    max_body_bytes: int = 32 << 20

    @property
    def studio_host(self) -> str:
        """The studio's host name."""
        return f"studio.{self.domain}"

    @property
    def studio_origin(self) -> str:
        """What may show an app in a frame."""
        return f"http://{self.studio_host}:{self.port}"


def admin_config(door: FrontDoor) -> Json:
    """Caddy's start: only the administration socket, nothing kept outside, nothing served yet."""
    return {
        "admin": {"listen": f"unix/{door.admin_socket}|0600", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(door.storage)},
        # Request lines of failed requests hold what people typed; they belong into no log.
        "logging": {
            "logs": {"default": {"level": "WARN", "exclude": ["http.log.error", "http.handlers.reverse_proxy"]}}
        },
    }


def caddy_config(door: FrontDoor) -> Json:
    """The whole configuration.

    Raises:
        SettingsError: a slug is no host label, is reserved, or is used twice.
    """
    _check(door)
    routes = [_studio(door), *(_app(door, app) for app in sorted(door.apps, key=lambda app: app.slug)), _NOT_FOUND]
    server: Json = {
        "listen": [f"{door.bind}:{door.port}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "read_header_timeout": 10 * _SECOND,
        "idle_timeout": 120 * _SECOND,
        "max_header_bytes": 32 << 10,
        "routes": routes,
        "errors": {"routes": [_UNAVAILABLE]},
    }
    http: Json = {"servers": {"front_door": server}, "grace_period": 3 * _SECOND}
    return {
        **admin_config(door),
        "apps": {"http": http, "tls": {"disable_ocsp_stapling": True}},
    }


def _check(door: FrontDoor) -> None:
    seen: set[str] = set()
    for app in door.apps:
        if not _HOST_LABEL.fullmatch(app.slug) or app.slug in _RESERVED or app.slug in seen:
            message = f"The address {app.slug!r} cannot be used for an app."
            raise SettingsError(message, action="Give the app another name.")
        seen.add(app.slug)


_NOT_FOUND: Final[Json] = {
    "handle": [
        {
            "handler": "static_response",
            "status_code": 404,
            "headers": {"Content-Type": ["text/plain; charset=utf-8"]},
            "body": "There is no app at this address.\n",
        }
    ]
}

_UNAVAILABLE: Final[Json] = {
    "handle": [
        {
            "handler": "static_response",
            "status_code": "{http.error.status_code}",
            "headers": {"Content-Type": ["text/plain; charset=utf-8"], "Cache-Control": ["no-store"]},
            "body": "This page cannot be shown right now ({http.error.status_code}). Please reload it in a moment.\n",
        }
    ]
}


def _route(hosts: list[str], handlers: list[Json]) -> Json:
    inner: Json = {"handler": "subroute", "routes": [{"handle": handlers}]}
    return {"match": [{"host": hosts}], "handle": [inner], "terminal": True}


def _body_limit(door: FrontDoor) -> Json:
    return {"handler": "request_body", "max_size": door.max_body_bytes}


def _clean_request() -> Json:
    return {"handler": "headers", "request": {"delete": list(_OUR_HEADERS)}}


def _response_headers() -> Json:
    fixed = {
        "X-Content-Type-Options": ["nosniff"],
        "Referrer-Policy": ["same-origin"],
        "Cross-Origin-Opener-Policy": ["same-origin"],
        "Permissions-Policy": ["camera=(), geolocation=(), microphone=(), payment=(), usb=()"],
    }
    delete = ["Server", "Via", *_OUR_HEADERS]
    return {"handler": "headers", "response": {"deferred": True, "set": fixed, "delete": delete}}


def _proxy(socket: Path, *, wait_seconds: int = 120, **more: object) -> Json:
    transport = {"protocol": "http", "dial_timeout": 3 * _SECOND, "response_header_timeout": wait_seconds * _SECOND}
    return {
        "handler": "reverse_proxy",
        "transport": transport,
        "upstreams": [{"dial": f"unix/{socket}"}],
        **more,
    }


def _studio(door: FrontDoor) -> Json:
    # The gate answers Caddy alone; from outside it does not exist.
    gate: Json = {"match": [{"path": ["/gate", "/gate/*"]}], **_NOT_FOUND, "terminal": True}
    rest: Json = {"handler": "subroute", "routes": [gate, _api(door), {"handle": [_proxy(door.web_socket)]}]}
    handlers = [_clean_request(), _response_headers(), _body_limit(door), rest]
    return _route([door.studio_host], handlers)


def _api(door: FrontDoor) -> Json:
    """Programs with keys (docs/openai-api.md): no cookie goes in or comes out, and an answer may take its time."""
    no_cookies = {"request": {"delete": ["Cookie"]}, "response": {"delete": ["Set-Cookie"]}}
    proxy = _proxy(door.web_socket, wait_seconds=_MODEL_SECONDS, headers=no_cookies, flush_interval=-1)
    limit: Json = {"handler": "request_body", "max_size": _API_BODY}
    return {"match": [{"path": ["/v1", "/v1/*"]}], "handle": [limit, proxy], "terminal": True}


def _gate(door: FrontDoor) -> Json:
    """Ask the web service; 2xx lets the request through with the identity it answers, all else goes to the browser."""
    original = {"X-Forwarded-Method": ["{http.request.method}"], "X-Forwarded-Uri": ["{http.request.uri}"]}
    identity = {IDENTITY_HEADER: [f"{{http.reverse_proxy.header.{IDENTITY_HEADER}}}"]}
    admitted: Json = {
        "match": {"status_code": [2]},
        "routes": [{"handle": [{"handler": "headers", "request": {"set": identity}}]}],
    }
    return _proxy(
        door.web_socket,
        rewrite={"method": "GET", "uri": "/gate/check?"},
        headers={"request": {"set": original, "delete": ["Content-Length", "Content-Type", "Transfer-Encoding"]}},
        handle_response=[admitted],
    )


def _app(door: FrontDoor, app: AppRoute) -> Json:
    to_web: Json = {
        "match": [{"path": ["/.intramural/*"]}],
        "handle": [_proxy(door.web_socket)],
        "terminal": True,
    }
    # Content-Security-Policies add up: the app's own may be stricter, never laxer. Inline styles draw its charts.
    policy = (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        f"base-uri 'none'; form-action 'self'; frame-ancestors 'self' {door.studio_origin}"
    )
    # The session's cookie is between the browser and the gate; an app neither sees nor sets it, nor cookies of others.
    shielded: Json = {
        "request": {"replace": {"Cookie": [{"search_regexp": _SESSION_COOKIE, "replace": ""}]}},
        "response": {
            "add": {"Content-Security-Policy": [policy]},
            "delete": ["Service-Worker-Allowed", "Clear-Site-Data"],
            "replace": {
                "Set-Cookie": [
                    {"search_regexp": r"(?i)^\s*__Host-intramural.*$", "replace": ""},
                    {"search_regexp": r"(?i);\s*domain\s*=[^;]*", "replace": ""},
                ]
            },
        },
    }
    to_app: Json = {"handle": [_gate(door), _proxy(app.socket, headers=shielded)]}
    rest: Json = {"handler": "subroute", "routes": [to_web, to_app]}
    return _route([f"{app.slug}.{door.domain}"], [_clean_request(), _response_headers(), _body_limit(door), rest])
