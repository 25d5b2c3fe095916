"""A published log as an export sees it: one checkpoint, the entries that it covers, and their proofs.

An export reads files that are already published. It takes no lock, holds one bundle of entries in memory at a time, and
nothing that writes the log ever waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

from appliance.audit.errors import AuditCorrupt, LeafRefused
from appliance.audit.export.errors import ExportRefused
from appliance.audit.leaf import Leaf, LeafReader
from appliance.audit.merkle import inclusion_proof, leaf_hash
from appliance.audit.note import Checkpoint, VerifierKey, open_checkpoint
from appliance.audit.pruned import stated_minimum
from appliance.audit.storage import CHECKPOINT, TileReader
from appliance.audit.tiles import WIDTH

_CACHED_NODES: Final = 8192


@dataclass(frozen=True)
class Entry:
    """One leaf: its place, RFC 6962 hash, exact bytes, and what they say."""

    index: int
    hash: bytes
    raw: bytes
    leaf: Leaf


@dataclass(frozen=True)
class RangeProof:
    """That the entries ``[start, stop)`` are the ones in the tree of ``size`` leaves, all of them, in this order.

    ``left`` and ``right`` are the roots of the complete subtrees before and after, left to right: as few as there can
    be. Whoever hashes the entries in between gets the root.
    """

    start: int
    stop: int
    size: int
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


class LogView:
    """A log at one checkpoint. Safe for one thread."""

    def __init__(self, directory: Path, keys: Sequence[VerifierKey]) -> None:
        """Read the checkpoint that is published now.

        Raises:
            NoteError: it is not signed by every one of ``keys``.
            AuditCorrupt: it is missing, or the log says something untrue of itself.
        """
        try:
            self.note = (directory / CHECKPOINT).read_bytes()
        except OSError as error:
            message = "There is no audit log here that could be exported."
            raise AuditCorrupt(message, cause=str(error), action="Give the folder of the log.") from error
        self.keys = tuple(keys)
        self.checkpoint: Checkpoint = open_checkpoint(self.note, keys, origin=keys[0].name)
        self.minimum = stated_minimum(directory, self.checkpoint.size).below
        self._reader = TileReader(directory, self.checkpoint.size)
        # Neighbouring leaves share almost all of their proofs.
        self._node = lru_cache(maxsize=_CACHED_NODES)(self._reader.node)

    @property
    def origin(self) -> str:
        """Name of the log."""
        return self.checkpoint.origin

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self.checkpoint.size

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """The entries ``[start, stop)`` in order, each compared with its hash in the tree.

        Raises:
            ExportRefused: the range is not in the log, or begins among entries that were pruned.
            AuditCorrupt: an entry is missing, changed, or no leaf.
        """
        stop = self.size if stop is None else stop
        self.require(start, stop)
        leaves = LeafReader()
        for number in range(start // WIDTH, -(-stop // WIDTH)):
            hashes = self._reader.hashes(0, number)
            for offset, raw in enumerate(self._reader.entries(number)):
                index = number * WIDTH + offset
                if start <= index < stop:
                    yield self._checked(index, raw, hashes[offset], leaves)

    def entry(self, index: int) -> Entry:
        """One entry. Raises like :meth:`entries`."""
        return next(self.entries(index, index + 1))

    def proof(self, index: int) -> tuple[bytes, ...]:
        """The inclusion proof of a leaf. Raises ProofError if there is none."""
        return inclusion_proof(index, self.size, self._node)

    def range_proof(self, start: int, stop: int) -> RangeProof:
        """The proof that ``[start, stop)`` is a part of the tree, whole and in order. Raises ExportRefused."""
        self.require(start, stop)
        left = tuple(self._reader.node(level, index) for level, index in subtrees(0, start))
        right = tuple(self._reader.node(level, index) for level, index in subtrees(stop, self.size))
        return RangeProof(start, stop, self.size, left, right)

    def require(self, start: int, stop: int) -> None:
        """Raises ExportRefused unless every entry of ``[start, stop)`` is kept."""
        if not 0 <= start <= stop <= self.size:
            message = f"The log has the entries 0 to {self.size - 1}; {start} to {stop - 1} cannot be exported."
            raise ExportRefused(message, action="Give a range inside the log.")
        if start < self.minimum and start < stop:
            message = f"Entries below {self.minimum} were pruned; an export can begin there."
            raise ExportRefused(message, action=f"Begin at {self.minimum}, or use an archive made before.")

    def between(self, first: datetime | None, last: datetime | None) -> tuple[int, int]:
        """The smallest range that holds every kept entry with a time in ``[first, last)``; None: without bound."""
        start, stop = self.size, self.minimum
        for entry in self.entries(self.minimum):
            if (first is None or entry.leaf.time >= first) and (last is None or entry.leaf.time < last):
                start, stop = min(start, entry.index), entry.index + 1
        return (start, stop) if start < stop else (self.size, self.size)

    @staticmethod
    def _checked(index: int, raw: bytes, stored: bytes, leaves: LeafReader) -> Entry:
        hashed = leaf_hash(raw)
        try:
            if hashed != stored:
                raise _changed(index, "the entry does not have the hash that the tree has")
            return Entry(index, hashed, raw, leaves.read(raw))
        except LeafRefused as error:
            raise _changed(index, error.cause) from error


def subtrees(start: int, stop: int) -> Iterator[tuple[int, int]]:
    """``(level, index)`` of the complete subtrees that make up ``[start, stop)``, left to right; fewest possible."""
    while start < stop:
        level = (stop - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        yield level, start >> level
        start += 1 << level


def _changed(index: int, cause: str) -> AuditCorrupt:
    message = "The audit log is not as it was written, so it is not exported."
    return AuditCorrupt(message, cause=f"leaf {index}: {cause}", action="Run the verifier.")
