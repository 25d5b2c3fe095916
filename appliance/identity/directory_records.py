"""People and groups as the directory knows them, and the tables they lie in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_PEOPLE: Final = 100_000
MAX_GROUPS: Final = 5_000
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS person (
    source    TEXT NOT NULL,
    id        TEXT NOT NULL,
    subject   TEXT NOT NULL DEFAULT '',
    user_name TEXT NOT NULL COLLATE NOCASE,
    name      TEXT NOT NULL,
    email     TEXT NOT NULL COLLATE NOCASE,
    active    INTEGER NOT NULL,
    manager   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS person_subject ON person (subject);
CREATE INDEX IF NOT EXISTS person_email ON person (email);
CREATE TABLE IF NOT EXISTS membership (
    source TEXT NOT NULL,
    grp    TEXT NOT NULL,
    person TEXT NOT NULL,
    PRIMARY KEY (source, grp, person)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS membership_person ON membership (source, person);
CREATE TABLE IF NOT EXISTS grp (
    source TEXT NOT NULL,
    id     TEXT NOT NULL,
    name   TEXT NOT NULL,
    PRIMARY KEY (source, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resource (
    kind TEXT NOT NULL,
    id   TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS token (
    name    TEXT PRIMARY KEY,
    digest  BLOB NOT NULL UNIQUE,
    created REAL NOT NULL
) WITHOUT ROWID;
"""
COLUMNS: Final = "source, id, subject, user_name, name, email, active, manager"


@dataclass(frozen=True)
class DirectoryPerson:
    """A person as one source knows them. ``subject`` is the provider's ``sub``, empty while it is not known;
    ``manager`` is the manager's id in the same source."""

    source: str
    id: str
    subject: str
    user_name: str
    name: str
    email: str
    active: bool
    manager: str = ""


@dataclass(frozen=True)
class DirectoryGroup:
    """A group with the ids of its people."""

    source: str
    id: str
    name: str
    people: tuple[str, ...] = ()
