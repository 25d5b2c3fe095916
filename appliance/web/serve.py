"""The web service on its Unix socket."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import TYPE_CHECKING, Final

import uvicorn

from appliance.core.sockets import check_socket_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from litestar import Litestar

GRACE_SECONDS: Final = 3


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


async def serve(app: Litestar, path: Path, *, on_ready: Callable[[], None]) -> None:
    """Answer on the socket ``path`` until SIGTERM or SIGINT; ``on_ready`` is called when it listens.

    Raises:
        UnsafeSocket: the path is too long for a socket.
    """
    config = uvicorn.Config(
        app,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=512,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    with listen(path) as listener:
        await _Server(config, on_ready).serve(sockets=[listener])


@contextlib.contextmanager
def listen(path: Path) -> Iterator[socket.socket]:
    """A Unix socket of mode 0600 from its first moment; a stale one is replaced, and it goes away at the end."""
    check_socket_path(path)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen(256)
    listener.setblocking(False)
    try:
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)
