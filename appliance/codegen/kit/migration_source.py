"""The records as they were, row by row, in the form in which they travel."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, MetaData, Table, inspect, select

from .migration_archive import archived_rows, entries_after, placed, wind_back
from .migration_values import ABSENT, Cell, column_type, frozen
from .records import Person, StoredFile, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from .migration_plan import ColumnPlan, Plan, TablePlan

BATCH: Final = 500
META: Final = ("created_at", "updated_at", "created_by", "version")


@dataclass(frozen=True, slots=True)
class Row:
    """A row on its way: what every row has (``meta``), and its fields by uid. ``was``: the fields before anything was
    wound back; None for a row that comes out of the archive."""

    id: int
    meta: dict[str, Any]
    cells: dict[str, Cell]
    was: dict[str, Cell] | None


class Source:
    """Reads one database; never writes. ``schema`` is where its tables are (PostgreSQL), None for the usual place."""

    def __init__(self, connection: Connection, plan: Plan, *, schema: str | None = None) -> None:
        self.connection = connection
        self.schema = schema
        self._plan = plan
        inspector = inspect(connection)
        self.tables = frozenset(inspector.get_table_names(schema=schema))
        self._columns = {
            name: frozenset(column["name"] for column in inspector.get_columns(name, schema=schema))
            for name in self.tables
        }

    def column(self, table: TablePlan, column: ColumnPlan) -> str | None:
        """The column that holds a field, if the table and the column are there."""
        if table.source is None or column.source is None or column.before == ABSENT:
            return None
        return column.source if column.source in self._columns.get(table.source, frozenset()) else None

    def table(self, plan: TablePlan) -> Table | None:
        """The table with the types that its kinds have; None if it is not there."""
        if plan.source is None or plan.source not in self.tables:
            return None
        record = _meta_types()
        columns = [Column("id", record["id"], primary_key=True)]
        columns += [Column(name, record[name]) for name in META]
        known = {"id", *META}
        for item in plan.columns:
            name = self.column(plan, item)
            if name is not None and name not in known:
                known.add(name)
                columns.append(Column(name, column_type(item.before)))
        return Table(plan.source, MetaData(), *columns, schema=self.schema)

    def count(self, plan: TablePlan) -> int:
        """How many rows there are."""
        return len(self.ids(plan))

    def ids(self, plan: TablePlan) -> list[int]:
        """The numbers of all rows, in order."""
        table = self.table(plan)
        return [] if table is None else list(self.connection.scalars(select(table.c.id).order_by(table.c.id)))

    def rows(self, plan: TablePlan) -> Iterator[Row]:
        """Every row as it shall be carried over: what is there, and, going back, what was put aside."""
        if self.table(plan) is None:
            if self._plan.restores is not None and plan.target is not None:
                yield from self._brought_back(plan)
            return
        ids = self.ids(plan)
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            older = self._older(plan, some)
            for row in self._read(plan, some[0], some[-1]):
                cells = wind_back(dict(row.cells), older.get(row.id, ())) or {}
                yield Row(row.id, row.meta, cells, row.cells)

    def _older(self, plan: TablePlan, ids: list[int]) -> dict[int, Any]:
        """What later versions changed in these rows; nothing when going forward. About the fields, not the rows: these
        are there."""
        if self._plan.restores is None or plan.target is None or "_archive" not in self.tables:
            return {}
        found = entries_after(self.connection, plan.uid, self._plan.restores, ids, schema=self.schema)
        return {row: [entry for entry in entries if entry["field"]] for row, entries in found.items()}

    def _read(self, plan: TablePlan, first: int, last: int) -> Iterator[Row]:
        table = self.table(plan)
        if table is None:
            return
        query = select(table).where(table.c.id.between(first, last)).order_by(table.c.id)
        for found in self.connection.execute(query).mappings():
            cells = {}
            for column in plan.columns:
                name = self.column(plan, column)
                if name is not None:
                    cells[column.uid] = Cell(column.before, frozen(column.before, found[name], column.words_before))
            yield Row(found["id"], {name: found[name] for name in META}, cells, None)

    def _brought_back(self, plan: TablePlan) -> Iterator[Row]:
        if "_archive" not in self.tables or self._plan.restores is None:
            return
        version = self._plan.restores
        ids = archived_rows(self.connection, plan.uid, version, schema=self.schema)
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            older = entries_after(self.connection, plan.uid, version, some, schema=self.schema)
            for row_id in some:
                cells = wind_back(None, older.get(row_id, ()))
                if cells is not None:
                    meta = {name: cells.pop(f"@{name}", Cell(ABSENT)).value for name in META}
                    yield Row(row_id, thawed_meta(meta), cells, None)

    # --- what things are called ------------------------------------------------------------------------------------

    def people(self) -> dict[int, tuple[str, str]]:
        """Name and e-mail address of everybody, by number."""
        table = placed(table_of(Person), self.schema)
        if table.name not in self.tables:
            return {}
        query = select(table.c.id, table.c.name, table.c.email)
        return {row.id: (row.name or "", row.email or "") for row in self.connection.execute(query)}

    def files(self) -> dict[str, str]:
        """File names by key."""
        table = placed(table_of(StoredFile), self.schema)
        if table.name not in self.tables:
            return {}
        return {row.key: row.filename for row in self.connection.execute(select(table.c.key, table.c.filename))}

    def labels(self, plan: TablePlan) -> dict[int, str]:
        """What the rows of a table are called."""
        column = next((item for item in plan.columns if item.source == plan.label and item.source), None)
        table = self.table(plan)
        if column is None or table is None or self.column(plan, column) is None:
            return {}
        query = select(table.c.id, table.c[str(column.source)])
        return {row[0]: str(row[1]) for row in self.connection.execute(query) if row[1] is not None}


def _meta_types() -> dict[str, Any]:
    table = table_of(StoredFile)
    number, moment = table_of(Person).c.id.type, table.c.created_at.type
    return {"id": number, "version": number, "created_by": number, "created_at": moment, "updated_at": moment}


def frozen_meta(meta: dict[str, Any]) -> dict[str, Any]:
    """What every row has, in the form that JSON keeps."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in meta.items()}


def thawed_meta(meta: dict[str, Any]) -> dict[str, Any]:
    """The opposite of :func:`frozen_meta`."""
    moments = {name: _moment(meta[name]) for name in ("created_at", "updated_at")}
    return {**meta, **moments, "version": meta.get("version") or 1}


def _moment(text: Any) -> Any:
    return dt.datetime.fromisoformat(text) if isinstance(text, str) else text
