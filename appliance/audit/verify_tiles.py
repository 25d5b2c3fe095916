"""The published part of a verification: bundles, tiles of every level, and the checkpoint's root."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from appliance.audit.errors import AuditCorrupt
from appliance.audit.findings import Finding, Findings, LeafChecker
from appliance.audit.merkle import HASH_BYTES, Frontier, complete_root, leaf_hash
from appliance.audit.note import Checkpoint
from appliance.audit.storage import CHECKPOINT
from appliance.audit.tiles import ENTRIES, LEVEL_BITS, WIDTH, TileBuilder, TileFile, parse_bundle, tile_path


class TilesVerifier:
    """Goes through everything that the checkpoint covers, once, in order."""

    def __init__(self, directory: Path, findings: Findings, leaves: LeafChecker) -> None:
        self._directory = directory
        self._findings = findings
        self._leaves = leaves
        self.hashes = bytearray()
        """The leaf hashes, one after the other."""
        self.pruned = 0
        """Bundles that end at or below this index may be missing; then the tiles speak for their leaves."""
        self.roots: dict[int, bytes] = {}
        """The roots at the sizes that were wanted, where the log has been that large."""

    def run(self, checkpoint: Checkpoint, wanted: Collection[int]) -> Frontier:
        """Go through all tiles; returns the tree as the entries make it. ``wanted``: sizes to remember the root of."""
        builder, entries_tree, tiles_tree = TileBuilder(), Frontier(), Frontier()
        differing: list[tuple[int, int, str]] = []
        if 0 in wanted:
            self.roots[0] = entries_tree.root()
        cuts = {(size - 1) // WIDTH for size in wanted if size % WIDTH}
        for number in range(-(-checkpoint.size // WIDTH)):
            width = min(WIDTH, checkpoint.size - number * WIDTH)
            stored = self._stored_hashes(number, width)
            entries = self._bundle(number, width)
            hashes = [leaf_hash(entry) for entry in entries] if entries is not None else stored
            if hashes is None:
                break
            differing += _differences(number * WIDTH, hashes, stored, tile_path(0, number, width))
            if width == WIDTH and hashes == stored and number not in cuts:
                root = complete_root(hashes)
                entries_tree.push(root, LEVEL_BITS)
                tiles_tree.push(root, LEVEL_BITS)
                full = builder.extend_by_tile(root)
                if entries_tree.size in wanted:
                    self.roots[entries_tree.size] = entries_tree.root()
            else:
                for offset, one in enumerate(hashes):
                    entries_tree.push(one)
                    tiles_tree.push(stored[offset] if stored is not None else one)
                    if entries_tree.size in wanted:
                        self.roots[entries_tree.size] = entries_tree.root()
                full = builder.extend(entries or [b""] * width, hashes)
            self.hashes += b"".join(hashes)
            self._leaves.read(number * WIDTH, entries or [], hashes)
            for file in full:
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
            self._findings.add(Finding(path, problem, first, last))
        if not entries_hold and not tiles_hold:
            problem = f"the leaves have the root {entries.root().hex()}, the signed root is {checkpoint.root.hex()}"
            self._findings.add(Finding(CHECKPOINT, problem, 0, checkpoint.size - 1))

    def _stored_hashes(self, number: int, width: int) -> list[bytes] | None:
        content = self._read(0, number, width)
        if content is None or len(content) != width * HASH_BYTES:
            first = number * WIDTH
            problem = "missing" if content is None else f"{len(content)} bytes instead of {width * HASH_BYTES}"
            self._findings.add(Finding(tile_path(0, number, width), problem, first, first + width - 1))
            return None
        return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]

    def _bundle(self, number: int, width: int) -> list[bytes] | None:
        first, path = number * WIDTH, tile_path(ENTRIES, number, width)
        if first + width <= self.pruned and not (self._directory / path).exists():
            return None
        content = self._read(ENTRIES, number, width)
        try:
            entries = None if content is None else parse_bundle(content)
        except AuditCorrupt as error:
            self._findings.add(Finding(path, f"cut off or damaged: {error.cause}", first, first + width - 1))
            return None
        if entries is None or len(entries) != width:
            problem = "missing" if entries is None else f"{len(entries)} entries instead of {width}"
            self._findings.add(Finding(path, problem, first, first + width - 1))
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
            self._findings.add(Finding(file.path, problem, first, first + width * span - 1))
            return
        for at in range(0, len(content), HASH_BYTES):
            if content[at : at + HASH_BYTES] != file.content[at : at + HASH_BYTES]:
                start = first + at // HASH_BYTES * span
                problem = "the stored hash is not the hash of these leaves"
                self._findings.add(Finding(file.path, problem, start, start + span - 1))


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
