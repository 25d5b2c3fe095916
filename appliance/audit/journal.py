"""The journal: where a batch of leaves becomes durable with one sync, before it is acknowledged.

Segments are made of zeros before they are needed, and there is always one more of them, the *reserve*. So an append
needs no space on the disk, and when the disk is full there is still room for administration and for the ends of what
was begun. Once tiles that hold the leaves are durable, a segment has done its work and is removed.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

from appliance.audit.files import allocate, is_full, make_folders, sync_data, sync_folder, write_at
from appliance.audit.records import FOLDER, corrupt, segments

RESERVE: Final = "reserve"
SEGMENT_BYTES: Final = 4 << 20
MIN_SEGMENT_BYTES: Final = 1 << 16


class Journal:
    """Appends records. One thread appends; another may call :meth:`prepare` and :meth:`discard_through`."""

    def __init__(self, directory: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._base = directory
        self._folder = directory / FOLDER
        self._reserve = self._folder / RESERVE
        self._segment_bytes = segment_bytes
        self._descriptor = -1
        self._written = self._capacity = 0
        self._current: tuple[int, Path] | None = None
        self._closed: tuple[tuple[int, Path], ...] = ()
        self._mutex = threading.Lock()
        self._reserved = 0
        state = directory.stat()
        self._identity = (state.st_dev, state.st_ino)

    @property
    def room(self) -> int:
        """Bytes that can be appended without any space on the disk."""
        return self._capacity - self._written + self._reserved

    @property
    def has_reserve(self) -> bool:
        """Whether the next segment is there already, and whole."""
        return self._reserved >= self._segment_bytes

    def prepare(self) -> None:
        """See to it that there is a reserve.

        Raises:
            OSError: also when there is no space for a whole one; then there is as much of one as the disk has.
        """
        with self._mutex:
            if self.has_reserve:
                return
            make_folders(self._base, self._folder)
            try:
                if not self._is_whole_reserve():
                    fresh = self._reserve.with_suffix(".new")
                    fresh.unlink(missing_ok=True)
                    allocate(fresh, self._segment_bytes)
                    fresh.rename(self._reserve)
                    sync_folder(self._folder)
            except OSError as error:
                if is_full(error) and not self._reserved:
                    self._make_some_reserve(MIN_SEGMENT_BYTES)
                raise
            self._reserved = self._segment_bytes

    def append(self, start: int, record: bytes) -> None:
        """Write and sync one record whose first leaf is ``start``.

        After any error but a full disk the journal must not be used again: what a failed sync left behind is
        unknowable. When the disk is full, nothing was written.

        Raises:
            OSError: the disk is full (:func:`~appliance.audit.files.is_full`), gone or failing.
            AuditCorrupt: the segment was removed, replaced or changed by somebody else.
        """
        if self._written + len(record) > self._capacity:
            self._roll(start, len(record))
        state = os.fstat(self._descriptor)
        if state.st_nlink != 1 or state.st_size != self._capacity:
            raise corrupt(self._folder, self._written, "the segment was removed or changed while in use")
        base = self._base.stat()
        if (base.st_dev, base.st_ino) != self._identity:
            raise corrupt(self._base, 0, "the folder was replaced while in use")
        write_at(self._descriptor, record, self._written)
        sync_data(self._descriptor)
        self._written += len(record)

    def discard_through(self, size: int) -> None:
        """Remove closed segments that hold only leaves below ``size``. Raises OSError."""
        closed, current = self._closed, self._current
        if not closed:
            return
        following = [start for start, _ in closed[1:]] + [current[0] if current else size]
        for (_, path), stop in zip(closed, following, strict=True):
            if stop <= size:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the current segment."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._current = None
        self._written = self._capacity = 0

    def _roll(self, start: int, length: int) -> None:
        with self._mutex:
            if self._reserved < length:
                self._make_some_reserve(length)
            path = self._folder / f"{start:020d}.seg"
            self._reserve.rename(path)
            capacity, self._reserved = self._reserved, 0
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        sync_folder(self._folder)
        if self._current is not None:
            os.close(self._descriptor)
            kept = tuple(one for one in self._closed if one[1].exists())
            self._closed = (*kept, self._current)
        self._descriptor, self._written, self._capacity, self._current = descriptor, 0, capacity, (start, path)

    def _make_some_reserve(self, length: int) -> None:
        """A whole reserve, or where the disk has no space for that, as much of one as it has. Raises OSError."""
        make_folders(self._base, self._folder)
        self._reserve.unlink(missing_ok=True)
        size = max(length, self._segment_bytes)
        while True:
            try:
                allocate(self._reserve, size)
            except OSError as error:
                smaller = max(length, size // 2, MIN_SEGMENT_BYTES)
                if not is_full(error) or smaller >= size:
                    raise
                size = smaller
            else:
                self._reserved = size
                return

    def _is_whole_reserve(self) -> bool:
        """Whether an earlier run left a reserve that still is one; what is in it would be taken for a damaged write."""
        try:
            return self._reserve.read_bytes() == bytes(self._segment_bytes)
        except FileNotFoundError:
            return False


def release(directory: Path) -> bool:
    """Give the space of the reserve and of what was never written in segments back to the disk, so that a start on a
    full disk can publish; says whether there was any. Raises OSError."""
    freed = False
    for path in segments(directory):
        written = len(path.read_bytes().rstrip(b"\x00"))
        freed = freed or path.stat().st_size > written
        os.truncate(path, written)
    reserve = directory / FOLDER / RESERVE
    if reserve.exists():
        reserve.unlink()
        freed = True
    return freed
