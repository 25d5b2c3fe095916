"""The demonstration issuer as a process of its own, on loopback only: ``python -m appliance.identity.demo_issuer``.

It lets anyone at this machine be anyone, so it serves 127.0.0.1 and nothing else, answers only requests that name that
address as their host (a page elsewhere cannot reach it by DNS rebinding), and says on its page what it is.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import uvicorn

from appliance.core.clock import SystemClock
from appliance.core.errors import IntramuralError, SettingsError
from appliance.identity.demo_page import STYLE, message_page, sign_in_page
from appliance.identity.demo_provider import DemoProvider, Redirect, RegisteredClient, Rejected

LOOPBACK: Final = "127.0.0.1"
DEFAULT_CLIENT_ID: Final = "intramural-studio"
KEY_FILE: Final = Path("keys") / "demo-issuer.pem"
_MAX_BODY: Final = 32 * 1024
_MAX_FIELDS: Final = 40

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class _Answer:
    status: int
    body: str = ""
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


class _BadRequest(Exception):  # noqa: N818 - ends here as a 400 page
    pass


class DemoIssuer:
    """The ASGI application."""

    def __init__(self, provider: DemoProvider, authority: str) -> None:
        self._provider = provider
        self._authority = authority

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except _BadRequest as error:
            answer = _page(400, "This request cannot be used", str(error))
        await _send(send, answer, self._policy())

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host") != self._authority:
            return _page(421, "Not here", f"This sign-in answers at {self._authority} only.")
        query = scope["query_string"]
        match scope["method"], scope["path"]:
            case "GET", "/.well-known/openid-configuration":
                answer = _json(200, self._provider.configuration())
            case "GET", "/jwks":
                answer = _json(200, self._provider.jwks())
            case "GET", "/style.css":
                answer = _Answer(200, STYLE, "text/css; charset=utf-8")
            case "GET", "/authorize":
                answer = self._ask(_fields(query))
            case "GET", "/end_session":
                target = self._provider.end_session(_fields(query))
                answer = _redirect(target) if target else _page(200, "Signed out", "You can close this page.")
            case "POST", "/authorize":
                if headers.get("origin", f"http://{self._authority}") != f"http://{self._authority}":
                    raise _BadRequest("The form was sent from another site.")
                answer = self._chosen(_fields(await _body(receive)))
            case "POST", "/token":
                answer = _json(*self._provider.exchange(_fields(await _body(receive))))
            case _:
                answer = _page(404, "No such page", "Open the studio to sign in.")
        return answer

    def _ask(self, query: dict[str, str]) -> _Answer:
        problem = self._provider.check(query)
        if isinstance(problem, Redirect):
            return _redirect(problem)
        if isinstance(problem, Rejected):
            return _page(400, "This sign-in cannot be used", problem.reason)
        return _Answer(200, sign_in_page(query))

    def _chosen(self, form: dict[str, str]) -> _Answer:
        result = self._provider.choose(form)
        if isinstance(result, Rejected):
            return _page(400, "This sign-in cannot be used", result.reason)
        return _redirect(result)

    def _policy(self) -> str:
        # form-action must name where the redirect after the form leads: Chromium applies it to redirects too.
        targets = " ".join(
            sorted({"{0.scheme}://{0.netloc}".format(urlsplit(u)) for u in self._provider.redirect_uris})
        )
        return (
            f"default-src 'none'; style-src 'self'; form-action 'self' {targets}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )


def _fields(encoded: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(encoded.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise _BadRequest("The request is not a form.") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise _BadRequest("A parameter was given twice.")
    return dict(pairs)


async def _body(receive: Receive) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body")) and message["type"] == "http.request"
        if len(body) > _MAX_BODY:
            raise _BadRequest("The request is too long.")
    return body


def _json(status: int, content: dict[str, object]) -> _Answer:
    return _Answer(status, json.dumps(content), "application/json")


def _page(status: int, title: str, text: str) -> _Answer:
    return _Answer(status, message_page(title, text))


def _redirect(target: Redirect) -> _Answer:
    return _Answer(303, headers={"location": target.location})


async def _send(send: Send, answer: _Answer, policy: str) -> None:
    body = answer.body.encode()
    headers = {
        "content-type": answer.content_type,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "content-security-policy": policy,
        # Not no-referrer: under that, browsers send "Origin: null" with the form, which other sites can send too.
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        **answer.headers,
    }
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def bind_loopback(host: str, port: int) -> socket.socket:
    """A listening socket on 127.0.0.1.

    Raises:
        SettingsError: another address was asked for, or the port is taken.
    """
    if host != LOOPBACK:
        message = f"The demonstration sign-in cannot be served on {host}."
        raise SettingsError(
            message,
            cause="it has no passwords, so whoever reaches it can be anyone",
            action=f"Leave it on {LOOPBACK}, or connect your own OpenID Connect provider.",
        )
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(64)
    except (OSError, OverflowError) as error:
        listener.close()
        message = f"The demonstration sign-in cannot use port {port}."
        raise SettingsError(
            message, cause=str(error), action="Stop what uses it, or set web.issuer_port to another port."
        ) from error
    return listener


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM. Prints ``{"issuer": …}`` on one line once it listens; 2 when it cannot start."""
    parser = argparse.ArgumentParser(prog="python -m appliance.identity.demo_issuer", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="home folder; the key lives in its keys/")
    parser.add_argument("--port", type=int, required=True, help="0: any free port")
    parser.add_argument("--host", default=LOOPBACK, help=f"{LOOPBACK} is the only one allowed")
    parser.add_argument("--client-id", default=DEFAULT_CLIENT_ID)
    parser.add_argument("--redirect-uri", action="append", required=True, help="exact; may be repeated")
    parser.add_argument("--post-logout-redirect-uri", action="append", default=[], help="exact; may be repeated")
    options = parser.parse_args(arguments)
    try:
        listener = bind_loopback(options.host, options.port)
        authority = f"{LOOPBACK}:{listener.getsockname()[1]}"
        client = RegisteredClient(
            options.client_id, tuple(options.redirect_uri), tuple(options.post_logout_redirect_uri)
        )
        provider = DemoProvider(f"http://{authority}", client, options.home / KEY_FILE, SystemClock())
    except IntramuralError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    config = uvicorn.Config(
        DemoIssuer(provider, authority),
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=128,
        timeout_graceful_shutdown=2,
    )
    sys.stdout.write(json.dumps({"issuer": f"http://{authority}"}) + "\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
