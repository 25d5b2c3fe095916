"""The two threads of an open log: one commits batches to the journal, one publishes them as tiles.

commit    take what waits, compute the root, sign it, write leaves and checkpoint as one record, fsync once, acknowledge
publish   at most once an interval: tiles, then the checkpoint, each durable; then drop journal segments that are done

Any error stops both for good. A failed fsync is never tried again: the kernel may have dropped the pages and report
success the second time. A new start recovers from what is really on the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.audit.errors import AuditCorrupt
from appliance.audit.intents import OpenIntent, snapshot
from appliance.audit.journal import Journal, encode_record
from appliance.audit.merkle import Frontier, leaf_hash
from appliance.audit.note import Checkpoint
from appliance.audit.storage import TileStore
from appliance.audit.tiles import TileBuilder, TileFile
from appliance.core.ports import AuditUnavailable, LeafRef

if TYPE_CHECKING:
    from appliance.audit.keys import LogKey
    from appliance.core.clock import Clock

MAX_BATCH: Final = 1024
MAX_BATCH_BYTES: Final = 4 << 20
MAX_WAITING: Final = 8192
MAX_UNPUBLISHED: Final = 65_536
WAIT_SECONDS: Final = 30.0


@dataclass(frozen=True)
class Submission:
    """A leaf on its way. ``begins`` makes the open intent it stands for; ``ends`` is the index of the one it closes."""

    entry: bytes
    begins: Callable[[LeafRef], OpenIntent] | None = None
    ends: int | None = None
    done: Future[LeafRef] = field(default_factory=Future)


@dataclass(frozen=True)
class Batch:
    """What one commit made durable."""

    start: int
    entries: tuple[bytes, ...]
    hashes: tuple[bytes, ...]
    begun: tuple[OpenIntent, ...]
    ended: tuple[int, ...]


class Failure:
    """The first error, shared by both threads and everybody who waits."""

    def __init__(self) -> None:
        self._error: AuditUnavailable | None = None
        self._lock = threading.Lock()

    def set(self, error: Exception) -> AuditUnavailable:
        """Keep ``error`` if it is the first; returns what to raise."""
        with self._lock:
            if self._error is None:
                self._error = error if isinstance(error, AuditUnavailable) else unavailable(error)
            return self._error

    def get(self) -> AuditUnavailable | None:
        """The error, wrapped afresh so that tracebacks of different callers do not mix."""
        error = self._error
        return None if error is None else type(error)(error.message, cause=error.cause, action=error.action)


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
        interval_seconds: float,
    ) -> None:
        self._store, self._journal, self._builder = store, journal, builder
        self._intents, self._key, self._clock = intents, key, clock
        self._failure, self._interval = failure, interval_seconds
        self._condition = threading.Condition()
        self._waiting: list[Batch] = []
        self._backlog = 0
        self._published = builder.size
        self._urgent = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="audit-publisher", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def hand_over(self, batch: Batch) -> None:
        """Take a committed batch; waits while too much is unpublished.

        Raises:
            AuditUnavailable: publishing stopped or cannot keep up.
        """
        with self._condition:
            room = self._condition.wait_for(
                lambda: self._backlog < MAX_UNPUBLISHED or self._failure.get() is not None, WAIT_SECONDS
            )
            if not room:
                raise unavailable(TimeoutError("publishing does not keep up"))
            if error := self._failure.get():
                raise error
            self._waiting.append(batch)
            self._backlog += len(batch.entries)
            self._condition.notify_all()

    def flush(self, size: int) -> None:
        """Return when at least ``size`` leaves are published.

        Raises:
            AuditUnavailable: that did not happen.
        """
        with self._condition:
            self._urgent = True
            self._condition.notify_all()
            reached = self._condition.wait_for(
                lambda: self._published >= size or self._failure.get() is not None, WAIT_SECONDS
            )
        if error := self._failure.get():
            raise error
        if not reached:
            raise unavailable(TimeoutError("publishing does not keep up"))

    def stop(self) -> None:
        """Publish the rest and end."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._stopping)
                if not self._stopping and not self._urgent:
                    # Let more leaves share this publication.
                    self._condition.wait_for(lambda: self._urgent or self._stopping, self._interval)
                batches, self._waiting = self._waiting, []
                self._urgent = False
                ending = self._stopping
            try:
                if batches and self._failure.get() is None:
                    self.publish(batches)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing more may be acknowledged
                self._failure.set(error)
            with self._condition:
                self._backlog -= sum(len(batch.entries) for batch in batches)
                self._published = self._builder.size if self._failure.get() is None else self._published
                self._condition.notify_all()
            if ending or self._failure.get() is not None:
                return

    def publish(self, batches: list[Batch]) -> None:
        """Make the leaves of ``batches`` part of the published log. Raises OSError."""
        files: list[TileFile] = []
        for batch in batches:
            files += self._builder.extend(batch.entries, batch.hashes)
            self._intents.update({intent.ref.index: intent for intent in batch.begun})
            for index in batch.ended:
                self._intents.pop(index, None)
        size = self._builder.size
        checkpoint = Checkpoint(self._key.name, size, self._builder.frontier().root())
        files += [*self._builder.partial_files(), snapshot(size, self._intents.values())]
        self._store.publish(files, self._key.checkpoint_note(checkpoint, self._clock.now()))
        self._journal.discard_through(size)


class Committer:
    """Turns submissions into acknowledged leaves."""

    def __init__(
        self, journal: Journal, frontier: Frontier, key: LogKey, failure: Failure, on_commit: Callable[[Batch], None]
    ) -> None:
        self._journal, self._frontier, self._key = journal, frontier, key
        self._failure, self._on_commit = failure, on_commit
        self._condition = threading.Condition()
        self._waiting: deque[Submission] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="audit-committer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, submission: Submission) -> None:
        """Queue a leaf; its future ends with the place of the leaf or with AuditUnavailable.

        Raises:
            AuditUnavailable: the log stopped, or the queue stayed full.
        """
        with self._condition:
            room = self._condition.wait_for(
                lambda: len(self._waiting) < MAX_WAITING or self._failure.get() is not None, WAIT_SECONDS
            )
            if error := self._failure.get():
                raise error
            if not room or self._stopping:
                raise unavailable(TimeoutError("the log is closing or too many leaves wait"))
            self._waiting.append(submission)
            self._condition.notify_all()

    def stop(self) -> None:
        """Commit what waits and end."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            batch = self._take()
            if not batch:
                return
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, nothing more may be acknowledged
                self._failure.set(error)
                self._refuse(batch)
                return

    def _take(self) -> list[Submission]:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._stopping)
            batch: list[Submission] = []
            total = 0
            while self._waiting and len(batch) < MAX_BATCH and total < MAX_BATCH_BYTES:
                batch.append(self._waiting.popleft())
                total += len(batch[-1].entry)
            self._condition.notify_all()
            return batch

    def _commit(self, submissions: list[Submission]) -> None:
        if error := self._failure.get():
            raise error
        start = self._frontier.size
        entries = tuple(one.entry for one in submissions)
        hashes = tuple(leaf_hash(entry) for entry in entries)
        for leaf in hashes:
            self._frontier.push(leaf)
        note = self._key.commit_note(Checkpoint(self._key.name, self._frontier.size, self._frontier.root()))
        self._journal.append(start, encode_record(start, entries, note.encode()))
        refs = [LeafRef(start + offset, leaf.hex()) for offset, leaf in enumerate(hashes)]
        begun = tuple(one.begins(ref) for one, ref in zip(submissions, refs, strict=True) if one.begins is not None)
        ended = tuple(one.ends for one in submissions if one.ends is not None)
        self._on_commit(Batch(start, entries, hashes, begun, ended))
        for submission, ref in zip(submissions, refs, strict=True):
            submission.done.set_result(ref)

    def _refuse(self, batch: list[Submission]) -> None:
        with self._condition:
            refused = [*batch, *self._waiting]
            self._waiting.clear()
            self._condition.notify_all()
        for one in refused:
            if not one.done.done():
                one.done.set_exception(self._failure.get() or AuditCorrupt("The audit log stopped."))


def unavailable(error: Exception) -> AuditUnavailable:
    """What a caller sees when the log cannot be written."""
    message = "This cannot be done now, because the audit log cannot be written."
    return AuditUnavailable(
        message,
        cause=f"{type(error).__name__}: {error}",
        action="Check the disk that holds the audit folder, then restart the appliance.",
    )
