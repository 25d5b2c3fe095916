"""All records of an app as files, and back: ``dump`` and ``load``. The same files serve every database.

``manifest.json``, one ``tables/<table>.jsonl`` for each table (a row is a line; money in cents, instants in UTC),
``files/<key>`` for uploads. Accounts and sessions are left out. People are kept by e-mail address; what they are called
at a sign-in service is not, so that whoever signs in with the address later finds their records.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Date, DateTime, LargeBinary, Time, func, insert, select, text, update
from sqlalchemy.types import TypeDecorator

from .columns import PEOPLE_TABLE
from .records import Base, StoredFile, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Column, Connection, Table

    from .definition import Definition
    from .visit import Runtime

FORMAT: Final = "intramural-data"
VERSION: Final = 1
BATCH: Final = 500
MAX_LINE: Final = 4 << 20
_SECRET: Final = frozenset({"_accounts", "_sessions"})
_KEY: Final = re.compile(r"[0-9a-f]{40}")


class TransferRefused(Exception):  # noqa: N818
    """The files cannot be loaded, or not into this database; nothing was changed. The message is for a person."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """How much was written or read."""

    rows: int
    files: int


def tables() -> list[Table]:
    """Every table that is carried over, each after those that it refers to."""
    return [table for table in Base.metadata.sorted_tables if table.name not in _SECRET]


def dump(runtime: Runtime, folder: Path) -> Transferred:
    """Write every row and file to ``folder``, which must not exist. One snapshot, whatever happens meanwhile.

    Raises:
        TransferRefused: the folder exists.
    """
    if folder.exists():
        raise TransferRefused(f"{folder} exists already. Name a folder that does not.")
    (folder / "tables").mkdir(parents=True)
    (folder / "files").mkdir()
    counts: dict[str, int] = {}
    files = 0
    with runtime.database.reading() as session:
        connection = session.connection()
        for table in tables():
            path = folder / "tables" / f"{table.name}.jsonl"
            with path.open("w", encoding="utf-8", newline="\n") as stream:
                counts[table.name] = 0
                for row in _read(connection, table):
                    stream.write(json.dumps(row, ensure_ascii=False) + "\n")
                    counts[table.name] += 1
        for key in connection.execute(select(table_of(StoredFile).c.key)).scalars():
            source = runtime.files.path(key)
            if _KEY.fullmatch(key) and source.is_file():
                shutil.copyfile(source, folder / "files" / key)
                files += 1
    manifest = {"format": FORMAT, "version": VERSION, "app": runtime.definition.name, "tables": counts, "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return Transferred(sum(counts.values()), files)


def load(runtime: Runtime, folder: Path) -> Transferred:
    """Read what :func:`dump` wrote into a database without records: all of it or nothing.

    Raises:
        TransferRefused: the files are not complete or of another app, or there are records already.
    """
    manifest = _manifest(folder, runtime.definition)
    known = tables()
    if missing := set(manifest["tables"]) - {table.name for table in known}:
        raise TransferRefused(f"This app has no place for {', '.join(sorted(missing))}.")
    rows = files = 0
    with runtime.database.writing() as session:
        connection = session.connection()
        _require_empty(connection, runtime.definition)
        if connection.dialect.name == "sqlite":
            connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        for table in known:
            found = _fill(connection, table, folder / "tables" / f"{table.name}.jsonl")
            if found != manifest["tables"].get(table.name, 0):
                raise TransferRefused(f"The file of {table.name} is not complete.")
            rows += found
        files = _bring_files(runtime, connection, folder / "files")
        _raise_sequences(connection, known)
    return Transferred(rows, files)


def _manifest(folder: Path, definition: Definition) -> dict[str, Any]:
    try:
        told = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TransferRefused(f"{folder} has no manifest.json that can be read.") from error
    if told.get("format") != FORMAT or told.get("version") != VERSION or not isinstance(told.get("tables"), dict):
        raise TransferRefused(f"{folder} does not hold data of an app in a form that is known here.")
    if told.get("app") != definition.name:
        raise TransferRefused(f"This is the data of “{told.get('app')}”, not of “{definition.name}”.")
    return dict(told)


def _require_empty(connection: Connection, definition: Definition) -> None:
    for entity in definition.entities:
        if connection.execute(select(func.count()).select_from(table_of(entity.model))).scalar():
            raise TransferRefused(f"There are {entity.nouns} already. Load into an empty database.")


def _read(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    order = list(table.primary_key.columns)
    for row in connection.execute(select(table).order_by(*order)).mappings():
        values = {column.name: _outside(column, row[column.key], connection) for column in table.columns}
        if table.name == PEOPLE_TABLE:
            values["subject"] = None
        yield values


def _fill(connection: Connection, table: Table, path: Path) -> int:
    """Insert the rows of one file. References inside a table are set last, when every row is there."""
    own = [column for column in table.columns if column.nullable and _refers_to(column, table)]
    count, batch, later = 0, [], []
    for values in _lines(path):
        row = {column.key: _inside(column, values.get(column.name), connection) for column in table.columns}
        if unknown := values.keys() - {column.name for column in table.columns}:
            raise TransferRefused(f"{table.name} has no column {', '.join(sorted(unknown))}.")
        if any(row[column.key] is not None for column in own):
            later.append({key: row[key] for key in ("id", *(column.key for column in own))})
            row |= {column.key: None for column in own}
        batch.append(row)
        if len(batch) == BATCH:
            connection.execute(insert(table), batch)
            count, batch = count + len(batch), []
    if batch:
        connection.execute(insert(table), batch)
    for row in later:
        connection.execute(update(table).where(table.c.id == row.pop("id")).values(row))
    return count + len(batch)


def _refers_to(column: Column[Any], table: Table) -> bool:
    return any(key.column.table is table for key in column.foreign_keys)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as stream:
        number = 0
        while line := stream.readline(MAX_LINE):
            number += 1
            try:
                values = json.loads(line)
            except ValueError as error:
                raise TransferRefused(f"{path.name}, line {number}, cannot be read.") from error
            if not isinstance(values, dict):
                raise TransferRefused(f"{path.name}, line {number}, is not a row.")
            yield values


def _bring_files(runtime: Runtime, connection: Connection, folder: Path) -> int:
    """Copy uploads before the rows that name them are committed."""
    stored = table_of(StoredFile)
    brought = 0
    for key, size in connection.execute(select(stored.c.key, stored.c.size)):
        source = folder / key
        if not _KEY.fullmatch(key) or source.is_symlink() or not source.is_file() or source.stat().st_size != size:
            raise TransferRefused(f"The file {key[:60]} is missing or not the one that was uploaded.")
        target = runtime.files.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        os.chmod(target, 0o600)  # noqa: PTH101 - a copy keeps the mode that it had elsewhere
        brought += 1
    return brought


def _raise_sequences(connection: Connection, known: list[Table]) -> None:
    """PostgreSQL counts ids apart from the rows: let it go on behind the highest."""
    if connection.dialect.name != "postgresql":
        return
    for table in known:
        if "id" in table.columns and (highest := connection.execute(select(func.max(table.c.id))).scalar()):
            name = f'"{table.name}"'
            connection.execute(
                text("SELECT setval(pg_get_serial_sequence(:name, 'id'), :highest)"), {"name": name, "highest": highest}
            )


def _outside(column: Column[Any], value: Any, connection: Connection) -> Any:
    """A value as JSON: what the column stores, with days and times as text."""
    if isinstance(column.type, TypeDecorator) and value is not None and _overrides(column.type, "process_bind_param"):
        value = column.type.process_bind_param(value, connection.dialect)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value


def _inside(column: Column[Any], value: Any, connection: Connection) -> Any:
    """The value of :func:`_outside` as the column takes it."""
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    try:
        if isinstance(value, str) and isinstance(kind, DateTime):
            value = dt.datetime.fromisoformat(value)
        elif isinstance(value, str) and isinstance(kind, Date):
            value = dt.date.fromisoformat(value)
        elif isinstance(value, str) and isinstance(kind, Time):
            value = dt.time.fromisoformat(value)
        elif isinstance(value, str) and isinstance(kind, LargeBinary):
            value = bytes.fromhex(value)
    except ValueError as error:
        raise TransferRefused(f"{value!r} cannot stand in {column.table.name}.{column.name}.") from error
    if isinstance(column.type, TypeDecorator) and value is not None and _overrides(column.type, "process_result_value"):
        value = column.type.process_result_value(value, connection.dialect)
    return value


def _overrides(kind: TypeDecorator[Any], name: str) -> bool:
    """Whether a type changes values on that way; the base class only says that it does not."""
    return getattr(type(kind), name) is not getattr(TypeDecorator, name)
