"""Rows put together by the value of a field, of this entity or over one reference, and what the groups are called."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import String, and_, cast, false, func, null, select

from .access import Verb
from .columns import FieldSpec, Kind
from .listing import held
from .records import Entity, attribute

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, FromClause, Select

    from .visit import Visit

EMPTY_KEY: Final = "~"
UNSEEN: Final = object()
"""The value of rows whose referred row this person may not see."""
MAX_GROUPS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Axis:
    """What rows are put together by. ``owner`` has the field ``spec``; ``path`` is its name in filters."""

    entity: Entity
    owner: Entity
    spec: FieldSpec
    path: str
    label: str
    column: ColumnElement[Any]
    unseen: ColumnElement[bool]
    lookup: FromClause | None = None
    link: ColumnElement[bool] | None = None
    keyed: bool = False
    """Whether rows differ in :attr:`unseen`."""

    def select(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """A query over the entity that may use :attr:`column` and :attr:`unseen`."""
        chosen = select(*columns).select_from(self.entity.model)
        return chosen if self.lookup is None else chosen.outerjoin(self.lookup, self.link)

    def grouped(self, condition: ColumnElement[bool], *columns: ColumnElement[Any]) -> Select[Any]:
        """Value, whether it is unseen, then ``columns``, for each group of the rows."""
        key = func.date(self.column) if self.spec.kind is Kind.DATETIME else self.column
        keys = (key, self.unseen) if self.keyed else (key,)
        return self.select(key, self.unseen, *columns).where(condition).group_by(*keys).limit(MAX_GROUPS)


def axis(visit: Visit, entity: Entity, by: str) -> Axis | None:
    """The axis of a name such as ``status`` or ``item.category``; None if this person may not see the field."""
    first, _, rest = by.partition(".")
    spec = visit.field(entity, first)
    if spec is None:
        return None
    if not rest:
        return Axis(entity, entity, spec, by, spec.label, held(visit, entity, spec), false())
    if spec.kind is not Kind.REF:
        return None
    target = visit.runtime.definition.by_table[spec.target]
    there = visit.field(target, rest)
    if there is None:  # every row that leads somewhere is one whose value may not be seen
        known = target.field(rest)
        if known is None:
            return None
        secret = replace(known, kind=Kind.TEXT, options=())
        leads = held(visit, entity, spec).is_not(None)
        return Axis(entity, target, secret, by, spec.label, cast(null(), String), leads, keyed=True)
    visible = (
        select(attribute(target.model, "id").label("id"), held(visit, target, there).label("value"))
        .where(visit.access.rows(target, Verb.READ))
        .subquery()
    )
    reference = held(visit, entity, spec)
    return Axis(
        entity,
        target,
        there,
        by,
        f"{spec.label}: {visit.language.inside(there.label)}",
        visible.c.value,
        and_(reference.is_not(None), visible.c.id.is_(None)),
        visible,
        visible.c.id == reference,
        keyed=True,
    )


def learn_values(visit: Visit, by: Axis, values: Iterable[Any]) -> None:
    """Look up the names behind ids, all at once."""
    visit.learn_values(by.spec, {value for value in values if isinstance(value, int)})


def named(visit: Visit, by: Axis, value: Any) -> tuple[str, str]:  # noqa: PLR0911 - one kind after the other
    """What a group is called, and the filter value that selects its rows (empty: there is none)."""
    say = visit.language.say
    if value is UNSEEN:
        return say("(not visible to you)"), ""
    if by.spec.kind is Kind.BOOLEAN:
        return (say("Yes"), "on") if value else (say("No"), "off")
    if value is None or value == "":
        return say("(empty)"), EMPTY_KEY if "." not in by.path and value is None else ""
    if by.spec.kind is Kind.REF:
        name = visit.referred(by.spec, value)
        return (name, str(value)) if name is not None else (say("(not visible to you)"), "")
    if by.spec.kind is Kind.PERSON:
        person = visit.somebody(value)
        return (person.display, person.key) if person is not None else (say("Somebody"), "")
    if by.spec.kind in (Kind.DATE, Kind.DATETIME):
        found = as_day(value)
        return (visit.language.day(found), found.isoformat()) if found is not None else (str(value), "")
    return str(value), str(value)


def as_day(value: Any) -> dt.date | None:
    """The day of a date, of a date and time, or of what a database makes of it."""
    if isinstance(value, dt.datetime):
        return value.date()
    if isinstance(value, dt.date):
        return value
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def in_order(by: Axis, values: Iterable[Any]) -> list[Any]:
    """Choices as they are listed, booleans no before yes; other values as they come."""
    found = list(values)
    if by.spec.kind is Kind.CHOICE:
        places = {option: index for index, option in enumerate(by.spec.options)}
        return sorted(found, key=lambda value: places.get(value, len(places)) if isinstance(value, str) else 10_000)
    if by.spec.kind is Kind.BOOLEAN:
        return sorted(found, key=lambda value: bool(value) if value is not UNSEEN else 2)
    return found
