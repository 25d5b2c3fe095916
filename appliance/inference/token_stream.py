"""Tokens on their way from the engine's thread to the event loop of a connection."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.inference.work import Work


class TokenStream:
    """What a work writes, as it comes; ends when the work does. Made on the loop, before the work is handed in."""

    def __init__(self, work: Work) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived: asyncio.Queue[list[int] | None] = asyncio.Queue()  # bounded by the limit of the generation
        work.on_tokens = self._post
        work.result.add_done_callback(lambda _future: self._post(None))

    async def __aiter__(self) -> AsyncIterator[list[int]]:
        while (tokens := await self._arrived.get()) is not None:
            yield tokens

    def _post(self, tokens: list[int] | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: the worker stops
            self._loop.call_soon_threadsafe(self._arrived.put_nowait, tokens)
