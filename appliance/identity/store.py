"""Where sessions are kept: a small SQLite file, so that a restart of the web service signs nobody out.

Secrets (session ids, one-time codes, sign-in handles) arrive here only as SHA-256 digests. The store knows rows and
deadlines; what they mean is in :mod:`appliance.identity.sessions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from appliance.identity.errors import SessionStoreError
from appliance.identity.sqlite_file import SqliteFile

Kind = Literal["pending", "studio", "code", "app"]

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entry (
    kind     TEXT NOT NULL,
    digest   BLOB NOT NULL,
    family   TEXT NOT NULL,
    subject  TEXT NOT NULL,
    content  TEXT NOT NULL,
    created  REAL NOT NULL,
    seen     REAL NOT NULL,
    deadline REAL NOT NULL,
    PRIMARY KEY (kind, digest)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entry_family ON entry (family);
CREATE INDEX IF NOT EXISTS entry_subject ON entry (subject);
CREATE INDEX IF NOT EXISTS entry_deadline ON entry (deadline);
CREATE TABLE IF NOT EXISTS provider_session (
    family TEXT PRIMARY KEY,
    sid    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS provider_session_sid ON provider_session (sid);
CREATE TABLE IF NOT EXISTS once (
    name     TEXT PRIMARY KEY,
    deadline REAL NOT NULL
) WITHOUT ROWID;
"""
MAX_ONCE: Final = 100_000


@dataclass(frozen=True)
class Entry:
    """One row. Times are POSIX seconds; ``deadline`` is absolute. ``family`` joins what is revoked together."""

    kind: Kind
    digest: bytes
    family: str
    subject: str
    content: str
    created: float
    seen: float
    deadline: float


class SessionStore(Protocol):
    """Rows by digest. Every method is atomic and raises SessionStoreError when the store cannot be used."""

    def put(self, entry: Entry) -> None:
        """Insert; the digest is new."""
        ...

    def get(self, kind: Kind, digest: bytes) -> Entry | None:
        """Read one row."""
        ...

    def take(self, kind: Kind, digest: bytes) -> Entry | None:
        """Read and delete in one step: at most one caller gets it."""
        ...

    def touch(self, kind: Kind, digest: bytes, seen: float) -> None:
        """Set ``seen``."""
        ...

    def find_family(self, kind: Kind, family: str) -> Entry | None:
        """The row of this kind in the family."""
        ...

    def replace_digest(self, kind: Kind, old: bytes, new: bytes) -> bool:
        """Give a row another digest; False if it is gone."""
        ...

    def swap(self, kind: Kind, family: str, old: str, new: str) -> bool:
        """Replace the content of the row of this kind in the family, if it is still ``old``."""
        ...

    def bind(self, family: str, sid: str) -> None:
        """Note which session at the provider a family comes from."""
        ...

    def families_of(self, sid: str) -> list[str]:
        """The families that come from a session at the provider."""
        ...

    def families_of_subject(self, kind: Kind, subject: str) -> list[str]:
        """The families of a person that have a row of this kind."""
        ...

    def once(self, name: str, now: float, deadline: float) -> bool:
        """Use a name up until ``deadline``; False when it was used before. Shared by all who use the store."""
        ...

    def used(self, name: str) -> bool:
        """Whether a name was used up."""
        ...

    def delete_family(self, family: str) -> int:
        """Delete everything in a family; returns how many rows."""
        ...

    def delete_subject(self, subject: str) -> int:
        """Delete everything of a person; returns how many rows."""
        ...

    def delete_expired(self, now: float) -> int:
        """Delete rows whose deadline has passed; returns how many."""
        ...

    def trim(self, kind: Kind, keep: int) -> int:
        """Delete the oldest rows of a kind beyond ``keep``; returns how many."""
        ...


class SqliteSessionStore:
    """A :class:`SessionStore` in one file, mode 0600. Usable from several threads; calls take well under 1 ms."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.

        Raises:
            SessionStoreError: it cannot be made, or it is not a session store.
        """
        self._path = path
        # A power cut may lose the last second of sessions; people sign in again.
        self._file = SqliteFile(path, _SCHEMA, self._failed, durable=False)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def put(self, entry: Entry) -> None:
        row = (entry.kind, entry.digest, entry.family, entry.subject, entry.content)
        with self._file.change() as cursor:
            cursor.execute(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, entry.created, entry.seen, entry.deadline)
            )

    def get(self, kind: Kind, digest: bytes) -> Entry | None:
        with self._file.question() as cursor:
            cursor.execute("SELECT * FROM entry WHERE kind = ? AND digest = ?", (kind, digest))
            row = cursor.fetchone()
        return None if row is None else Entry(*row)

    def take(self, kind: Kind, digest: bytes) -> Entry | None:
        with self._file.change() as cursor:
            cursor.execute("DELETE FROM entry WHERE kind = ? AND digest = ? RETURNING *", (kind, digest))
            row = cursor.fetchone()
        return None if row is None else Entry(*row)

    def touch(self, kind: Kind, digest: bytes, seen: float) -> None:
        with self._file.change() as cursor:
            cursor.execute("UPDATE entry SET seen = ? WHERE kind = ? AND digest = ?", (seen, kind, digest))

    def find_family(self, kind: Kind, family: str) -> Entry | None:
        with self._file.question() as cursor:
            cursor.execute("SELECT * FROM entry WHERE kind = ? AND family = ?", (kind, family))
            row = cursor.fetchone()
        return None if row is None else Entry(*row)

    def replace_digest(self, kind: Kind, old: bytes, new: bytes) -> bool:
        with self._file.change() as cursor:
            cursor.execute("UPDATE entry SET digest = ? WHERE kind = ? AND digest = ?", (new, kind, old))
            return cursor.rowcount == 1

    def swap(self, kind: Kind, family: str, old: str, new: str) -> bool:
        with self._file.change() as cursor:
            cursor.execute(
                "UPDATE entry SET content = ? WHERE kind = ? AND family = ? AND content = ?", (new, kind, family, old)
            )
            return cursor.rowcount == 1

    def bind(self, family: str, sid: str) -> None:
        with self._file.change() as cursor:
            cursor.execute("INSERT OR REPLACE INTO provider_session VALUES (?, ?)", (family, sid))

    def families_of(self, sid: str) -> list[str]:
        with self._file.question() as cursor:
            cursor.execute("SELECT family FROM provider_session WHERE sid = ?", (sid,))
            return [family for (family,) in cursor.fetchall()]

    def families_of_subject(self, kind: Kind, subject: str) -> list[str]:
        with self._file.question() as cursor:
            cursor.execute("SELECT DISTINCT family FROM entry WHERE kind = ? AND subject = ?", (kind, subject))
            return [family for (family,) in cursor.fetchall()]

    def once(self, name: str, now: float, deadline: float) -> bool:
        with self._file.change() as cursor:
            cursor.execute("DELETE FROM once WHERE deadline <= ?", (now,))
            cursor.execute("SELECT count(*) FROM once")
            if cursor.fetchone()[0] >= MAX_ONCE:
                return False
            cursor.execute("INSERT OR IGNORE INTO once VALUES (?, ?)", (name, deadline))
            return cursor.rowcount == 1

    def used(self, name: str) -> bool:
        with self._file.question() as cursor:
            cursor.execute("SELECT 1 FROM once WHERE name = ?", (name,))
            return cursor.fetchone() is not None

    def delete_family(self, family: str) -> int:
        with self._file.change() as cursor:
            cursor.execute("DELETE FROM provider_session WHERE family = ?", (family,))
            return cursor.execute("DELETE FROM entry WHERE family = ?", (family,)).rowcount

    def delete_subject(self, subject: str) -> int:
        with self._file.change() as cursor:
            return cursor.execute("DELETE FROM entry WHERE subject = ?", (subject,)).rowcount

    def erase(self, subject: str) -> dict[str, int]:
        """Delete everything of a person, from the write-ahead log too; implements ``PersonalRecords``.

        Raises:
            SessionStoreError: it could not be done, or a reader kept the write-ahead log; ask again.
        """
        removed = self.delete_subject(subject)
        if not self._file.empty_log():
            raise self._failed(TimeoutError("the write-ahead log is in use"))
        return {"sign-ins": removed}

    def delete_expired(self, now: float) -> int:
        with self._file.change() as cursor:
            gone = cursor.execute("DELETE FROM entry WHERE deadline <= ?", (now,)).rowcount
            cursor.execute("DELETE FROM provider_session WHERE family NOT IN (SELECT family FROM entry)")
            return gone

    def trim(self, kind: Kind, keep: int) -> int:
        with self._file.change() as cursor:
            return cursor.execute(
                "DELETE FROM entry WHERE kind = ? AND digest IN"
                " (SELECT digest FROM entry WHERE kind = ? ORDER BY created DESC LIMIT -1 OFFSET ?)",
                (kind, kind, keep),
            ).rowcount

    def _failed(self, error: Exception) -> SessionStoreError:
        message = "Sign-ins cannot be kept right now."
        return SessionStoreError(
            message, cause=f"{self._path}: {error}", action="Check the disk and the rights of the home folder."
        )
