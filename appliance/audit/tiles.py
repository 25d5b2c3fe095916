"""Tiles and entry bundles as values: where they lie and what they hold (C2SP tlog-tiles). Nothing here does I/O."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.audit.errors import AuditCorrupt, ProofError
from appliance.audit.merkle import HASH_BYTES, Frontier, complete_root

WIDTH: Final = 256
LEVEL_BITS: Final = 8
ENTRIES: Final = "entries"


@dataclass(frozen=True)
class TileFile:
    """A file of the log: path relative to the log's folder, and content."""

    path: str
    content: bytes


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Path of a tile; ``level`` is ``"entries"`` for a bundle. Partial ones end in ``.p/<width>``."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.append(f"x{number % 1000:03d}")
    suffix = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{suffix}"


def levels_of(size: int) -> Iterator[tuple[int, int, int]]:
    """``(level, full tiles, width of the partial tile)`` for every level that a tree of ``size`` leaves has."""
    level = 0
    while size:
        yield level, size // WIDTH, size % WIDTH
        size //= WIDTH
        level += 1


def frame(entry: bytes) -> bytes:
    """An entry as it stands in a bundle: big-endian uint16 length, then the bytes."""
    return struct.pack(">H", len(entry)) + entry


def parse_bundle(content: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        AuditCorrupt: the lengths do not add up.
    """
    entries: list[bytes] = []
    offset = 0
    while offset < len(content):
        start = offset + 2
        stop = start + int.from_bytes(content[offset:start], "big")
        if start > len(content) or stop > len(content):
            message = "A bundle of audit entries is cut off."
            raise AuditCorrupt(message, cause=f"entry {len(entries)} at byte {offset}")
        entries.append(content[start:stop])
        offset = stop
    return entries


def parse_tile(content: bytes) -> list[bytes]:
    """The hashes of a tile.

    Raises:
        AuditCorrupt: the length is no multiple of a hash.
    """
    if len(content) % HASH_BYTES or len(content) > WIDTH * HASH_BYTES:
        message = "A tile of audit hashes has a wrong length."
        raise AuditCorrupt(message, cause=f"{len(content)} bytes")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


class TileBuilder:
    """Turns appended entries into files. Holds the rightmost, partial tile of every level. Not thread-safe."""

    def __init__(self, size: int = 0, hashes: Sequence[Sequence[bytes]] = (), bundle: Sequence[bytes] = ()) -> None:
        """``hashes`` are the partial tiles by level, ``bundle`` the entries of the partial bundle, at ``size``."""
        self._size = size
        self._hashes = [list(one) for one in hashes]
        self._bundle = list(bundle)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return self._size

    def frontier(self) -> Frontier:
        """The right edge of the tree, for computing roots from here on."""
        frontier = Frontier()
        for level in reversed(range(len(self._hashes))):
            for subtree in self._hashes[level]:
                frontier.push(subtree, level * LEVEL_BITS)
        return frontier

    def extend(self, entries: Sequence[bytes], leaf_hashes: Sequence[bytes]) -> list[TileFile]:
        """Append entries; returns the tiles and bundles that became full."""
        full: list[TileFile] = []
        for entry, one in zip(entries, leaf_hashes, strict=True):
            self._bundle.append(entry)
            self._size += 1
            if len(self._bundle) == WIDTH:
                path = tile_path(ENTRIES, self._size // WIDTH - 1)
                full.append(TileFile(path, b"".join(map(frame, self._bundle))))
                self._bundle = []
            self._push(0, one, full)
        return full

    def extend_by_tile(self, root: bytes) -> list[TileFile]:
        """Append a whole tile of 256 leaves that is known by its root only; returns the higher tiles that became full.

        For checking tiles, not for writing them: the tile itself and its entries are not kept.

        Raises:
            ProofError: the leaves so far do not end with a whole tile.
        """
        if self._bundle or self._size % WIDTH:
            message = "A tile was appended where it cannot stand."
            raise ProofError(message, cause=f"size {self._size}")
        full: list[TileFile] = []
        self._size += WIDTH
        if not self._hashes:
            self._hashes.append([])
        self._push(1, root, full)
        return full

    def partial_files(self) -> list[TileFile]:
        """The partial bundle and tiles of the present size."""
        files = []
        if self._bundle:
            path = tile_path(ENTRIES, self._size // WIDTH, len(self._bundle))
            files.append(TileFile(path, b"".join(map(frame, self._bundle))))
        for level, full, width in levels_of(self._size):
            if width:
                files.append(TileFile(tile_path(level, full, width), b"".join(self._hashes[level])))
        return files

    def _push(self, level: int, subtree: bytes, full: list[TileFile]) -> None:
        if level == len(self._hashes):
            self._hashes.append([])
        tile = self._hashes[level]
        tile.append(subtree)
        if len(tile) == WIDTH:
            number = (self._size >> (LEVEL_BITS * (level + 1))) - 1
            full.append(TileFile(tile_path(level, number), b"".join(tile)))
            self._hashes[level] = []
            self._push(level + 1, complete_root(tile), full)
