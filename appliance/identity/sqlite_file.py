"""A small SQLite file of this package: private, shared by threads and processes, one transaction for each change."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_WAIT_SECONDS: Final = 5.0


class SqliteFile:
    """Mode 0600, write-ahead log, deleted content overwritten. ``failed`` makes the error that is raised.

    ``durable``: a change is on the disk when it returns; otherwise a power cut may take the last second, while the end
    of a process takes nothing.
    """

    def __init__(self, path: Path, schema: str, failed: Callable[[Exception], Exception], *, durable: bool) -> None:
        """Open or make it; raises what ``failed`` makes."""
        self._failed = failed
        self._changing, self._asking = threading.RLock(), threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self._writer = _connect(path)
            self._writer.execute("PRAGMA journal_mode=WAL")
            self._writer.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            self._writer.execute("PRAGMA secure_delete=ON")
            self._writer.executescript(schema)
            # Questions have a connection of their own: a change that takes seconds holds up nobody's request.
            self._reader = _connect(path)
            self._reader.execute("PRAGMA query_only=ON")
        except (OSError, sqlite3.Error) as error:
            raise failed(error) from error

    def close(self) -> None:
        """Close it."""
        with self._changing, self._asking:
            self._writer.close()
            self._reader.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Cursor]:
        """A transaction that writes: all of the block or nothing."""
        with self._changing:
            try:
                cursor = self._writer.cursor()
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    yield cursor
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
                cursor.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._failed(error) from error

    @contextlib.contextmanager
    def question(self) -> Iterator[sqlite3.Cursor]:
        """One question; sees every change that has returned."""
        with self._asking:
            try:
                yield self._reader.cursor()
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def empty_log(self) -> bool:
        """Leave nothing that was deleted in the write-ahead log; False: a reader is on it, ask again."""
        with self._changing, self._asking:
            try:
                busy, *_ = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                raise self._failed(error) from error
        return not busy


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
