"""What a change of the app put aside: for each row and field what it was before and what it became, never removed.

Undo reads it backwards. What people changed since then stays: an entry is taken back only where the value is still what
the change had made of it.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Column, MetaData, Text, select
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

from .migration_values import ABSENT, Cell
from .records import Base, now, table_of
from .stored import Utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Dialect, RowMapping, Table

ROW: Final = "row"
"""The kind of an entry that is about a whole row: its value holds every field with its kind."""


class Json(TypeDecorator[Any]):
    """JSON as a text. A column of the type JSON would turn ``7.0`` into 7 on SQLite, which is another text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        return json.dumps(value, ensure_ascii=False)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        return None if value is None else json.loads(value)


class Archived(Base, table=True):
    """One value, or one whole row (``field`` empty), that version ``version`` changed."""

    __tablename__ = "_archive"

    id: int | None = Field(default=None, primary_key=True)
    version: int
    entity: str = Field(index=True)
    row_id: int = Field(index=True)
    field: str = ""
    kind_before: str
    before: Any = Field(default=None, sa_column=Column(Json, nullable=False))
    kind_after: str
    after: Any = Field(default=None, sa_column=Column(Json, nullable=False))
    at: dt.datetime = Field(default_factory=now, sa_type=cast("type[Any]", Utc))


class Applied(Base, table=True):
    """A plan that was carried out on these records."""

    __tablename__ = "_migrations"

    id: str = Field(primary_key=True)
    version: int
    result: Any = Field(default=None, sa_column=Column(Json, nullable=False))
    at: dt.datetime = Field(default_factory=now, sa_type=cast("type[Any]", Utc))


def placed(table: Table, schema: str | None) -> Table:
    """The same table in another schema; None is the usual one."""
    return table.to_metadata(MetaData(), schema=schema)  # type: ignore[arg-type]


def entries_after(
    connection: Connection, entity: str, version: int, rows: Sequence[int], *, schema: str | None = None
) -> dict[int, list[RowMapping]]:
    """What versions after ``version`` changed in these rows, newest first."""
    table = placed(table_of(Archived), schema)
    query = select(table).where(table.c.entity == entity, table.c.version > version, table.c.row_id.in_(rows))
    found: dict[int, list[RowMapping]] = defaultdict(list)
    for entry in connection.execute(query.order_by(table.c.id.desc())).mappings():
        found[entry["row_id"]].append(entry)
    return found


def archived_rows(connection: Connection, entity: str, version: int, *, schema: str | None = None) -> list[int]:
    """The rows of an entity that versions after ``version`` took away or brought back, in order."""
    table = placed(table_of(Archived), schema)
    query = select(table.c.row_id).where(table.c.entity == entity, table.c.version > version, table.c.field == "")
    return sorted(set(connection.scalars(query.distinct())))


def wind_back(cells: dict[str, Cell] | None, entries: Iterable[RowMapping]) -> dict[str, Cell] | None:
    """The fields of a row (None: no such row) as they were before ``entries``, which come newest first."""
    for entry in entries:
        if entry["field"] == "":
            gone = entry["kind_after"] == ABSENT
            if gone and cells is None:
                cells = {uid: Cell(kind, value) for uid, (kind, value) in entry["before"].items()}
            elif not gone:
                cells = None  # the change had brought the row back
        elif cells is not None:
            now_there = cells.get(entry["field"], Cell(ABSENT))
            same_kind = now_there.kind == entry["kind_after"] or now_there.value is None  # empty is empty in every kind
            if same_kind and now_there.value == entry["after"]:
                cells[entry["field"]] = Cell(entry["kind_before"], entry["before"])
    return cells
