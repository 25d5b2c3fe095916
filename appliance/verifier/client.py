"""HTTP over the app's Unix socket as one of its people; every way in which an app can misbehave becomes a finding."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from appliance.core.app_output import read_trouble
from appliance.core.sandboxing import SandboxProcess
from appliance.verifier.model import AppGone, CheckFailed
from appliance.verifier.page import Page, read_page
from appliance.verifier.people import Actor, Passes

HOST: Final = "app.intramural.localhost"
ORIGIN: Final = f"http://{HOST}"
IDENTITY_HEADER: Final = "X-Intramural-Identity"
MAX_BODY_BYTES: Final = 2 << 20
_REQUEST_SECONDS: Final = 8.0
_OUTPUT_SETTLES_SECONDS: Final = 0.05

Upload = tuple[str, bytes, str]
"""File name, content, media type."""


@dataclass(frozen=True)
class Answer:
    """What came back, bounded."""

    request: str
    status: int
    headers: Mapping[str, str]
    body: str

    @property
    def page(self) -> Page:
        """The body as HTML."""
        return read_page(self.body)


@dataclass
class AppClient:
    """Talks to one running app until ``deadline`` (monotonic seconds). Not thread-safe."""

    socket: Path
    process: SandboxProcess
    passes: Passes
    deadline: float
    _clients: dict[str, httpx.Client] = field(default_factory=dict)

    def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def get(self, who: Actor | None, path: str, *, token: str | None = None) -> Answer:
        """GET as ``who`` (None: nobody, with ``token`` as their identity if given)."""
        return self._send(who, httpx.Request("GET", f"{ORIGIN}{path}", headers=self._identity(who, token)))

    def post(
        self,
        who: Actor | None,
        path: str,
        values: Mapping[str, str],
        *,
        files: Mapping[str, Upload] | None = None,
        multipart: bool = False,
        origin: str = ORIGIN,
    ) -> Answer:
        """POST a form as ``who``."""
        headers = {**self._identity(who, None), "Origin": origin}
        # A part without content still makes the form multipart, as a browser sends an empty file control.
        parts = dict(files or {"": ("", b"", "application/octet-stream")}) if multipart else None
        return self._send(
            who, httpx.Request("POST", f"{ORIGIN}{path}", data=dict(values), files=parts, headers=headers)
        )

    def send(
        self,
        who: Actor | None,
        method: str,
        path: str,
        content: Any = None,
        *,
        origin: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A request as a program of ``who`` sends it, with ``content`` as JSON; ``origin``: as a browser adds it."""
        told = {**(headers or {}), **self._identity(who, None), **({"Origin": origin} if origin else {})}
        sent = {} if content is None else {"json": content}
        return self._send(who, httpx.Request(method, f"{ORIGIN}{path}", headers=told, **sent))

    def _identity(self, who: Actor | None, token: str | None) -> dict[str, str]:
        chosen = token if token is not None else self.passes.for_actor(who) if who is not None else ""
        return {IDENTITY_HEADER: chosen} if chosen else {}

    def _client(self, who: Actor | None) -> httpx.Client:
        # One per person: each has their own cookies, as in their own browser.
        key = who.person.subject if who is not None else ""
        if key not in self._clients:
            transport = httpx.HTTPTransport(uds=str(self.socket))
            self._clients[key] = httpx.Client(transport=transport, follow_redirects=False)
        return self._clients[key]

    def _send(self, who: Actor | None, request: httpx.Request) -> Answer:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise AppGone("too_slow", "The app is too slow to be tried out completely.", detail="time is up")
        path = request.url.raw_path.decode(errors="replace")
        label = f"{request.method} {path}"
        client = self._client(who)
        client.cookies.set_cookie_header(request)
        request.extensions = {"timeout": httpx.Timeout(min(left, _REQUEST_SECONDS)).as_dict()}
        try:
            answer = _exchange(client, request, label)
        except httpx.TimeoutException as error:
            message = f"Nothing happens for a long time at {path}."
            raise AppGone("too_slow", message, detail=f"{label}: {error}") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise self._broken(label, error) from error
        if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR and answer.status != httpx.codes.NOT_IMPLEMENTED:
            raise self._server_error(answer)
        return answer

    def _broken(self, label: str, error: Exception) -> CheckFailed:
        time.sleep(_OUTPUT_SETTLES_SECONDS)
        trouble = read_trouble(self.process.output())
        detail = "; ".join(part for part in (label, str(error), trouble.error, trouble.place) if part)
        if self.process.poll() is not None:
            message = "The app stopped while it was being tried out."
            if trouble.out_of_memory:
                message = "The app used more memory than it may, and was stopped."
            return AppGone("app_stopped", message, detail=detail, file=trouble.file)
        return CheckFailed("bad_answer", "The app gives an answer that no browser understands.", detail=detail)

    def _server_error(self, answer: Answer) -> CheckFailed:
        time.sleep(_OUTPUT_SETTLES_SECONDS)
        trouble = read_trouble(self.process.output())
        if trouble.disk_full:
            return CheckFailed("disk_full", "There is no room left for the app's data.", detail=answer.request)
        detail = "; ".join(
            part for part in (f"{answer.request}: {answer.status}", trouble.error, trouble.place) if part
        )
        message = "An error page appears instead of what was asked for."
        return CheckFailed("server_error", message, detail=detail, file=trouble.file)


def _exchange(client: httpx.Client, request: httpx.Request, label: str) -> Answer:
    response = client.send(request, stream=True)
    try:
        body = bytearray()
        for piece in response.iter_bytes(65536):
            body += piece
            if len(body) > MAX_BODY_BYTES:
                message = f"the answer is over {MAX_BODY_BYTES} bytes"
                raise ValueError(message)
    finally:
        response.close()
    return Answer(label, response.status_code, dict(response.headers), body.decode(errors="replace"))


def expect(answer: Answer, wanted: tuple[int, ...], kind: str, message: str) -> Answer:
    """``answer``, if its status is one of ``wanted``.

    Raises:
        CheckFailed: of that kind.
    """
    if answer.status not in wanted:
        hint = "; ".join(answer.page.errors[:3])
        expected = " or ".join(str(status) for status in wanted)
        detail = f"{answer.request}: {answer.status} instead of {expected}{': ' + hint if hint else ''}"
        raise CheckFailed(kind, message, detail=detail)
    return answer
