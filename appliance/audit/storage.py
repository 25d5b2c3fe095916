"""The log on disk: tiles, bundles and the checkpoint, in the layout of C2SP tlog-tiles, so any such client reads it.

checkpoint              the published tree head, signed
tile/<L>/…  tile/entries/…
journal/<index>.seg     acknowledged leaves that the checkpoint does not cover yet
open-intents.json       a convenience for a quick start, never trusted as evidence
lock                    held by the writer
"""

from __future__ import annotations

import fcntl
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from appliance.audit.errors import AuditCorrupt, AuditLocked
from appliance.audit.files import write_files
from appliance.audit.merkle import node_hash
from appliance.audit.tiles import (
    ENTRIES,
    LEVEL_BITS,
    WIDTH,
    TileBuilder,
    TileFile,
    levels_of,
    parse_bundle,
    parse_tile,
    tile_path,
)

CHECKPOINT: Final = "checkpoint"
LOCK: Final = "lock"
_CACHED_TILES: Final = 256


class TileReader:
    """Reads a published log of ``size`` leaves; where a partial tile is gone, its full successor serves."""

    def __init__(self, directory: Path, size: int) -> None:
        self._directory = directory
        self._size = size
        self._cache: OrderedDict[tuple[int, int], list[bytes]] = OrderedDict()

    def read(self, level: int | str, number: int, width: int) -> bytes:
        """The stored bytes of a tile or bundle, of this width or the full one.

        Raises:
            AuditCorrupt: there is neither, or it cannot be read.
        """
        path = self._directory / tile_path(level, number, width)
        try:
            try:
                return path.read_bytes()
            except FileNotFoundError:
                return (self._directory / tile_path(level, number)).read_bytes()
        except OSError as error:
            message = "A part of the audit log is missing or cannot be read."
            raise AuditCorrupt(
                message, cause=f"{tile_path(level, number, width)}: {error.strerror}", action="Run the verifier."
            ) from error

    def hashes(self, level: int, number: int) -> list[bytes]:
        """The hashes of a tile, as many as this size has. Raises AuditCorrupt."""
        key = (level, number)
        if key not in self._cache:
            width = self.width(level, number)
            tile = parse_tile(self.read(level, number, width))
            self._cache[key] = _exactly(tile, width, tile_path(level, number, width))
            if len(self._cache) > _CACHED_TILES:
                self._cache.popitem(last=False)
        return self._cache[key]

    def entries(self, number: int) -> list[bytes]:
        """The entries of a bundle, as many as this size has. Raises AuditCorrupt."""
        width = self.width(0, number)
        path = tile_path(ENTRIES, number, width)
        return _exactly(parse_bundle(self.read(ENTRIES, number, width)), width, path)

    def width(self, level: int, number: int) -> int:
        """How many hashes a tile has at this size."""
        return min(WIDTH, (self._size >> (LEVEL_BITS * level)) - number * WIDTH)

    def node(self, level: int, index: int) -> bytes:
        """A :data:`appliance.audit.merkle.NodeSource` over the stored tiles."""
        tile_level, height = divmod(level, LEVEL_BITS)
        number, first = divmod(index << height, WIDTH)
        row = self.hashes(tile_level, number)[first : first + (1 << height)]
        while len(row) > 1:
            row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
        return row[0]

    def all_entries(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Index and bytes of every entry from ``start`` on. Raises AuditCorrupt."""
        for number in range(start // WIDTH, -(-self._size // WIDTH)):
            for offset, entry in enumerate(self.entries(number)):
                if number * WIDTH + offset >= start:
                    yield number * WIDTH + offset, entry

    def builder(self) -> TileBuilder:
        """Continue from here."""
        partial = [self.hashes(level, full) if width else [] for level, full, width in levels_of(self._size)]
        bundle = self.entries(self._size // WIDTH) if self._size % WIDTH else []
        return TileBuilder(self._size, partial, bundle)


class TileStore:
    """Writes a log's published files. One thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def publish(self, files: Sequence[TileFile], checkpoint_note: str) -> None:
        """Make tiles durable, then let the checkpoint speak for them. Raises OSError."""
        write_files(self._directory, files)
        write_files(self._directory, [TileFile(CHECKPOINT, checkpoint_note.encode())])
        for file in files:
            if "/" in file.path and not file.path.rpartition("/")[0].endswith(".p"):
                self._drop_partials(self._directory / f"{file.path}.p")

    @staticmethod
    def _drop_partials(folder: Path) -> None:
        # The full tile is durable, so the specification lets its partial forerunners go.
        if folder.is_dir():
            for one in folder.iterdir():
                one.unlink()
            folder.rmdir()


class WriterLock:
    """At most one writer: advisory locks that end with the process.

    The folder itself is locked too: a lock file can be removed while it is held, and another one made.
    """

    def __init__(self, directory: Path) -> None:
        """Take it.

        Raises:
            AuditLocked: another process has it.
            OSError: the file cannot be made.
        """
        self._descriptors: list[int] = []
        try:
            for path, flags in ((directory, os.O_RDONLY | os.O_DIRECTORY), (directory / LOCK, os.O_CREAT | os.O_RDWR)):
                self._descriptors.append(os.open(path, flags | os.O_CLOEXEC, 0o640))
                _lock(self._descriptors[-1], path)
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """Give it back."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = "The audit log is being written by another process."
        raise AuditLocked(message, cause=f"{path}: {error.strerror}", action="Stop the other one first.") from error


def _exactly(parts: list[bytes], width: int, path: str) -> list[bytes]:
    if len(parts) < width:
        message = "A part of the audit log is cut off."
        raise AuditCorrupt(message, cause=f"{path} holds {len(parts)} of {width}", action="Run the verifier.")
    return parts[:width]
