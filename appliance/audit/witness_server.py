"""The witness on the network: two paths over HTTP, everything bounded.

``POST /add-checkpoint`` as C2SP tlog-witness says; ``GET /checkpoint/<SHA-256 of the origin>`` gives the last cosigned
checkpoint, which proves to anybody how far the log once was.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from appliance.audit.witness import Answer
from appliance.audit.witness_request import ADD_CHECKPOINT, MAX_REQUEST_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.audit.witness import Witness

BODY_SECONDS: Final = 10.0
MAX_CONNECTIONS: Final = 64
_LATEST: Final = re.compile(r"/checkpoint/([0-9a-f]{64})")
_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]
Application = Callable[[_Message, _Receive, _Send], Awaitable[None]]


def make_witness_app(witness: Witness) -> Application:
    """The ASGI application of a witness."""

    async def application(scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            return
        answer = await _answer(witness, scope, receive)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return application


def serve_witness(witness: Witness, host: str, port: int, *, certificate: Path | None, key: Path | None) -> None:
    """Answer until SIGTERM or SIGINT; with TLS if ``certificate`` and ``key`` (PEM files) are given."""
    config = uvicorn.Config(
        make_witness_app(witness),
        host=host,
        port=port,
        lifespan="off",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=30,
        h11_max_incomplete_event_size=16_384,
        http="h11",
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    uvicorn.Server(config).run()


async def _answer(witness: Witness, scope: _Message, receive: _Receive) -> Answer:
    method, path = scope["method"], scope["path"]
    if path == f"/{ADD_CHECKPOINT}":
        if method != "POST":
            return Answer(405, b"use POST\n")
        try:
            body = await asyncio.wait_for(_body(receive), BODY_SECONDS)
        except TimeoutError:
            return Answer(408, b"the request did not arrive in time\n")
        if body is None:
            return Answer(413, b"the request is too large\n")
        return await asyncio.to_thread(witness.add_checkpoint, body)
    found = _LATEST.fullmatch(path)
    note = witness.latest(found[1]) if found and method == "GET" else None
    return Answer(404, b"nothing here\n") if note is None else Answer(200, note)


async def _body(receive: _Receive) -> bytes | None:
    """The whole body, or None if it is larger than a request may be."""
    content = bytearray()
    while True:
        message = await receive()
        content += message.get("body", b"")
        if len(content) > MAX_REQUEST_BYTES:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            return bytes(content)
