"""Serves conversations over a Unix socket that only its owner may open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
from typing import TYPE_CHECKING, Final

from appliance.core.ports import GenerationFailed
from appliance.inference.connection import Connection
from appliance.inference.served_model import ServedModel
from appliance.inference.turnstile import Turnstile

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_MAX_CONNECTIONS: Final = 128


class Server:
    """Listens when entered, and closes every connection when left.

    Args:
        path: of the socket; its folder must exist. A socket that a dead worker left there is replaced.
        model: what is served.
        queue: how many conversations may wait while as many are open as the cache has slots.
    """

    def __init__(self, path: Path, model: ServedModel, *, queue: int) -> None:
        self._path = path
        self._model = model
        self._turnstile = Turnstile(
            places=model.loaded.cache.slots, waiting=queue, wait_seconds=2 * model.request_seconds
        )
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Server:
        self._server = await asyncio.start_unix_server(self._accept, sock=_listen(self._path))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= _MAX_CONNECTIONS:
            _LOG.warning("too many connections; one was closed")
            writer.close()
            return
        self._connections.add(task)
        try:
            await Connection(reader, writer, self._model, self._turnstile).serve()
        except (OSError, asyncio.CancelledError):
            pass  # the client went away, or the server closes
        except Exception:  # noqa: BLE001 - the last resort of one connection, so that the others live on
            _LOG.exception("a connection failed unexpectedly")
        finally:
            self._connections.discard(task)
            writer.close()


def _listen(path: Path) -> socket.socket:
    """A socket with mode 0600 from its first moment."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            path.unlink()
        previous = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(previous)
    except OSError as error:
        listener.close()
        message = "The model's socket cannot be opened."
        action = "Check that its folder exists, is writable and has a short path."
        raise GenerationFailed(message, cause=f"{path}: {error}", action=action) from error
    listener.setblocking(False)
    return listener
