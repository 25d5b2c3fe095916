"""Offline verification of a log's folder, with nothing but the folder and the public keys.

Every entry is hashed again, every tile and root computed again and compared, every signature checked, and every
outcome matched with its intent. A finding names the leaves it is about. What a folder alone cannot show is that
leaves at its end were taken away together with all newer checkpoints: give an earlier checkpoint for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.audit.errors import AuditCorrupt, LeafRefused, NoteError
from appliance.audit.intents import OpenIntent, open_intent
from appliance.audit.journal import Record, Tail, read_records, segments
from appliance.audit.leaf import Leaf, LeafReader
from appliance.audit.merkle import HASH_BYTES, Frontier, leaf_hash
from appliance.audit.note import (
    ED25519,
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    open_note,
    parse_checkpoint,
    parse_vkey,
)
from appliance.audit.storage import CHECKPOINT
from appliance.audit.tiles import ENTRIES, LEVEL_BITS, WIDTH, TileBuilder, TileFile, parse_bundle, tile_path
from appliance.core.ports import LeafRef

MAX_FINDINGS: Final = 100
_LIVE_RETRIES: Final = 5


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was written. ``first`` and ``last`` are leaf indexes, None where it is not a leaf."""

    place: str
    problem: str
    first: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        if self.first is None:
            return f"{self.place}: {self.problem}"
        leaves = f"leaf {self.first}" if self.first == self.last else f"leaves {self.first} to {self.last}"
        return f"{leaves}, {self.place}: {self.problem}"


@dataclass(frozen=True)
class VerificationReport:
    """The verdict. ``published`` leaves are covered by the checkpoint, ``journaled`` more by signed batches after it."""

    origin: str
    published: int
    journaled: int
    root: str
    outcomes: int
    unfinished: tuple[OpenIntent, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def size(self) -> int:
        """All leaves."""
        return self.published + self.journaled


def verify_log(directory: Path, vkeys: Sequence[str], *, earlier: bytes | None = None) -> VerificationReport:
    """Verify everything. ``earlier`` is a checkpoint of this log that was kept elsewhere.

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
    return _Verification(directory, keys).run(earlier)


class _Verification:
    def __init__(self, directory: Path, keys: tuple[VerifierKey, ...]) -> None:
        self._directory = directory
        self._keys = keys
        self._origin = keys[0].name
        self._findings: list[Finding] = []
        self._notes: list[str] = []
        self._leaves = LeafReader()
        self._open: dict[int, tuple[LeafRef, Leaf]] = {}
        self._outcomes = 0
        self._hashes = bytearray()
        self._roots: dict[int, bytes] = {}

    def run(self, earlier: bytes | None) -> VerificationReport:
        records = self._journal()
        checkpoint = self._checkpoint()
        wanted = self._earlier(earlier)
        frontier = Frontier()
        if checkpoint is not None:
            frontier = self._published(checkpoint, wanted)
        size = frontier.size
        journaled = self._journaled(records, frontier, wanted) if checkpoint is not None else 0
        if wanted is not None and self._roots.get(wanted.size) != wanted.root:
            short = wanted.size > size + journaled
            problem = (
                "it covers more leaves than there are: the end was cut off"
                if short
                else "another root: history changed"
            )
            self._find(Finding("earlier checkpoint", f"{problem} (size {wanted.size})"))
        return VerificationReport(
            origin=self._origin,
            published=size,
            journaled=journaled,
            root=frontier.root().hex(),
            outcomes=self._outcomes,
            unfinished=tuple(open_intent(ref, leaf) for ref, leaf in self._open.values()),
            findings=tuple(self._findings),
            notes=tuple(self._notes),
        )

    def _journal(self) -> list[Record]:
        # Before the checkpoint is read: segments are only removed once a checkpoint covers them, so nothing is missed.
        for _ in range(_LIVE_RETRIES):
            records: list[Record] = []
            try:
                for found in read_records(segments(self._directory)):
                    if isinstance(found, Tail):
                        self._notes.append(f"{found.length} bytes of an unacknowledged write end {found.segment.name}")
                    else:
                        records.append(found)
            except FileNotFoundError:
                continue
            except AuditCorrupt as error:
                first = records[-1].stop if records else None
                self._find(Finding("journal", error.cause, first, first))
            return records
        self._notes.append("the journal changed too quickly to be read")
        return []

    def _checkpoint(self) -> Checkpoint | None:
        try:
            note = (self._directory / CHECKPOINT).read_bytes()
            return open_checkpoint(note, self._keys, origin=self._origin)
        except FileNotFoundError:
            self._find(Finding(CHECKPOINT, "missing; without it nothing can be verified"))
        except NoteError as error:
            self._find(Finding(CHECKPOINT, error.cause))
        return None

    def _earlier(self, note: bytes | None) -> Checkpoint | None:
        if note is None:
            return None
        try:
            checkpoint = parse_checkpoint(open_note(note, self._keys).text)
        except NoteError as error:
            self._find(Finding("earlier checkpoint", error.cause))
            return None
        if checkpoint.origin != self._origin:
            self._find(Finding("earlier checkpoint", f"of another log, {checkpoint.origin}"))
            return None
        return checkpoint

    def _published(self, checkpoint: Checkpoint, wanted: Checkpoint | None) -> Frontier:
        """Go through all tiles; returns the tree as the entries make it."""
        builder, entries_tree, tiles_tree = TileBuilder(), Frontier(), Frontier()
        differing: list[tuple[int, int, str]] = []
        self._roots[0] = entries_tree.root()
        for number in range(-(-checkpoint.size // WIDTH)):
            width = min(WIDTH, checkpoint.size - number * WIDTH)
            stored = self._stored_hashes(number, width)
            entries = self._bundle(number, width)
            hashes = [leaf_hash(entry) for entry in entries] if entries is not None else stored
            if hashes is None:
                break
            differing += _differences(number * WIDTH, hashes, stored, tile_path(0, number, width))
            for offset, one in enumerate(hashes):
                entries_tree.push(one)
                tiles_tree.push(stored[offset] if stored is not None else one)
                if wanted is not None and entries_tree.size == wanted.size:
                    self._roots[wanted.size] = entries_tree.root()
            self._hashes += b"".join(hashes)
            self._read_leaves(number * WIDTH, entries or [], hashes)
            for file in builder.extend(entries or [b""] * width, hashes):
                self._compare(file)
        for file in builder.partial_files():
            self._compare(file)
        self._judge(checkpoint, entries_tree, tiles_tree, differing)
        return entries_tree

    def _judge(
        self, checkpoint: Checkpoint, entries: Frontier, tiles: Frontier, differing: list[tuple[int, int, str]]
    ) -> None:
        whole = entries.size == checkpoint.size
        entries_hold = whole and entries.root() == checkpoint.root
        tiles_hold = whole and tiles.root() == checkpoint.root
        for first, last, path in differing:
            if tiles_hold:
                problem = "the entry is not the one that was signed"
            elif entries_hold:
                problem = "the stored hash was altered; the entry is as it was signed"
            else:
                problem = "entry and stored hash differ"
            self._find(Finding(path, problem, first, last))
        if not entries_hold and not tiles_hold:
            problem = f"the leaves have the root {entries.root().hex()}, the signed root is {checkpoint.root.hex()}"
            self._find(Finding(CHECKPOINT, problem, 0, checkpoint.size - 1))

    def _stored_hashes(self, number: int, width: int) -> list[bytes] | None:
        content = self._read(0, number, width)
        if content is None or len(content) != width * HASH_BYTES:
            first = number * WIDTH
            problem = "missing" if content is None else f"{len(content)} bytes instead of {width * HASH_BYTES}"
            self._find(Finding(tile_path(0, number, width), problem, first, first + width - 1))
            return None
        return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]

    def _bundle(self, number: int, width: int) -> list[bytes] | None:
        first, path = number * WIDTH, tile_path(ENTRIES, number, width)
        content = self._read(ENTRIES, number, width)
        try:
            entries = None if content is None else parse_bundle(content)
        except AuditCorrupt as error:
            self._find(Finding(path, f"cut off or damaged: {error.cause}", first, first + width - 1))
            return None
        if entries is None or len(entries) != width:
            problem = "missing" if entries is None else f"{len(entries)} entries instead of {width}"
            self._find(Finding(path, problem, first, first + width - 1))
            return None
        return entries

    def _read(self, level: int | str, number: int, width: int) -> bytes | None:
        try:
            return (self._directory / tile_path(level, number, width)).read_bytes()
        except OSError:
            if width == WIDTH:
                return None
        # The log may have grown since the checkpoint was read; then the full tile begins with the partial one.
        content = self._read(level, number, WIDTH)
        if content is None:
            return None
        if level != ENTRIES:
            return content[: width * HASH_BYTES]
        stop = 0
        for _ in range(width):
            stop += 2 + int.from_bytes(content[stop : stop + 2], "big")
        return content[:stop]

    def _compare(self, file: TileFile) -> None:
        _, level, *rest = file.path.split("/")
        if level in (ENTRIES, "0"):
            return
        span = 1 << (LEVEL_BITS * int(level))
        number, width = _number_of(rest)
        content = self._read(int(level), number, width)
        first = number * WIDTH * span
        if content is None or len(content) != len(file.content):
            problem = "missing" if content is None else f"{len(content)} bytes instead of {len(file.content)}"
            self._find(Finding(file.path, problem, first, first + width * span - 1))
            return
        for at in range(0, len(content), HASH_BYTES):
            if content[at : at + HASH_BYTES] != file.content[at : at + HASH_BYTES]:
                start = first + at // HASH_BYTES * span
                problem = "the stored hash is not the hash of these leaves"
                self._find(Finding(file.path, problem, start, start + span - 1))

    def _read_leaves(self, start: int, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        for index, (entry, one) in enumerate(zip(entries, hashes, strict=False), start):
            try:
                leaf = self._leaves.read(entry)
            except LeafRefused as error:
                self._find(Finding("entry", error.cause, index, index))
                continue
            if leaf.intent is None:
                self._open[index] = (LeafRef(index, one.hex()), leaf)
                continue
            self._outcomes += 1
            ref, begun = self._open.pop(leaf.intent.index, (None, leaf))
            if ref != leaf.intent:
                self._find(Finding("entry", f"an outcome without an open intent at {leaf.intent.index}", index, index))
            elif (leaf.event, leaf.principal, leaf.resource) != (begun.event, begun.principal, begun.resource):
                self._find(Finding("entry", f"an outcome unlike its intent at {leaf.intent.index}", index, index))

    def _journaled(self, records: Sequence[Record], frontier: Frontier, wanted: Checkpoint | None) -> int:
        """Check batches against the published part, and continue the tree with what is newer; returns how many leaves."""
        tree, published = frontier.copy(), frontier.size
        classical = [key for key in self._keys if key.kind == ED25519]
        for record in records:
            place = f"journal/{record.segment.name}"
            for index, entry in enumerate(record.entries, record.start):
                one = leaf_hash(entry)
                if index < published and self._hashes[index * HASH_BYTES : (index + 1) * HASH_BYTES] != one:
                    self._find(Finding(place, "the journal has another entry than the published log", index, index))
            if record.stop <= published:
                continue
            if record.start != tree.size:
                self._find(
                    Finding(
                        place, f"leaves are missing before it; expected leaf {tree.size}", record.start, record.start
                    )
                )
                break
            hashes = [leaf_hash(entry) for entry in record.entries]
            for one in hashes:
                tree.push(one)
                if wanted is not None and tree.size == wanted.size:
                    self._roots[wanted.size] = tree.root()
            try:
                signed = open_checkpoint(record.note, classical, origin=self._origin)
                problem = (
                    "" if (signed.size, signed.root) == (tree.size, tree.root()) else "not the leaves that were signed"
                )
            except NoteError as error:
                problem = error.cause
            if problem:
                self._find(Finding(place, problem, record.start, record.stop - 1))
            self._read_leaves(record.start, record.entries, hashes)
        return tree.size - published

    def _find(self, finding: Finding) -> None:
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(finding)


def _differences(
    start: int, hashes: Sequence[bytes], stored: Sequence[bytes] | None, path: str
) -> list[tuple[int, int, str]]:
    """Runs of leaves whose entry does not have the stored hash."""
    if stored is None or hashes == stored:
        return []
    runs: list[tuple[int, int, str]] = []
    for index, (one, other) in enumerate(zip(hashes, stored, strict=True), start):
        if one == other:
            continue
        if runs and runs[-1][1] == index - 1:
            runs[-1] = (runs[-1][0], index, path)
        else:
            runs.append((index, index, path))
    return runs


def _number_of(parts: Sequence[str]) -> tuple[int, int]:
    """Tile number and width from the path elements after the level."""
    width = int(parts[-1]) if len(parts) > 1 and parts[-2].endswith(".p") else WIDTH
    digits = [one.removesuffix(".p").lstrip("x") for one in (parts[:-1] if width != WIDTH else parts)]
    return int("".join(digits)), width
