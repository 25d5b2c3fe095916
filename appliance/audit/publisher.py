"""The thread that turns committed leaves into tiles and checkpoints, and keeps the journal's reserve.

At most once an interval: tiles, then the checkpoint, each durable; then journal segments that are done are dropped.
When the disk is full it tries again every second. Any other error stops the log for good, since what a failed sync left
behind is unknowable; a new start recovers from what is really on the disk.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from appliance.audit.files import is_full
from appliance.audit.intents import OpenIntent, snapshot
from appliance.audit.note import Checkpoint
from appliance.audit.writer import WAIT_SECONDS, Batch, Failure, unavailable

if TYPE_CHECKING:
    from appliance.audit.journal import Journal
    from appliance.audit.keys import LogKey
    from appliance.audit.space import Space
    from appliance.audit.storage import TileStore
    from appliance.audit.tiles import TileBuilder, TileFile
    from appliance.core.clock import Clock

MAX_UNPUBLISHED: Final = 65_536
MAX_UNPUBLISHED_BYTES: Final = 64 << 20
SNAPSHOT_LEAVES: Final = 65_536
RETRY_SECONDS: Final = 1.0
_STRIDE: Final = 32


class Publisher:
    """Owns the tiles on disk while the log is open."""

    def __init__(
        self,
        *,
        store: TileStore,
        journal: Journal,
        builder: TileBuilder,
        intents: dict[int, OpenIntent],
        key: LogKey,
        clock: Clock,
        failure: Failure,
        space: Space,
        interval_seconds: float,
        on_publish: Callable[[], None] = lambda: None,
    ) -> None:
        self._store, self._journal, self._builder = store, journal, builder
        self._intents, self._key, self._clock = intents, key, clock
        self._failure, self._space, self._interval = failure, space, interval_seconds
        self._on_publish = on_publish
        self._condition = threading.Condition()
        self._waiting: list[Batch] = []
        self._files: list[TileFile] = []
        self._backlog = self._backlog_bytes = 0
        self._published = self._snapshot_size = builder.size
        self._urgent = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="audit-publisher", daemon=True)

    @property
    def published(self) -> int:
        """How many leaves the checkpoint covers."""
        return self._published

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def hand_over(self, batch: Batch) -> None:
        """Take a committed batch; waits while too much is unpublished.

        Raises:
            AuditUnavailable: publishing stopped or cannot keep up.
        """
        with self._condition:
            if not self._condition.wait_for(self._has_room, WAIT_SECONDS):
                raise unavailable(TimeoutError("publishing does not keep up"))
            if error := self._failure.get():
                raise error
            self._waiting.append(batch)
            self._backlog += len(batch.entries)
            self._backlog_bytes += sum(map(len, batch.entries))
            self._condition.notify_all()

    def flush(self, size: int) -> None:
        """Return when at least ``size`` leaves are published.

        Raises:
            AuditUnavailable: that did not happen.
        """
        with self._condition:
            if self._published >= size:
                return
            self._urgent = True
            self._condition.notify_all()
            reached = self._condition.wait_for(
                lambda: self._published >= size or self._failure.get() is not None or self._space.is_full, WAIT_SECONDS
            )
            if self._published >= size:
                return
        if error := self._failure.get():
            raise error
        if reached:
            raise self._space.refusal()
        raise unavailable(TimeoutError("publishing does not keep up"))

    def stop(self) -> None:
        """Publish the rest and end."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _has_room(self) -> bool:
        # When the disk is full, the room in the journal is the bound.
        small = self._backlog < MAX_UNPUBLISHED and self._backlog_bytes < MAX_UNPUBLISHED_BYTES
        return small or self._space.is_full or self._failure.get() is not None

    def _run(self) -> None:
        ending = False
        while not ending and self._failure.get() is None:
            batches, ending = self._take()
            try:
                self._absorb(batches)
                self._settle(ending=ending)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing more may be acknowledged
                self._failure.set(error)
            with self._condition:
                self._condition.notify_all()

    def _take(self) -> tuple[list[Batch], bool]:
        with self._condition:
            if self._space.is_full:
                self._condition.wait_for(lambda: self._stopping, RETRY_SECONDS)
            elif self._journal.has_reserve and self._condition.wait_for(
                lambda: self._waiting or self._stopping, RETRY_SECONDS
            ):
                # Let more leaves share this publication.
                self._condition.wait_for(lambda: self._urgent or self._stopping, self._interval)
            batches, self._waiting = self._waiting, []
            self._urgent = False
            return batches, self._stopping

    def _absorb(self, batches: list[Batch]) -> None:
        for batch in batches:
            for at in range(0, len(batch.entries), _STRIDE):
                part = slice(at, at + _STRIDE)
                self._files += self._builder.extend(batch.entries[part], batch.hashes[part])
                # Give way: a thread that only computes keeps the interpreter for 5 ms at a time, and callers wait.
                time.sleep(0)
            self._intents.update({intent.ref.index: intent for intent in batch.begun})
            for index in batch.ended:
                self._intents.pop(index, None)

    def _settle(self, *, ending: bool) -> None:
        """Publish what is new and see to the reserve, as far as the disk has space."""
        full: OSError | None = None
        steps: list[Callable[[], None]] = [self._journal.prepare]
        if self._builder.size > self._published:
            steps.insert(0, lambda: self._publish(ending=ending))
        for step in steps:
            try:
                step()
            except OSError as error:
                if not is_full(error):
                    raise
                full = error
        self._space.set(full or self._space.shortage())

    def _publish(self, *, ending: bool) -> None:
        size = self._builder.size
        checkpoint = Checkpoint(self._key.name, size, self._builder.frontier().root())
        files = [*self._files, *self._builder.partial_files()]
        if ending or size - self._snapshot_size >= SNAPSHOT_LEAVES:
            files.append(snapshot(size, list(self._intents.values())))
            self._snapshot_size = size
        self._store.publish(files, self._key.checkpoint_note(checkpoint, self._clock.now()))
        self._files = []
        self._journal.discard_through(size)
        with self._condition:
            self._published = size
            self._backlog = sum(len(batch.entries) for batch in self._waiting)
            self._backlog_bytes = sum(len(entry) for batch in self._waiting for entry in batch.entries)
        self._on_publish()
