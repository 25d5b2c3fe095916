"""The database: SQLite by default, PostgreSQL by URL."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event, func, inspect, select, text
from sqlmodel import Session

from . import total
from .columns import PEOPLE_TABLE
from .records import Base

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine


WRITERS: Final = 0x696E7472
"""The advisory lock that writers of one database take; let go of at the end of their transaction."""


class Database:
    """One engine. Readers get a snapshot; a writer takes the write lock at once, so that checks and changes agree."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(url, connect_args=_sqlite_arguments(url))
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def create_tables(self) -> None:
        """Make the tables that are missing, and the people's columns that an older app did not have."""
        Base.metadata.create_all(self.engine)
        there = {column["name"] for column in inspect(self.engine).get_columns(PEOPLE_TABLE)}
        with self.engine.begin() as connection:
            for name in {"phone", "job_title", "department"} - there:
                connection.execute(text(f"ALTER TABLE {PEOPLE_TABLE} ADD COLUMN {name} VARCHAR DEFAULT '' NOT NULL"))

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session for looking; nothing is kept."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session for changing; committed at the end, rolled back on any error."""
        with Session(self.engine, expire_on_commit=False) as session:
            connection = session.connection(execution_options={"for_writing": True})
            if self.engine.dialect.name == "postgresql":  # what SQLite's BEGIN IMMEDIATE does: one writer at a time
                connection.execute(select(func.pg_advisory_xact_lock(WRITERS)))
            yield session
            session.commit()

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _sqlite_arguments(url: str) -> dict[str, Any]:
    return {"timeout": 10, "check_same_thread": False} if url.startswith("sqlite") else {}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    # SQLite folds ASCII only; searching and uniqueness shall ignore case in every language.
    connection.create_function("lower", 1, _lower, deterministic=True)
    total.register(connection)


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("for_writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
