"""First come, first served: admits a number of conversations at a time; a bounded number waits and hears its place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from appliance.core.ports import GenerationBusy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Notice = Callable[[int], Awaitable[None]]


class Turnstile:
    """Belongs to one event loop.

    Args:
        places: how many may be inside at a time.
        waiting: how many may wait; the next one is refused.
        wait_seconds: how long one may wait.
        notice_seconds: how often those who wait hear their place, so that they know that somebody is there.
    """

    def __init__(
        self, *, waiting: int, places: int = 1, wait_seconds: float = 600.0, notice_seconds: float = 5.0
    ) -> None:
        self._limit = waiting
        self._free = places
        self._wait_seconds = wait_seconds
        self._notice_seconds = notice_seconds
        self._queue: list[asyncio.Event] = []

    async def enter(self, notice: Notice) -> None:
        """Wait for a place inside. ``notice`` hears how many go first, at once and again while it lasts.

        Raises:
            GenerationBusy: too many are waiting already, or it takes too long.
        """
        if self._free and not self._queue:
            self._free -= 1
            return
        if len(self._queue) >= self._limit:
            message = "The model is busy and its queue is full."
            raise GenerationBusy(message, cause=f"{self._limit} are waiting", action="Try again in a minute.")
        turn = asyncio.Event()
        deadline = asyncio.get_running_loop().time() + self._wait_seconds
        self._queue.append(turn)
        try:
            while not turn.is_set():
                self._require_time(deadline)
                await notice(self._queue.index(turn) + 1)
                try:
                    await asyncio.wait_for(turn.wait(), self._notice_seconds)
                except TimeoutError:
                    continue
        except BaseException:
            if turn.is_set():  # the place was handed over in the moment that the caller gave up
                self.leave()
            else:
                self._queue.remove(turn)
            raise

    def _require_time(self, deadline: float) -> None:
        if asyncio.get_running_loop().time() > deadline:
            message = "The model has been busy for too long."
            raise GenerationBusy(message, cause=f"{self._wait_seconds:g} s", action="Try again later.")

    def leave(self) -> None:
        """Give the place to whoever waits longest."""
        if self._queue:
            self._queue.pop(0).set()
        else:
            self._free += 1
