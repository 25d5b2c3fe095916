"""Opening a log: check what is published, replay the journal through the code that wrote it, publish, begin afresh.

Replaying writes every recovered leaf anew and syncs it, so it does not matter whether pages of the old journal were
only in memory after a failed fsync. Nothing is repaired by guessing: what a crash cannot explain is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.audit import intents as open_intents
from appliance.audit.errors import AuditCorrupt, LeafRefused, NoteError
from appliance.audit.files import sync_folder
from appliance.audit.intents import OpenIntent
from appliance.audit.leaf import LeafReader
from appliance.audit.merkle import Frontier, leaf_hash
from appliance.audit.note import Checkpoint, open_checkpoint
from appliance.audit.records import FOLDER, Record, Tail, read_records, segments
from appliance.audit.storage import CHECKPOINT, TileReader, TileStore
from appliance.audit.tiles import TileBuilder, TileFile

if TYPE_CHECKING:
    from appliance.audit.keys import LogKey
    from appliance.core.clock import Clock


@dataclass(frozen=True)
class State:
    """A log that is whole again: where it ends, and which intents are open."""

    builder: TileBuilder
    intents: dict[int, OpenIntent]
    replayed: int
    torn_bytes: int


def recover(directory: Path, key: LogKey, clock: Clock) -> State:
    """Bring a folder into the state that a clean close leaves, and return it.

    Raises:
        AuditCorrupt: a file is missing, damaged or signed by another key; nothing was changed.
        OSError: the disk refuses.
    """
    published = _published(directory, key)
    reader = TileReader(directory, published.size)
    builder = reader.builder()
    if builder.frontier().root() != published.root:
        raise _corrupt("the tiles do not have the root that the checkpoint states")
    try:
        intents = open_intents.load(directory, published.size, reader)
    except LeafRefused as error:
        raise _corrupt(str(error)) from error
    replay = _Replay(directory, key, builder, intents)
    replay.run()
    fresh = not (directory / CHECKPOINT).exists()
    if fresh or builder.size > published.size:
        checkpoint = Checkpoint(key.name, builder.size, builder.frontier().root())
        state = open_intents.snapshot(builder.size, intents.values())
        files = [*replay.files, *builder.partial_files(), state]
        TileStore(directory).publish(files, key.checkpoint_note(checkpoint, clock.now()))
    remove_journal(directory)
    return State(builder, intents, builder.size - published.size, replay.torn_bytes)


def remove_journal(directory: Path) -> None:
    """Remove every segment; all they hold is published and durable. Raises OSError."""
    paths = segments(directory)
    for path in paths:
        path.unlink()
    if paths:
        sync_folder(directory / FOLDER)


class _Replay:
    def __init__(self, directory: Path, key: LogKey, builder: TileBuilder, intents: dict[int, OpenIntent]) -> None:
        self._directory, self._key, self._builder, self._intents = directory, key, builder, intents
        self._frontier: Frontier = builder.frontier()
        self._leaves = LeafReader()
        self._published = builder.size
        self.files: list[TileFile] = []
        self.torn_bytes = 0

    def run(self) -> None:
        for found in read_records(segments(self._directory)):
            if isinstance(found, Tail):
                self.torn_bytes = found.length
            elif found.stop > self._published:
                self._take(found)

    def _take(self, record: Record) -> None:
        if record.start != self._frontier.size:
            raise _corrupt(
                f"{record.segment.name} continues at leaf {record.start}, but the log ends at {self._frontier.size}"
            )
        hashes = [leaf_hash(entry) for entry in record.entries]
        for one in hashes:
            self._frontier.push(one)
        try:
            signed = open_checkpoint(record.note, [self._key.classical], origin=self._key.name)
            for index, (entry, one) in enumerate(zip(record.entries, hashes, strict=True), record.start):
                open_intents.apply(self._intents, index, entry, self._leaves, one.hex())
        except (NoteError, LeafRefused) as error:
            raise _corrupt(f"{record.segment.name}, leaf {record.start}: {error.cause}") from error
        if (signed.size, signed.root) != (self._frontier.size, self._frontier.root()):
            raise _corrupt(
                f"{record.segment.name}: the leaves from {record.start} on are not the ones that were signed"
            )
        self.files += self._builder.extend(record.entries, hashes)


def _published(directory: Path, key: LogKey) -> Checkpoint:
    path = directory / CHECKPOINT
    if not path.exists():
        if (directory / "tile").exists() or segments(directory):
            raise _corrupt("the checkpoint is missing")
        return Checkpoint(key.name, 0, Frontier().root())
    try:
        return open_checkpoint(path.read_bytes(), key.verifier_keys, origin=key.name)
    except NoteError as error:
        raise _corrupt(f"the checkpoint is not signed by this log's key: {error.cause}") from error


def _corrupt(cause: str) -> AuditCorrupt:
    message = "The audit log is not as it was written, so it is not continued."
    return AuditCorrupt(
        message,
        cause=cause,
        action="Keep a copy of the audit folder, run the verifier, and restore the folder from a backup.",
    )
