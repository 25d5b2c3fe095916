"""Numbers that the app gives out: each once and never again.

A counter per field lies beside the data and is raised in the transaction that adds the row. Writers come one after
the other (``Database.writing``), so no number is given twice; a row that is refused takes its number back with it.
Numbers are missing only where a row was deleted, and the number of a deleted row is not given again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlmodel import Field

from .columns import FieldSpec, Kind, Numbers
from .records import Base, Entity, attribute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlmodel import Session

BATCH: Final = 500


class Counter(Base, table=True):
    """The last number that was given out for one field of one table."""

    __tablename__ = "_sequences"

    name: str = Field(primary_key=True)
    last: int


def number_row(session: Session, entity: Entity, row: Any) -> None:
    """Give a new row its numbers. The transaction must be a writing one."""
    for spec, numbers in _sequences(entity):
        counter = _counter(session, entity, spec, numbers)
        counter.last += 1
        session.add(counter)
        setattr(row, spec.attribute, numbers.text(counter.last))


def catch_up(session: Session, entities: Iterable[Entity]) -> int:
    """Number the rows that have no number yet, oldest first: a field that came later, data from elsewhere.

    Returns how many numbers were given.
    """
    given = 0
    for entity in entities:
        for spec, _ in _sequences(entity):
            column = attribute(entity.model, spec.attribute)
            waiting = select(entity.model).where(column.is_(None)).order_by("id").limit(BATCH)
            while rows := list(session.scalars(waiting)):
                for row in rows:
                    _give(session, entity, spec, row)
                session.flush()
                given += len(rows)
    return given


def _give(session: Session, entity: Entity, spec: FieldSpec, row: Any) -> None:
    if spec.numbers is None:
        raise LookupError(spec.name)
    counter = _counter(session, entity, spec, spec.numbers)
    counter.last += 1
    setattr(row, spec.attribute, spec.numbers.text(counter.last))
    session.add(row)


def _sequences(entity: Entity) -> list[tuple[FieldSpec, Numbers]]:
    return [(spec, spec.numbers) for spec in entity.kept if spec.kind is Kind.SEQUENCE and spec.numbers is not None]


def _counter(session: Session, entity: Entity, spec: FieldSpec, numbers: Numbers) -> Counter:
    """The counter of a field; the first time it starts after the highest number that is there already."""
    name = f"{entity.table}.{spec.name}"
    found = session.get(Counter, name)
    if found is None:
        found = Counter(name=name, last=max(_highest(session, entity, spec, numbers), numbers.start - 1))
        session.add(found)
    return found


def _highest(session: Session, entity: Entity, spec: FieldSpec, numbers: Numbers) -> int:
    column = attribute(entity.model, spec.attribute)
    texts = session.scalars(select(column).where(column.is_not(None)))
    found = (text.removeprefix(numbers.prefix) for text in texts)
    return max((int(text) for text in found if text.isascii() and text.isdigit() and len(text) < 19), default=0)
