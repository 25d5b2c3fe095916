"""The audit log, open for writing: evidence before the act and after it, durable before either call returns."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from appliance.audit import recovery
from appliance.audit.entries import Composer, as_given
from appliance.audit.errors import LeafRefused
from appliance.audit.files import is_full
from appliance.audit.intents import OpenIntent
from appliance.audit.journal import SEGMENT_BYTES, Journal, release
from appliance.audit.leaf import Leaf, LeafReader, encode_leaf
from appliance.audit.merkle import inclusion_proof
from appliance.audit.note import Checkpoint, open_checkpoint, proof_text
from appliance.audit.pruned import stated_minimum
from appliance.audit.publisher import Publisher
from appliance.audit.space import LogState, Space
from appliance.audit.storage import CHECKPOINT, TileReader, TileStore, WriterLock
from appliance.audit.writer import WAIT_SECONDS, Batch, Committer, Failure, Submission, unavailable
from appliance.core.events import Event, Outcome
from appliance.core.ports import AuditUnavailable, LeafRef

if TYPE_CHECKING:
    from appliance.audit.keys import LogKey
    from appliance.core.clock import Clock

PUBLISH_SECONDS: Final = 1.0
_RECOVERED: Final = "the appliance stopped before the end was recorded"


@dataclass(frozen=True)
class Recovery:
    """What opening the log had to repair: leaves taken from the journal, and unacknowledged bytes cut off."""

    replayed: int
    torn_bytes: int


class AuditLog:
    """Implements :class:`appliance.core.ports.AuditSink`. Safe for any number of threads; one per folder.

    Open it with :meth:`open`, close it with :meth:`close` or a ``with`` block.
    """

    def __init__(
        self,
        directory: Path,
        key: LogKey,
        clock: Clock,
        lock: WriterLock,
        *,
        publish_seconds: float,
        segment_bytes: int,
        compose: Composer,
    ) -> None:
        """Use :meth:`open`."""
        self._compose = compose
        self._directory, self._key, self._clock, self._lock = directory, key, clock, lock
        state = _recover(directory, key, clock)
        self.recovery = Recovery(state.replayed, state.torn_bytes)
        self._open = dict(state.intents)
        self._closing: set[int] = set()
        self._mutex = threading.Lock()
        self._failure = Failure()
        journal = Journal(directory, segment_bytes)
        self._journal = journal
        self._space = Space(directory, journal, segment_bytes)
        self._publisher = Publisher(
            store=TileStore(directory),
            journal=journal,
            builder=state.builder,
            intents=state.intents,
            key=key,
            clock=clock,
            failure=self._failure,
            space=self._space,
            interval_seconds=publish_seconds,
        )
        self._size = state.builder.size
        frontier = state.builder.frontier()
        self._committer = Committer(
            journal=journal,
            frontier=frontier,
            key=key,
            failure=self._failure,
            space=self._space,
            on_commit=self._on_commit,
        )
        self._closed = False

    @classmethod
    def open(
        cls,
        directory: Path,
        key: LogKey,
        clock: Clock,
        *,
        publish_seconds: float = PUBLISH_SECONDS,
        segment_bytes: int = SEGMENT_BYTES,
        compose: Composer = as_given,
    ) -> Self:
        """Open the log, or begin one in an empty or missing folder; repairs what a crash left behind.

        ``publish_seconds`` bounds how long an acknowledged leaf may be in the journal only. ``segment_bytes`` is the
        size of a journal segment, and of the reserve that lies beside it for the case of a full disk. ``compose`` says
        what an entry holds; the appliance opens its log with :func:`appliance.audit.entries.by_schema`.

        Raises:
            AuditLocked: another process writes to it.
            AuditCorrupt: what is on disk is not what was written; nothing was changed.
            AuditUnavailable: the disk refuses.
        """
        try:
            directory.mkdir(mode=0o750, parents=True, exist_ok=True)
            lock = WriterLock(directory)
            try:
                log = cls(
                    directory,
                    key,
                    clock,
                    lock,
                    publish_seconds=publish_seconds,
                    segment_bytes=segment_bytes,
                    compose=compose,
                )
            except BaseException:
                lock.release()
                raise
        except OSError as error:
            raise unavailable(error) from error
        log._publisher.start()
        log._committer.start()
        return log

    def intent(
        self, event: Event, *, principal: str, resource: str, details: Mapping[str, object] | None = None
    ) -> LeafRef:
        """Record what is about to happen; returns once the leaf is durable.

        Raises:
            LeafRefused: the values cannot be a leaf, or not one of this event; nothing was written.
            AuditDiskFull: the disk is full, and this is not administration.
            AuditUnavailable: the leaf is not durable; do not act.
        """
        self._space.admit(str(event), len(self._open))
        details = self._compose(str(event), None, details)
        time = self._clock.now()
        entry = encode_leaf(time=time, event=event, principal=principal, resource=resource, details=details)

        def begin(ref: LeafRef) -> OpenIntent:
            return OpenIntent(ref, str(event), principal, resource, time.isoformat())

        return self._append(Submission(entry, begins=begin))

    def outcome(self, intent: LeafRef, result: Outcome, *, details: Mapping[str, object] | None = None) -> LeafRef:
        """Record how it ended; event, principal and resource are repeated from the intent.

        Raises:
            LeafRefused: that intent is not open (unknown, or its outcome is recorded already), or no valid leaf.
            AuditUnavailable: the leaf is not durable.
        """
        with self._mutex:
            begun = self._open.get(intent.index)
            if begun is None or begun.ref != intent or intent.index in self._closing:
                message = "An outcome was given for something that is not open in the audit log."
                raise LeafRefused(message, cause=f"leaf {intent.index}", action="Report this as a defect.")
            self._closing.add(intent.index)
        try:
            entry = encode_leaf(
                time=self._clock.now(),
                event=begun.event,
                principal=begun.principal,
                resource=begun.resource,
                details=self._compose(begun.event, result, details),
                intent=intent,
                result=result,
            )
            return self._append(Submission(entry, ends=intent.index))
        finally:
            with self._mutex:
                self._closing.discard(intent.index)

    def unfinished(self) -> tuple[OpenIntent, ...]:
        """Intents without an outcome, oldest first. Right after opening these are acts that a crash interrupted."""
        with self._mutex:
            return tuple(self._open[index] for index in sorted(self._open))

    def record_unknown(self) -> tuple[OpenIntent, ...]:
        """Give every unfinished intent the outcome ``unknown``; for the start, before new work. Returns them.

        Raises:
            AuditUnavailable: a leaf is not durable.
        """
        begun = self.unfinished()
        for one in begun:
            self.outcome(one.ref, Outcome.UNKNOWN, details={"reason": _RECOVERED})
        return begun

    @property
    def failure(self) -> AuditUnavailable | None:
        """Why nothing more can be written, or None while all is well."""
        return self._failure.get()

    def halt(self, error: AuditUnavailable) -> None:
        """Accept nothing any more, because the log is not what it should be; for those who watch over it."""
        self._failure.set(error)

    def state(self) -> LogState:
        """What is accepted now, and if that is not everything, why and what to do."""
        return self._space.state(self.failure)

    @property
    def size(self) -> int:
        """Number of acknowledged leaves."""
        return self._size

    def checkpoint(self) -> str:
        """A signed checkpoint (note text) that covers every leaf acknowledged so far; publishes first.

        Raises:
            AuditUnavailable: it cannot be published or read.
        """
        self._publisher.flush(self._size)
        return self._published()[0]

    def proof(self, index: int) -> str:
        """A proof that leaf ``index`` is in the log (C2SP tlog-proof); stands alone with the public key.

        Raises:
            ProofError: there is no such leaf.
            AuditUnavailable: it cannot be published or read.
        """
        self._publisher.flush(min(index + 1, self._size))
        note, checkpoint = self._published()
        reader = TileReader(self._directory, checkpoint.size)
        return proof_text(index, inclusion_proof(index, checkpoint.size, reader.node), note)

    def leaves(self, start: int = 0) -> Iterator[tuple[LeafRef, Leaf]]:
        """Every acknowledged leaf from ``start`` on, in order; pruned ones are left out.

        Raises:
            AuditUnavailable: a part is missing or damaged, or it cannot be published.
        """
        self._publisher.flush(self._size)
        size = self._published()[1].size
        reader, leaves = TileReader(self._directory, size), LeafReader()
        for index, entry in reader.all_entries(max(start, stated_minimum(self._directory, size).below)):
            yield LeafRef(index, reader.node(0, index).hex()), leaves.read(entry)

    def close(self) -> None:
        """Commit and publish what waits, give back the lock. Afterwards every call raises AuditUnavailable."""
        if self._closed:
            return
        self._closed = True
        self._committer.stop()
        self._publisher.stop()
        self._journal.close()
        if self._failure.get() is None and self._publisher.published == self._size:
            recovery.remove_journal(self._directory)
        self._failure.set(AuditUnavailable("The audit log is closed.", action="Start the appliance again."))
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _append(self, submission: Submission) -> LeafRef:
        self._committer.submit(submission)
        return submission.wait(WAIT_SECONDS)

    def _on_commit(self, batch: Batch) -> None:
        with self._mutex:
            self._open.update({intent.ref.index: intent for intent in batch.begun})
            for index in batch.ended:
                self._open.pop(index, None)
            self._size = batch.start + len(batch.entries)
        self._publisher.hand_over(batch)

    def _published(self) -> tuple[str, Checkpoint]:
        try:
            note = (self._directory / CHECKPOINT).read_bytes()
        except OSError as error:
            raise unavailable(error) from error
        checkpoint = open_checkpoint(note, self._key.verifier_keys, origin=self._key.name)
        return note.decode(), checkpoint


def _recover(directory: Path, key: LogKey, clock: Clock) -> recovery.State:
    try:
        return recovery.recover(directory, key, clock)
    except OSError as error:
        # Recovery needs a little space, and that is what the reserve is for.
        if not is_full(error) or not release(directory):
            raise
        return recovery.recover(directory, key, clock)
