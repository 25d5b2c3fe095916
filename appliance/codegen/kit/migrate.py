"""Where a migration happens: from one SQLite file to the next, or within one PostgreSQL database; all or nothing."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import MetaData, insert, inspect, select, text
from sqlalchemy.engine import make_url

from .database import Database
from .migration import Migration, Stopped
from .migration_archive import Applied, placed
from .migration_plan import Plan, PlanRefused, read_plan
from .migration_source import BATCH, Source
from .records import Base, table_of
from .settings import Settings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

    from .definition import Definition

OLD_SCHEMA: Final = "before_migration"
_TABLE_NAMED: Final = {"_history": "record"}
_FIELD_NAMED: Final = {"_sequences": "name", "_reminders_done": "key"}


def main(package: str, arguments: list[str]) -> int:
    """``migrate plan.json [--trial] [--result FILE]``. Exit codes: 0 done, 3 rows stand in the way, 2 refused."""
    parser = argparse.ArgumentParser(prog=f"python -m {package} migrate")
    parser.add_argument("plan", type=Path, help="what is to become of the records; written by the appliance")
    parser.add_argument("--trial", action="store_true", help="do everything, then take it back")
    parser.add_argument("--result", type=Path, help="where the result is written, as JSON (default: standard output)")
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment(os.environ)
        plan = read_plan(options.plan)
        definition = importlib.import_module(f"{package}.app").DEFINITION
        result = migrate(definition, settings.database_url, plan, trial=options.trial)
    except (SettingsError, PlanRefused) as error:
        print(f"{package} cannot migrate: {error}", file=sys.stderr)
        return 2
    body = json.dumps(result, ensure_ascii=False)
    if options.result is None:
        print(body)
    else:
        options.result.write_text(body, encoding="utf-8")
    return 0 if result["ok"] else 3


def migrate(definition: Definition, url: str, plan: Plan, *, trial: bool = False) -> dict[str, Any]:
    """Bring the records behind ``url`` to the tables of ``definition``; the result as JSON values.

    The old SQLite file stays beside the new one as ``<name>.before-<version>``. Where rows stand in the way, or with
    ``trial``, everything stays as it was.
    """
    if (done := _done(url, plan)) is not None:
        return {**done, "already": True}
    try:
        if url.startswith("sqlite"):
            return _sqlite(definition, url, plan, trial=trial)
        return _postgresql(definition, url, plan, trial=trial)
    except Stopped as stopped:
        return stopped.result.as_dict()


def _done(url: str, plan: Plan) -> dict[str, Any] | None:
    if url.startswith("sqlite") and not Path(str(make_url(url).database)).exists():
        return None
    with _opened(url) as database, database.reading() as session:
        if Applied.__tablename__ not in inspect(session.connection()).get_table_names():
            return None
        table = table_of(Applied)
        return session.scalar(select(table.c.result).where(table.c.id == plan.id))


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()


def _sqlite(definition: Definition, url: str, plan: Plan, *, trial: bool) -> dict[str, Any]:
    """Into a new file, which takes the old one's place in one rename."""
    path = Path(str(make_url(url).database))
    new = path.with_name(f"{path.name}.next")
    _remove(new)
    try:
        with _opened(url) as old, _opened(f"sqlite:///{new}") as fresh:
            with old.reading() as reading, fresh.engine.connect() as target:
                # Rows are filled in table by table; whether every reference leads somewhere is looked at in the end.
                # Inside a transaction the pragma would do nothing.
                target.exec_driver_sql("COMMIT")
                target.exec_driver_sql("PRAGMA foreign_keys=OFF")
                target.exec_driver_sql("BEGIN")
                target.commit()
                target.execution_options(for_writing=True)
                result = _fill(definition, plan, Source(reading.connection(), plan), target)
                broken = target.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(20)
                if broken:
                    raise LookupError(f"references lead nowhere: {broken}")
                target.commit()
            _settle(fresh)
            _settle(old)
        if trial:
            return result
        shutil.copyfile(path, path.with_name(f"{path.name}.before-{plan.version}"))
        _sync(new)
        new.replace(path)
        _sync(path.parent)
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        return result
    finally:
        _remove(new)


def _settle(database: Database) -> None:
    """Everything into the one file."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _postgresql(definition: Definition, url: str, plan: Plan, *, trial: bool) -> dict[str, Any]:
    """In one transaction: the old tables step aside into a schema of their own, which goes when all has arrived."""
    with _opened(url) as database, database.engine.connect() as connection:
        transaction = connection.begin()
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('migrate'))"))
        connection.execute(text(f"CREATE SCHEMA {OLD_SCHEMA}"))
        quote = connection.dialect.identifier_preparer.quote
        for name in inspect(connection).get_table_names():
            connection.execute(text(f"ALTER TABLE {quote(name)} SET SCHEMA {OLD_SCHEMA}"))
        result = _fill(definition, plan, Source(connection, plan, schema=OLD_SCHEMA), connection)
        connection.execute(text(f"DROP SCHEMA {OLD_SCHEMA} CASCADE"))
        if trial:
            transaction.rollback()
        else:
            transaction.commit()
        return result


def _fill(definition: Definition, plan: Plan, source: Source, target: Connection) -> dict[str, Any]:
    Base.metadata.create_all(target)
    links = _without_links(target)
    _copy_own_tables(definition, plan, source, target)
    _count_on(target)
    result = Migration(plan, definition, source, target).run()
    for statement in links:
        target.execute(text(statement))
    _count_on(target)
    return result.as_dict()


def _without_links(target: Connection) -> list[str]:
    """PostgreSQL looks at references row by row: they are taken off, and put on again by the statements returned."""
    if target.dialect.name != "postgresql":
        return []
    quote = target.dialect.identifier_preparer.quote
    again = []
    inspector = inspect(target)
    for name in inspector.get_table_names():
        for link in inspector.get_foreign_keys(name):
            constraint = quote(str(link["name"]))
            target.execute(text(f"ALTER TABLE {quote(name)} DROP CONSTRAINT {constraint}"))
            columns = ", ".join(quote(column) for column in link["constrained_columns"])
            referred = ", ".join(quote(column) for column in link["referred_columns"])
            rule = f" ON DELETE {link['options']['ondelete']}" if link.get("options", {}).get("ondelete") else ""
            again.append(
                f"ALTER TABLE {quote(name)} ADD CONSTRAINT {constraint} FOREIGN KEY ({columns}) "
                f"REFERENCES {quote(link['referred_table'])} ({referred}){rule}"
            )
    return again


def _count_on(target: Connection) -> None:
    """PostgreSQL gives out numbers from a counter, which has to stand after the rows that came with theirs."""
    if target.dialect.name != "postgresql":
        return
    quote = target.dialect.identifier_preparer.quote
    for name, table in Base.metadata.tables.items():
        if "id" in table.c and table.c.id.type.python_type is int:
            named = quote(name)
            target.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence(:name, 'id'), GREATEST((SELECT MAX(id) FROM {named}), 1), "  # noqa: S608 - a quoted name
                    f"(SELECT MAX(id) FROM {named}) IS NOT NULL)"
                ),
                {"name": named},
            )


def _copy_own_tables(definition: Definition, plan: Plan, source: Source, target: Connection) -> None:
    """People, files and whatever else every app keeps: as they are, with the new names where they name a field."""
    own = {entity.table for entity in definition.entities}
    there = set(inspect(target).get_table_names())
    for name in sorted(source.tables):
        if not name.startswith("_") or name in own:
            continue
        reflected = MetaData()
        reflected.reflect(source.connection, schema=source.schema, only=[name], resolve_fks=False)
        old = next(iter(reflected.tables.values()))
        if name not in there:
            made = placed(old, None)
            made.create(target)
        new = Base.metadata.tables.get(name)
        _copy(old, new if new is not None else placed(old, None), plan, source, target)


def _copy(old: Table, new: Table, plan: Plan, source: Source, target: Connection) -> None:
    common = [column.name for column in old.columns if column.name in new.c]
    typed = placed(new, source.schema)
    rows = source.connection.execute(select(*(typed.c[name] for name in common))).mappings()
    while some := rows.fetchmany(BATCH):
        target.execute(insert(new), [_renamed(new.name, dict(row), plan) for row in some])


def _renamed(table: str, row: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """A row of the app's own with the new names of tables and fields."""
    if table in _TABLE_NAMED:
        named = _TABLE_NAMED[table]
        found = next((item for item in plan.tables if item.source == row[named] and item.target), None)
        if found is not None:
            row[named] = found.target
    if table in _FIELD_NAMED:
        named = _FIELD_NAMED[table]
        before, _, rest = str(row[named]).partition(".")
        found = next((item for item in plan.tables if item.source == before and item.target), None)
        if found is not None:
            columns = {column.source: column.target for column in found.columns if column.source and column.target}
            row[named] = f"{found.target}.{columns.get(rest, rest)}"
    return row
