"""Follows the published log and delivers it to one receiver, at least once and in order.

It pulls from files that are already published, on its own thread, one batch at a time: memory is bounded by a batch,
and a receiver that is slow or gone delays nothing but itself. After a restart, of either side, it goes on at the leaf
that was not confirmed.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.audit.export.delivery import Destination, deliver
from appliance.audit.export.errors import DeliveryFailed
from appliance.core.errors import IntramuralError
from appliance.core.events import Event, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.audit.export.cursor import Cursor
    from appliance.audit.export.syslog import SyslogFormat
    from appliance.audit.export.view import LogView
    from appliance.core.ports import AuditSink, LeafRef

MAX_BATCH: Final = 512
MAX_BATCH_BYTES: Final = 4 << 20
IDLE_SECONDS: Final = 1.0
MAX_BACKOFF_SECONDS: Final = 60.0
STOP_SECONDS: Final = 15.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ForwarderState:
    """How it stands: the next leaf to deliver, leaves published, and the last error, empty while all is well."""

    following: int = 0
    size: int = 0
    error: str = ""

    @property
    def lag(self) -> int:
        """Published leaves that the receiver has not confirmed."""
        return max(0, self.size - self.following)


class SyslogForwarder:
    """Delivers until it is stopped. One act in the log for each run: where to, from which leaf, and up to which."""

    def __init__(
        self,
        view: Callable[[], LogView],
        destination: Destination,
        how: SyslogFormat,
        cursor: Cursor,
        audit: AuditSink,
        *,
        principal: str,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        """``view`` opens the log as it is published at that moment."""
        self._view, self._destination, self._how, self._cursor = view, destination, how, cursor
        self._audit, self._principal, self._idle = audit, principal, idle_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-syslog", daemon=True)
        self._intent: LeafRef | None = None
        self._batch = MAX_BATCH
        self.state = ForwarderState()

    def start(self) -> None:
        """Record that the log is being sent away, then begin.

        Raises:
            AuditUnavailable: it cannot be recorded, so nothing is sent.
            ExportRefused: it is not known where to begin.
        """
        following = self._cursor.read()
        details = {"format": "syslog", "payload": self._how.payload, "to": self._destination.name, "start": following}
        self._intent = self._audit.intent(
            Event.AUDIT_EXPORTED, principal=self._principal, resource="audit", details=details
        )
        self.state = ForwarderState(following)
        self._thread.start()

    def stop(self) -> None:
        """End after the batch under way, and record how far it got."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS)
        if self._intent is not None:
            intent, self._intent = self._intent, None
            self._audit.outcome(intent, Outcome.DONE, details={"stop": self.state.following})

    def step(self) -> int:
        """Deliver one batch; returns how many leaves it had.

        Raises:
            IntramuralError: the log could not be read, or the batch is not confirmed; the cursor stays where it was.
        """
        view = self._view()
        # What was pruned cannot be sent any more; pruning waits for the cursor unless somebody removed it.
        following = max(self._cursor.read(), view.minimum)
        self.state = replace(self.state, following=following, size=view.size)
        messages: list[bytes] = []
        length = 0
        for entry in view.entries(following, min(view.size, following + self._batch)):
            messages.append(self._how.message(entry, view))
            length += len(messages[-1])
            if length >= MAX_BATCH_BYTES:
                break
        if messages:
            self._deliver(messages)
            self._cursor.write(following + len(messages))
            self.state = replace(self.state, following=following + len(messages), error="")
        return len(messages)

    def _deliver(self, messages: list[bytes]) -> None:
        """A receiver that is too slow for a batch within its time gets half as much the next time, down to one."""
        try:
            deliver(self._destination, messages)
        except DeliveryFailed:
            self._batch = max(1, len(messages) // 2)
            raise
        self._batch = min(MAX_BATCH, self._batch * 2)

    def _run(self) -> None:
        backoff = self._idle
        while not self._stopping.is_set():
            try:
                if not self.step():
                    self._stopping.wait(self._idle)
                backoff = self._idle
            except IntramuralError as error:
                if not self.state.error:
                    _log.warning("%s Cause: %s", error.message, error.cause)
                self.state = replace(self.state, error=str(error))
                self._stopping.wait(backoff)
                backoff = min(MAX_BACKOFF_SECONDS, backoff * 2)
