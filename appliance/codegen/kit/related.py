"""Rows of other entities that refer to a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from .access import Verb
from .records import attribute

if TYPE_CHECKING:
    from .columns import FieldSpec
    from .records import Entity
    from .visit import Visit

SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Related:
    """The newest rows of one entity that refer to a row by one field, and how many there are."""

    entity: Entity
    field: FieldSpec
    rows: list[Any]
    total: int
    heading: str


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why a row cannot be deleted. ``address`` is empty if the person may not see the rows."""

    text: str
    address: str


def related(visit: Visit, entity: Entity, row: Any) -> list[Related]:
    """What this person may see of the rows that refer to this one."""
    found = []
    referring = visit.runtime.definition.referring(entity)
    for other, spec in referring:
        if not visit.access.may(other, Verb.READ) or visit.field(other, spec.name) is None:
            continue
        readable = visit.access.rows(other, Verb.READ) & visit.access.field_rows(other, spec)
        here = (attribute(other.model, spec.attribute) == row.id) & readable
        total = visit.session.scalar(select(func.count()).select_from(other.model).where(here)) or 0
        newest = select(other.model).where(here).order_by(attribute(other.model, "id").desc()).limit(SHOWN)
        rows = list(visit.session.scalars(newest))
        visit.learn(other, rows)
        several = sum(1 for entry, _ in referring if entry is other) > 1
        heading = f"{other.plural} ({visit.language.inside(spec.label)})" if several else other.plural
        found.append(Related(other, spec, rows, total, heading))
    return found


def blockers(visit: Visit, entity: Entity, row: Any) -> list[Blocker]:
    """What still refers to this row; numbers only of what the person may see."""
    found = []
    for other, spec in visit.runtime.definition.referring(entity):
        column = attribute(other.model, spec.attribute)
        total = visit.session.scalar(select(func.count()).select_from(other.model).where(column == row.id)) or 0
        if not total:
            continue
        if visit.access.may(other, Verb.READ) and visit.field(other, spec.name) is not None:
            visible = visit.access.rows(other, Verb.READ) & visit.access.field_rows(other, spec)
            count = visit.session.scalar(select(func.count()).select_from(other.model).where(column == row.id, visible))
            if count == total:
                noun = other.noun if total == 1 else other.nouns
                found.append(Blocker(f"{total} {noun}", f"/{other.slug}?f.{spec.name}={row.id}"))
                continue
        found.append(Blocker(visit.language.say("some {records} that you may not see", records=other.nouns), ""))
    return found
