"""What happens during a build, as it happens: every event is stored first, then listeners are woken.

A listener gets no payload; it reads the stored events after the last one that it has seen. So a page that is reloaded,
a second viewer and the terminal all see the same, and nothing has to be buffered for a slow reader.

Event types, with their data:

==================  ==========================================================
``build.queued``    ``position`` (1 = next)
``build.started``   ``request_kind``
``stage.started``   ``stage``, ``title``
``stage.finished``  ``stage``, ``seconds``
``blueprint.text``  ``text``: the next piece
``blueprint.reset`` the text starts again
``plan.assumed``    ``names``: records and fields that were added unasked
``check``           ``stage``, ``text``, ``passed``, ``role``
``finding``         ``text``
``note``            ``text``: something that the maker should know
``code.written``    ``place``, ``status``, ``attempts``, ``source``, ``problem``, ``results`` (text, passed, why)
``repair.started``  ``round``, ``text``
``build.done``      ``report``
``build.failed``    ``error`` (code, message, cause, action), ``kept_version``
``build.cancelled`` ``kept_version``
==================  ==========================================================
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.core.clock import Clock
    from appliance.db.records import BuildEvent
    from appliance.db.repositories.builds import Builds

FINAL: Final = frozenset({"build.done", "build.failed", "build.cancelled"})
TEXT_INTERVAL_SECONDS: Final = 0.12


class EventStream:
    """Stores events and wakes whoever listens. Safe to use from any thread."""

    def __init__(self, builds: Builds, clock: Clock) -> None:
        self._builds = builds
        self._clock = clock
        self._lock = threading.Lock()
        self._listeners: dict[str, list[Callable[[], None]]] = defaultdict(list)

    def publish(self, build_id: str, type_: str, **data: Any) -> BuildEvent:
        """Store one event, then wake the listeners."""
        with self._lock:
            event = self._builds.append_event(build_id, type_, self._clock.now(), data)
            listeners = list(self._listeners.get(build_id, ()))
        for wake in listeners:
            wake()
        return event

    def after(self, build_id: str, seq: int) -> list[BuildEvent]:
        """Stored events with a higher number than ``seq``."""
        return self._builds.events(build_id, after=seq)

    @contextmanager
    def listening(self, build_id: str, wake: Callable[[], None]) -> Iterator[None]:
        """Call ``wake`` (from any thread) after each new event, until the block ends."""
        with self._lock:
            self._listeners[build_id].append(wake)
        try:
            yield
        finally:
            with self._lock:
                self._listeners[build_id].remove(wake)
                if not self._listeners[build_id]:
                    del self._listeners[build_id]


class TextStream:
    """Joins the model's pieces into a few events a second, so that storing them costs little."""

    def __init__(self, publish: Callable[[str], None]) -> None:
        self._publish = publish
        self._pending: list[str] = []
        self._last = 0.0

    def write(self, piece: str) -> None:
        """Take the next piece."""
        self._pending.append(piece)
        if time.monotonic() - self._last >= TEXT_INTERVAL_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Hand on what is pending."""
        if self._pending:
            self._publish("".join(self._pending))
            self._pending.clear()
        self._last = time.monotonic()
