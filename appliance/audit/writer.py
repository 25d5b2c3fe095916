"""The thread that makes leaves durable: take what waits, compute the root, sign it, write leaves and checkpoint as one
record, sync once, acknowledge.

A full disk refuses the batch, before anything of it was written. Any other error stops the log for good. A failed sync
is never tried again: the kernel may have dropped the pages and report success the second time. A new start recovers
from what is really on the disk.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.audit.files import is_full
from appliance.audit.intents import OpenIntent
from appliance.audit.merkle import Frontier, leaf_hash
from appliance.audit.note import Checkpoint
from appliance.audit.records import encode_record
from appliance.core.ports import AuditUnavailable, LeafRef

if TYPE_CHECKING:
    from appliance.audit.journal import Journal
    from appliance.audit.keys import LogKey
    from appliance.audit.space import Space

MAX_BATCH: Final = 1024
MAX_BATCH_BYTES: Final = 1 << 20
MAX_WAITING: Final = 8192
WAIT_SECONDS: Final = 30.0


class Submission:
    """A leaf on its way. ``begins`` makes the open intent it stands for; ``ends`` is the index of the one it closes.

    A lock that its owner waits for is all the synchronisation there is: with dozens of callers, waking each one costs
    as much as making the batch durable.
    """

    __slots__ = ("_answer", "_gate", "begins", "ends", "entry")

    def __init__(
        self, entry: bytes, begins: Callable[[LeafRef], OpenIntent] | None = None, ends: int | None = None
    ) -> None:
        self.entry, self.begins, self.ends = entry, begins, ends
        self._answer: LeafRef | AuditUnavailable | None = None
        self._gate = threading.Lock()
        self._gate.acquire()

    def settle(self, answer: LeafRef | AuditUnavailable) -> None:
        """Say how it ended, once."""
        if self._answer is None:
            self._answer = answer
            self._gate.release()

    def wait(self, seconds: float) -> LeafRef:
        """Where the leaf stands.

        Raises:
            AuditUnavailable: it is not durable, or that was not known in time.
        """
        if not self._gate.acquire(timeout=seconds):
            raise unavailable(TimeoutError(f"no answer from the disk in {seconds:.0f} s"))
        if isinstance(self._answer, LeafRef):
            return self._answer
        raise self._answer or unavailable(TimeoutError("no answer"))


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

    def raised(self) -> AuditUnavailable:
        """The error, which there must be by now."""
        return self.get() or unavailable(RuntimeError("the log stopped"))


class Committer:
    """Turns submissions into acknowledged leaves."""

    def __init__(
        self,
        *,
        journal: Journal,
        frontier: Frontier,
        key: LogKey,
        failure: Failure,
        space: Space,
        on_commit: Callable[[Batch], None],
    ) -> None:
        self._journal, self._frontier, self._key = journal, frontier, key
        self._failure, self._space, self._on_commit = failure, space, on_commit
        self._condition = threading.Condition()
        self._waiting: deque[Submission] = deque()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="audit-committer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def submit(self, submission: Submission) -> None:
        """Queue a leaf; it is settled with its place or with AuditUnavailable.

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
            if len(self._waiting) == 1:
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
                if isinstance(error, OSError) and is_full(error):
                    self._space.set(error)
                    self._refuse(batch, self._space.refusal)
                    continue
                self._failure.set(error)
                with self._condition:
                    waiting = list(self._waiting)
                    self._waiting.clear()
                    self._condition.notify_all()
                self._refuse([*batch, *waiting], self._failure.raised)
                return

    def _take(self) -> list[Submission]:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._stopping)
            batch: list[Submission] = []
            total = 0
            was_full = len(self._waiting) >= MAX_WAITING
            while self._waiting and len(batch) < MAX_BATCH and total < MAX_BATCH_BYTES:
                batch.append(self._waiting.popleft())
                total += len(batch[-1].entry)
            if was_full:
                self._condition.notify_all()
            return batch

    def _commit(self, submissions: list[Submission]) -> None:
        if error := self._failure.get():
            raise error
        start, tree = self._frontier.size, self._frontier.copy()
        entries = tuple(one.entry for one in submissions)
        hashes = tuple(leaf_hash(entry) for entry in entries)
        for leaf in hashes:
            tree.push(leaf)
        note = self._key.commit_note(Checkpoint(self._key.name, tree.size, tree.root()))
        self._journal.append(start, encode_record(start, entries, note.encode()))
        self._frontier = tree
        refs = [LeafRef(start + offset, leaf.hex()) for offset, leaf in enumerate(hashes)]
        begun = tuple(one.begins(ref) for one, ref in zip(submissions, refs, strict=True) if one.begins is not None)
        ended = tuple(one.ends for one in submissions if one.ends is not None)
        self._on_commit(Batch(start, entries, hashes, begun, ended))
        for submission, ref in zip(submissions, refs, strict=True):
            submission.settle(ref)

    @staticmethod
    def _refuse(batch: Iterable[Submission], error: Callable[[], AuditUnavailable]) -> None:
        for one in batch:
            one.settle(error())


def unavailable(error: Exception) -> AuditUnavailable:
    """What a caller sees when the log cannot be written."""
    message = "This cannot be done now, because the audit log cannot be written."
    return AuditUnavailable(
        message,
        cause=f"{type(error).__name__}: {error}",
        action="Check the disk that holds the audit folder, then restart the appliance.",
    )
