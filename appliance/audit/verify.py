"""Offline verification of a log's folder, with nothing but the folder and the public keys.

Every entry is hashed again, every tile and root computed again and compared, every signature checked, and every
outcome matched with its intent. A finding names the leaves it is about. What a folder alone cannot show is that
leaves at its end were taken away together with all newer checkpoints: give an earlier checkpoint for that.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from appliance.audit.errors import AuditCorrupt, NoteError
from appliance.audit.findings import Finding, Findings, LeafChecker, VerificationReport
from appliance.audit.merkle import HASH_BYTES, Frontier, leaf_hash
from appliance.audit.note import (
    ED25519,
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    parse_checkpoint,
    parse_vkey,
)
from appliance.audit.pruned import MARK, stated_minimum
from appliance.audit.records import Record, Tail, read_records, segments
from appliance.audit.storage import CHECKPOINT
from appliance.audit.verify_anchors import Anchor, AnchorReader, Vouched
from appliance.audit.verify_tiles import TilesVerifier

_LIVE_RETRIES: Final = 5
_LIVE_SECONDS: Final = 0.005


def verify_log(
    directory: Path, vkeys: Sequence[str], *, earlier: bytes | None = None, vouched: Vouched | None = None
) -> VerificationReport:
    """Verify everything, also against what others vouch for. ``earlier`` is short for ``Vouched(earlier=…)``.

    A running log may be verified too; leaves that are appended meanwhile are not looked at.

    Raises:
        NoteError: a verifier key is malformed, or there is none.
        OSError: the folder cannot be read.
    """
    keys = tuple(parse_vkey(text) for text in vkeys)
    if not keys:
        message = "The audit log cannot be verified without its public keys."
        raise NoteError(message, action="Give the file with the verifier keys of this log.")
    if not directory.is_dir():
        raise FileNotFoundError(str(directory))
    return _Verification(directory, keys).run(vouched or Vouched(earlier=earlier))


class _Verification:
    def __init__(self, directory: Path, keys: tuple[VerifierKey, ...]) -> None:
        self._directory = directory
        self._keys = keys
        self._origin = keys[0].name
        self._findings = Findings()
        self._notes: list[str] = []
        self._leaves = LeafChecker(self._findings)
        self._tiles = TilesVerifier(directory, self._findings, self._leaves)

    def run(self, vouched: Vouched) -> VerificationReport:
        # In this order: a running log publishes before it is vouched for, and journals before it publishes.
        reader = AnchorReader(self._directory, self._keys, self._origin, self._findings, self._notes)
        anchors = reader.read(vouched)
        records = self._journal()
        checkpoint = self._checkpoint()
        wanted = {one.checkpoint.size for one in anchors}
        frontier = Frontier()
        if checkpoint is not None:
            self._allow_pruned(checkpoint)
            frontier = self._tiles.run(checkpoint, wanted)
        size = frontier.size
        journaled = self._journaled(records, frontier, wanted) if checkpoint is not None else 0
        for one in anchors:
            self._compare(one, size + journaled)
        return VerificationReport(
            origin=self._origin,
            published=size,
            journaled=journaled,
            root=frontier.root().hex(),
            outcomes=self._leaves.outcomes,
            unfinished=self._leaves.unfinished(),
            findings=self._findings.all(),
            notes=tuple(self._notes),
        )

    def _allow_pruned(self, checkpoint: Checkpoint) -> None:
        try:
            pruned = stated_minimum(self._directory, checkpoint.size)
        except AuditCorrupt as error:
            self._findings.add(Finding(MARK, error.cause))
            return
        if pruned.below:
            self._tiles.pruned = self._leaves.pruned = pruned.below
            self._notes.append(f"entries pruned up to leaf {pruned.below - 1}, as leaf {pruned.leaf} announces")

    def _journal(self) -> list[Record]:
        # Before the checkpoint is read: segments are only removed once a checkpoint covers them, so nothing is missed.
        for left in reversed(range(_LIVE_RETRIES)):
            records: list[Record] = []
            tail = ""
            try:
                for found in read_records(segments(self._directory)):
                    if isinstance(found, Tail):
                        tail = f"{found.length} bytes of an unacknowledged write end {found.segment.name}"
                    else:
                        records.append(found)
            except FileNotFoundError:
                continue
            except AuditCorrupt as error:
                # A running log may have been in the middle of a write; what is really damaged stays so.
                if left:
                    time.sleep(_LIVE_SECONDS)
                    continue
                first = records[-1].stop if records else None
                self._findings.add(Finding("journal", error.cause, first, first))
            if tail:
                self._notes.append(tail)
            return records
        self._notes.append("the journal changed too quickly to be read")
        return []

    def _checkpoint(self) -> Checkpoint | None:
        try:
            note = (self._directory / CHECKPOINT).read_bytes()
            return open_checkpoint(note, self._keys, origin=self._origin)
        except FileNotFoundError:
            self._findings.add(Finding(CHECKPOINT, "missing; without it nothing can be verified"))
        except NoteError as error:
            size = _claimed_size(note)
            self._findings.add(Finding(CHECKPOINT, error.cause, 0 if size else None, size - 1 if size else None))
        return None

    def _compare(self, anchor: Anchor, size: int) -> None:
        head = anchor.checkpoint
        if self._tiles.roots.get(head.size) == head.root:
            return
        if head.size > size:
            problem, first = "it covers more leaves than there are: the end was cut off", size
        else:
            problem, first = "another root: history changed", 0
        self._findings.add(Finding(anchor.place, f"{problem} (size {head.size})", first, max(first, head.size - 1)))

    def _journaled(self, records: Sequence[Record], frontier: Frontier, wanted: Collection[int]) -> int:
        """Compare batches with the published part and continue the tree with newer ones; returns how many leaves."""
        tree, published = frontier.copy(), frontier.size
        for record in records:
            place = f"journal/{record.segment.name}"
            hashes = [leaf_hash(entry) for entry in record.entries]
            for index, one in enumerate(hashes[: max(0, published - record.start)], record.start):
                if self._tiles.hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES] != one:
                    problem = "the journal has another entry than the published log"
                    self._findings.add(Finding(place, problem, index, index))
            if record.stop <= published:
                continue
            if record.start != tree.size:
                problem = f"leaves are missing before it; expected leaf {tree.size}"
                self._findings.add(Finding(place, problem, record.start, record.start))
                break
            for one in hashes:
                tree.push(one)
                if tree.size in wanted:
                    self._tiles.roots[tree.size] = tree.root()
            if problem := self._commit_problem(record, tree):
                self._findings.add(Finding(place, problem, record.start, record.stop - 1))
            self._leaves.read(record.start, record.entries, hashes)
        return tree.size - published

    def _commit_problem(self, record: Record, tree: Frontier) -> str:
        classical = [key for key in self._keys if key.kind == ED25519]
        try:
            signed = open_checkpoint(record.note, classical, origin=self._origin)
        except NoteError as error:
            return error.cause
        same = (signed.size, signed.root) == (tree.size, tree.root())
        return "" if same else "the leaves are not the ones that were signed"


def _claimed_size(note: bytes) -> int:
    """The size that a checkpoint states which is not to be relied on; 0 if it states none."""
    try:
        return parse_checkpoint(note.rpartition(b"\n\n")[0].decode() + "\n").size
    except (NoteError, UnicodeDecodeError):
        return 0
