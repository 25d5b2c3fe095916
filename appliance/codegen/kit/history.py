"""What happened to a row: each time it was added, changed, acted on or deleted, by whom and from what to what."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import JSON, Column, ForeignKey, Index, Integer, func, select
from sqlmodel import Field

from .columns import PEOPLE_TABLE, FieldSpec, Kind
from .plain import worded
from .records import Base, Entity, attribute, now
from .stored import Utc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .visit import Visit

SHOWN: Final = 50
"""The most entries that a page shows of one row."""

CREATE, EDIT, ACTION, UNDO, DELETE = "create", "edit", "action", "undo", "delete"


class HistoryEntry(Base, table=True):
    """One thing that happened to one row. ``changes``: attribute → what it was and what it became."""

    __tablename__ = "_history"
    __table_args__ = (Index("ix__history_row", "record", "row_id"),)

    id: int | None = Field(default=None, primary_key=True)
    record: str
    row_id: int
    at: dt.datetime = Field(default_factory=now, sa_type=cast("type[Any]", Utc))
    by: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey(f"{PEOPLE_TABLE}.id")))
    kind: str
    title: str = ""
    version: int = 1
    changes: dict[str, list[Any]] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))


@dataclass(frozen=True, slots=True)
class Change:
    """One field, and what stood in it before and after, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry as a person may see it."""

    entry: HistoryEntry
    changes: tuple[Change, ...]


def snapshot(entity: Entity, row: Any) -> dict[str, Any]:
    """The values of a row in a form that JSON keeps."""
    return {spec.attribute: frozen(getattr(row, spec.attribute)) for spec in entity.kept}


def record(
    visit: Visit,
    entity: Entity,
    row: Any,
    kind: str,
    *,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    title: str = "",
) -> HistoryEntry:
    """Write down what happened, in the transaction in which it happens."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    entry = HistoryEntry(
        record=entity.table,
        row_id=row.id,
        by=visit.person.id,
        kind=kind,
        title=title,
        version=row.version,
        changes={name: [before.get(name), after.get(name)] for name in names},
    )
    visit.session.add(entry)
    visit.session.flush()
    return entry


def happenings(visit: Visit, entity: Entity, row: Any) -> tuple[list[Happening], int]:
    """The newest entries of a row as far as this person may see its fields, and how many older ones are left out.

    An edit of which they may see nothing is left out.
    """
    mine = (attribute(HistoryEntry, "record") == entity.table) & (attribute(HistoryEntry, "row_id") == row.id)
    total = visit.session.scalar(select(func.count()).select_from(HistoryEntry).where(mine)) or 0
    newest = select(HistoryEntry).where(mine).order_by(attribute(HistoryEntry, "id").desc()).limit(SHOWN)
    entries = list(visit.session.scalars(newest))
    readable = {spec.attribute: spec for spec in visit.fields(entity) if visit.access.reads(entity, spec, row)}
    for entry in entries:
        for name, values in entry.changes.items():
            if (spec := readable.get(name)) is not None:
                visit.learn_values(spec, {value for value in values if value is not None})
    visit.learn_people({entry.by for entry in entries if entry.by is not None})
    found = []
    for entry in entries:
        changes = tuple(
            Change(
                spec.label, worded(visit, spec, thawed(spec, values[0])), worded(visit, spec, thawed(spec, values[1]))
            )
            for name, values in entry.changes.items()
            if (spec := readable.get(name)) is not None
        )
        if changes or entry.kind != EDIT:
            found.append(Happening(entry, () if entry.kind == CREATE else changes))
    return found, max(0, total - len(entries))


def frozen(value: Any) -> Any:
    """A value as JSON keeps it."""
    if isinstance(value, Decimal | dt.date | dt.time):
        return str(value) if isinstance(value, Decimal) else value.isoformat()
    return str(value) if isinstance(value, str) else value


def thawed(spec: FieldSpec, value: Any) -> Any:
    """The value that :func:`frozen` kept; a kind that changed meanwhile leaves the text as it is."""
    if value is None or not isinstance(value, str):
        return value
    readers: dict[Kind, Any] = {
        Kind.DATE: dt.date.fromisoformat,
        Kind.DATETIME: dt.datetime.fromisoformat,
        Kind.TIME: dt.time.fromisoformat,
        Kind.MONEY: Decimal,
    }
    reader = readers.get(spec.kind)
    if reader is None:
        return value
    try:
        return reader(value)
    except (ValueError, ArithmeticError):
        return None
