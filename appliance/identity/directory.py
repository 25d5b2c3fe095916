"""The directory of people and groups: a small SQLite file that the provider's sync and SCIM write and everybody reads.

It answers three questions: is this person still here, which groups do they have, and who is their manager. It never
lets anybody in by itself: signing in is the provider's affair.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from appliance.identity.directory_records import (
    COLUMNS,
    MAX_GROUPS,
    MAX_PEOPLE,
    SCHEMA,
    DirectoryGroup,
    DirectoryPerson,
)
from appliance.identity.errors import DirectoryUnavailable
from appliance.identity.sqlite_file import SqliteFile


class Directory:
    """Reads and writes. Usable from several threads and processes; every method raises DirectoryUnavailable."""

    def __init__(self, path: Path) -> None:
        """Open or make the file, mode 0600."""
        self._path = path
        self._file = SqliteFile(path, SCHEMA, self._failed, durable=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    # --- questions ----------------------------------------------------------------------------------------------

    def gone(self, subject: str, email: str = "") -> bool:
        """Whether some source says that this person has left. Nobody whom no source knows has left."""
        rows = self._find(
            "active = 0 AND (subject = ? OR (subject = '' AND email = ? AND email != ''))", subject, email
        )
        if not rows:
            return False
        # The same address may have been given to somebody new, or back to the same person.
        back = self._find(
            "active = 1 AND (subject = ? OR (subject = '' AND email = ? AND email != ''))", subject, email
        )
        return not back

    def gone_subjects(self) -> list[str]:
        """Everybody of whom every source that knows them says that they have left."""
        with self._file.question() as cursor:
            cursor.execute(
                "SELECT subject FROM person WHERE subject != '' GROUP BY subject HAVING max(active) = 0 LIMIT ?",
                (MAX_PEOPLE,),
            )
            return [subject for (subject,) in cursor.fetchall()]

    def groups_of(self, subject: str, email: str = "") -> frozenset[str]:
        """Names of the groups that sources other than the sign-in give to a person."""
        with self._file.question() as cursor:
            cursor.execute(
                "SELECT g.name FROM person p JOIN membership m ON m.source = p.source AND m.person = p.id"
                " JOIN grp g ON g.source = m.source AND g.id = m.grp WHERE p.active = 1 AND p.source = 'scim'"
                " AND (p.subject = ? OR (p.subject = '' AND p.email = ? AND p.email != ''))",
                (subject, email),
            )
            return frozenset(name for (name,) in cursor.fetchall())

    def by_subject(self, subject: str) -> DirectoryPerson | None:
        """The person with this ``sub``."""
        return next(iter(self._find("subject = ? AND subject != ''", subject)), None)

    def by_email(self, email: str) -> DirectoryPerson | None:
        """The active person with this address, those with a known ``sub`` first."""
        found = self._find("email = ? AND email != '' AND active = 1", email)
        return next(iter(sorted(found, key=lambda person: not person.subject)), None)

    def manager_of(self, person: DirectoryPerson) -> DirectoryPerson | None:
        """The manager, if named and known."""
        found = self._find("source = ? AND id = ? AND id != ''", person.source, person.manager)
        return next(iter(found), None)

    def people(self, source: str) -> list[DirectoryPerson]:
        """Everybody whom a source knows."""
        return self._find("source = ?", source)

    def search(self, words: str, limit: int = 20) -> list[DirectoryPerson]:
        """Active people whose name or address begins with ``words``: for fields that name a person."""
        start = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        return self._find("active = 1 AND (name LIKE ? ESCAPE '\\' OR email LIKE ? ESCAPE '\\')", start, start)[:limit]

    def group_names(self) -> list[str]:
        """All groups, by name."""
        with self._file.question() as cursor:
            cursor.execute("SELECT DISTINCT name FROM grp ORDER BY name LIMIT ?", (MAX_GROUPS,))
            return [name for (name,) in cursor.fetchall()]

    # --- changes ------------------------------------------------------------------------------------------------

    def put_person(self, person: DirectoryPerson) -> None:
        """Add or replace; a ``sub`` that is known stays when the new row has none."""
        with self._file.change() as cursor:
            self._put(cursor, person)

    def link(self, subject: str, email: str) -> None:
        """Somebody signed in: note which ``sub`` belongs to the address."""
        with self._file.change() as cursor:
            cursor.execute(
                "UPDATE person SET subject = ? WHERE subject = '' AND email = ? AND email != ''", (subject, email)
            )

    def replace_all(self, source: str, people: Sequence[DirectoryPerson], groups: Iterable[DirectoryGroup]) -> None:
        """Everything that a source says now, in one transaction; people it does not name any more are marked gone."""
        here = {person.id for person in people}
        with self._file.change() as cursor:
            for person in people:
                self._put(cursor, person)
            cursor.execute("SELECT id FROM person WHERE source = ? AND active = 1", (source,))
            for (id_,) in cursor.fetchall():
                if id_ not in here:
                    cursor.execute("UPDATE person SET active = 0 WHERE source = ? AND id = ?", (source, id_))
            cursor.execute("DELETE FROM grp WHERE source = ?", (source,))
            cursor.execute("DELETE FROM membership WHERE source = ?", (source,))
            for group in groups:
                self._put_group(cursor, group)

    def erase(self, subject: str) -> dict[str, int]:
        """Remove name and address of a person who has left; implements ``PersonalRecords``.

        Whoever is still here stays: the next sync would bring them back anyway.
        """
        with self._file.change() as cursor:
            cursor.execute(
                "SELECT source, id FROM person WHERE subject = ? AND subject != '' AND active = 0", (subject,)
            )
            rows = cursor.fetchall()
            for source, id_ in rows:
                cursor.execute("DELETE FROM resource WHERE kind = 'User' AND id = ?", (id_,))
                cursor.execute(
                    "UPDATE person SET user_name = '', name = '', email = '', manager = '' WHERE source = ? AND id = ?",
                    (source, id_),
                )
        return {"directory entries": len(rows)}

    # --- what SCIM keeps beside ---------------------------------------------------------------------------------

    def resources(self) -> tuple[int, list[tuple[str, str]]]:
        """All SCIM resources as kind and JSON, and the number of the state they are from."""
        with self._file.change() as cursor:
            cursor.execute("SELECT kind, body FROM resource ORDER BY kind, id")
            rows = [(kind, body) for kind, body in cursor.fetchall()]
            return self._version(cursor), rows

    def version(self) -> int:
        """Changes when another connection has written."""
        with self._file.change() as cursor:
            return self._version(cursor)

    def keep_user(self, source: str, id_: str, body: str | None, person: DirectoryPerson | None) -> None:
        """Keep a resource and the person that it is, both or neither; None: remove the one and mark the other as gone.

        In one transaction: an identity system that reads back that somebody is gone does not say so again.
        """
        with self._file.change() as cursor:
            self._keep_resource(cursor, "User", id_, body)
            if person is None:
                self._gone(cursor, source, id_)
            else:
                self._put(cursor, person)

    def keep_group(self, source: str, id_: str, body: str | None, group: DirectoryGroup | None) -> None:
        """The same for a group; None removes both."""
        with self._file.change() as cursor:
            self._keep_resource(cursor, "Group", id_, body)
            if group is None:
                self._remove_group(cursor, source, id_)
            else:
                self._put_group(cursor, group)

    def add_token(self, name: str, digest: bytes, created: float) -> bool:
        """Keep the digest of a token; False when the name is taken."""
        with self._file.change() as cursor:
            cursor.execute("INSERT OR IGNORE INTO token VALUES (?, ?, ?)", (name, digest, created))
            return cursor.rowcount == 1

    def remove_token(self, name: str) -> bool:
        """Forget a token; False when there was none."""
        with self._file.change() as cursor:
            cursor.execute("DELETE FROM token WHERE name = ?", (name,))
            return cursor.rowcount == 1

    def token_name(self, digest: bytes) -> str | None:
        """The name of the token with this digest."""
        with self._file.question() as cursor:
            cursor.execute("SELECT name FROM token WHERE digest = ?", (digest,))
            row = cursor.fetchone()
            return None if row is None else str(row[0])

    def tokens(self) -> list[tuple[str, float]]:
        """Names of the tokens, and when they were made."""
        with self._file.question() as cursor:
            cursor.execute("SELECT name, created FROM token ORDER BY name")
            return [(name, created) for name, created in cursor.fetchall()]

    # ------------------------------------------------------------------------------------------------------------

    @staticmethod
    def _keep_resource(cursor: sqlite3.Cursor, kind: str, id_: str, body: str | None) -> None:
        if body is None:
            cursor.execute("DELETE FROM resource WHERE kind = ? AND id = ?", (kind, id_))
        else:
            cursor.execute("INSERT OR REPLACE INTO resource VALUES (?, ?, ?)", (kind, id_, body))

    @staticmethod
    def _gone(cursor: sqlite3.Cursor, source: str, id_: str) -> None:
        cursor.execute("UPDATE person SET active = 0 WHERE source = ? AND id = ?", (source, id_))
        cursor.execute("DELETE FROM membership WHERE source = ? AND person = ?", (source, id_))

    @staticmethod
    def _remove_group(cursor: sqlite3.Cursor, source: str, id_: str) -> None:
        cursor.execute("DELETE FROM grp WHERE source = ? AND id = ?", (source, id_))
        cursor.execute("DELETE FROM membership WHERE source = ? AND grp = ?", (source, id_))

    @staticmethod
    def _version(cursor: sqlite3.Cursor) -> int:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])

    @staticmethod
    def _put(cursor: sqlite3.Cursor, person: DirectoryPerson) -> None:
        cursor.execute(
            f"INSERT INTO person ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source, id) DO UPDATE SET"  # noqa: S608
            " subject = CASE excluded.subject WHEN '' THEN subject ELSE excluded.subject END,"
            " user_name = excluded.user_name, name = excluded.name, email = excluded.email,"
            " active = excluded.active, manager = excluded.manager",
            (
                *(person.source, person.id, person.subject, person.user_name, person.name, person.email),
                *(int(person.active), person.manager),
            ),
        )

    @staticmethod
    def _put_group(cursor: sqlite3.Cursor, group: DirectoryGroup) -> None:
        cursor.execute("INSERT OR REPLACE INTO grp VALUES (?, ?, ?)", (group.source, group.id, group.name))
        cursor.execute("DELETE FROM membership WHERE source = ? AND grp = ?", (group.source, group.id))
        rows = [(group.source, group.id, person) for person in group.people]
        cursor.executemany("INSERT OR IGNORE INTO membership VALUES (?, ?, ?)", rows)

    def _find(self, where: str, *values: str) -> list[DirectoryPerson]:
        with self._file.question() as cursor:
            query = f"SELECT {COLUMNS} FROM person WHERE {where} ORDER BY name, source, id LIMIT {MAX_PEOPLE}"  # noqa: S608
            cursor.execute(query, values)
            rows = cursor.fetchall()
        return [
            DirectoryPerson(source, id_, subject, user_name, name, email, bool(active), manager)
            for source, id_, subject, user_name, name, email, active, manager in rows
        ]

    def _failed(self, error: Exception) -> DirectoryUnavailable:
        message = "The directory of people cannot be used right now."
        return DirectoryUnavailable(
            message, cause=f"{self._path}: {error}", action="Check the disk and the rights of the home folder."
        )
