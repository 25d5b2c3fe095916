"""Lists: the rows that an address asks for, as far as the person may see them."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Select, and_, case, func, null, or_, select, true

from .access import Verb
from .columns import FieldSpec, Kind
from .conditions import is_person, on_day, start_of
from .query import PAGE_ROWS, Listing, ListQuery
from .records import Entity, Person, attribute
from .values import Invalid, parse

if TYPE_CHECKING:
    from .conditions import Where
    from .visit import Visit

EMPTY: Final = "~"
"""Filter value for rows in which the field is empty."""
RANGE: Final = ".."
"""Between two days of a filter value."""
FILTERED_KINDS: Final = (Kind.CHOICE, Kind.BOOLEAN, Kind.REF, Kind.PERSON)


def find(
    visit: Visit, entity: Entity, query: ListQuery, where: Where | None = None, columns: tuple[str, ...] = ()
) -> Listing:
    """The page of rows that this person may see."""
    query, where = _with_view(visit, entity, query, where)
    condition, query = narrowed(visit, entity, query, where)
    total = visit.session.scalar(select(func.count()).select_from(entity.model).where(condition)) or 0
    query = replace(query, page=min(query.page, max(1, -(-total // PAGE_ROWS))))
    statement = ordered(visit, entity, select(entity.model).where(condition), query.sort)
    rows = list(visit.session.scalars(statement.limit(PAGE_ROWS).offset((query.page - 1) * PAGE_ROWS)))
    visit.learn(entity, rows)
    shown = tuple(spec for name in columns if (spec := visit.field(entity, name)) is not None)
    return Listing(
        query=query, rows=rows, total=total, where=where, choices=filter_choices(visit, entity), columns=shown
    )


def every(visit: Visit, entity: Entity, query: ListQuery, where: Where | None, limit: int) -> list[Any]:
    """The same rows without paging, at most ``limit``."""
    query, where = _with_view(visit, entity, query, where)
    condition, query = narrowed(visit, entity, query, where)
    rows = list(
        visit.session.scalars(ordered(visit, entity, select(entity.model).where(condition), query.sort).limit(limit))
    )
    visit.learn(entity, rows)
    return rows


def _with_view(visit: Visit, entity: Entity, query: ListQuery, where: Where | None) -> tuple[ListQuery, Where | None]:
    if not query.view or where is not None:
        return query, where
    found = visit.runtime.definition.views.get(query.view)
    if found is None or found[0] is not entity:
        return replace(
            query, view="", notices=(*query.notices, visit.language.say("That view does not exist any more."))
        ), None
    return query, found[1]


def held(visit: Visit, entity: Entity, spec: FieldSpec) -> ColumnElement[Any]:
    """A field in SQL; empty where this person may not read it, or where only Python can work it out."""
    found = visit.column(entity, spec)
    return null() if found is None else found


def narrowed(
    visit: Visit, entity: Entity, query: ListQuery, where: Where | None
) -> tuple[ColumnElement[bool], ListQuery]:
    """The filter behind an address: rows that this person may see, that the page is about and that were asked for.

    The query comes back with notices of what could not be followed.
    """
    parts = [visit.access.rows(entity, Verb.READ)]
    if where is not None:
        parts.append(where.clause(visit.moment))
    if query.q.strip():
        parts.append(_search(visit, entity, query.q.strip()))
    query = _as_visible(visit, entity, query)
    notices = list(query.notices)
    for name, value in query.filters:
        try:
            parts.append(_matches(visit, entity, name, value))
        except Invalid:
            label = " ".join(name.replace(".", " ").split("_")).capitalize()
            message = "“{value}” cannot be a value of {field}, so nothing matches."
            notices.append(visit.language.say(message, value=value, field=label))
            parts.append(~true())
    return and_(*parts), replace(query, notices=tuple(notices))


def _as_visible(visit: Visit, entity: Entity, query: ListQuery) -> ListQuery:
    """Without what names a field that is not there or that this person may not read: nobody can tell which it is."""
    say, notices, sort = visit.language.say, list(query.notices), query.sort
    if sort and visit.field(entity, sort.removeprefix("-")) is None:
        notices.append(say("There is no column “{name}” to sort by.", name=sort))
        sort = ""
    filters = []
    for name, value in query.filters:
        if visit.field(entity, name.partition(".")[0]) is None:
            notices.append(say("There is no column “{name}” to filter by.", name=name))
        else:
            filters.append((name, value))
    return replace(query, sort=sort, filters=tuple(filters), notices=tuple(notices))


def _matches(visit: Visit, entity: Entity, name: str, text: str) -> ColumnElement[bool]:
    """``item.category``: over a reference, to rows that this person may see."""
    first, _, rest = name.partition(".")
    spec = visit.field(entity, first)
    if spec is None:
        raise Invalid("There is no such column.")
    if not rest:
        return _equals(visit, entity, spec, text)
    if spec.kind is not Kind.REF:
        raise Invalid("Only a reference leads to other rows.")
    target = visit.runtime.definition.by_table[spec.target]
    there = visit.field(target, rest)
    if there is None:
        raise Invalid("There is no such column.")
    leading = select(attribute(target.model, "id")).where(
        visit.access.rows(target, Verb.READ), _equals(visit, target, there, text)
    )
    return attribute(entity.model, spec.attribute).in_(leading)


def _within(spec: FieldSpec, column: Any, text: str) -> ColumnElement[bool]:
    """``2026-11-01..2026-11-30``: from one day to another, both counted."""
    days = replace(spec, kind=Kind.DATE)
    first, _, last = text.partition(RANGE)
    start, end = parse(days, first), parse(days, last)
    if not isinstance(start, dt.date) or not isinstance(end, dt.date):
        raise Invalid("This is not a range of days.")
    if spec.kind is Kind.DATETIME:
        return and_(column >= start_of(start), column < start_of(end) + dt.timedelta(days=1))
    return and_(column >= start, column <= end)


def _equals(visit: Visit, entity: Entity, spec: FieldSpec, text: str) -> ColumnElement[bool]:
    column = held(visit, entity, spec)
    if spec.kind in (Kind.DATE, Kind.DATETIME) and RANGE in text:
        return _within(spec, column, text)
    if text == EMPTY:
        return column.is_(None)
    if spec.kind is Kind.BOOLEAN:
        return column.is_(parse(spec, text))
    if spec.kind is Kind.PERSON:
        return column.in_(visit.moment.me) if text == "me" else is_person(column, text)
    if spec.is_upload:
        raise Invalid("Files cannot be filtered by value.")
    value = parse(spec, text)
    if spec.kind is Kind.DATETIME and "T" not in text:
        return on_day(column, parse(replace(spec, kind=Kind.DATE), text))  # type: ignore[arg-type]
    return column == value


def _search(visit: Visit, entity: Entity, text: str) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = []
    for spec in visit.fields(entity):
        column = held(visit, entity, spec)
        if spec.is_name or spec.kind in (Kind.LONGTEXT, Kind.CHOICE):
            found.append(_contains(column, text))
        elif spec.kind is Kind.REF:
            target = visit.runtime.definition.by_table[spec.target]
            if target.label is not None and target.label.is_name:
                named = _contains(attribute(target.model, target.label.attribute), text)
                matching = select(attribute(target.model, "id")).where(
                    named, visit.access.named_rows(target), visit.access.named_by(target)
                )
                found.append(column.in_(matching))
        elif spec.kind is Kind.PERSON:
            person = or_(_contains(attribute(Person, "name"), text), _contains(attribute(Person, "email"), text))
            found.append(column.in_(select(attribute(Person, "id")).where(person)))
    return or_(*found) if found else ~true()


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    from sqlalchemy import String, cast  # noqa: PLC0415

    return func.lower(cast(column, String)).like(f"%{escaped}%", escape="\\")


def ordered(visit: Visit, entity: Entity, statement: Select[Any], sort: str) -> Select[Any]:
    """The rows in an order; without ``sort`` the newest first."""
    newest = attribute(entity.model, "id").desc()
    spec = visit.field(entity, sort.removeprefix("-")) if sort else None
    if spec is None:
        return statement.order_by(newest)
    keys = [sort_key(visit, entity, spec)]
    if spec.kind is Kind.SEQUENCE:  # numbers may outgrow their digits: the longer one is the later one
        keys.insert(0, func.length(keys[0]))
    down = sort.startswith("-")
    return statement.order_by(*((key.desc() if down else key.asc()).nulls_last() for key in keys), newest)


def sort_key(visit: Visit, entity: Entity, spec: FieldSpec) -> ColumnElement[Any]:
    """What orders rows by a field as people expect it: names by letter, choices as they are listed."""
    column = held(visit, entity, spec)
    if spec.kind is Kind.CHOICE:
        return case({option: index for index, option in enumerate(spec.options)}, value=column, else_=None)
    if spec.kind is Kind.PERSON:
        name = func.lower(func.coalesce(func.nullif(attribute(Person, "name"), ""), attribute(Person, "email")))
        return select(name).where(attribute(Person, "id") == column).scalar_subquery()
    if spec.kind is Kind.REF:
        target = visit.runtime.definition.by_table[spec.target]
        other = target.model.__table__.alias()  # type: ignore[attr-defined]
        label = other.c.id if target.label is None else other.c[target.label.attribute]
        if target.label is not None and target.label.is_name:
            label = func.lower(label)
        visible, named = visit.access.named_rows(target), visit.access.named_by(target)
        if visible.compare(true()) and named.compare(true()):
            return select(label).where(other.c.id == column).scalar_subquery()
        return column
    return func.lower(column) if spec.is_text or spec.kind is Kind.LONGTEXT else column


def filter_choices(visit: Visit, entity: Entity) -> dict[str, list[tuple[str, str]]]:
    """What the filters above the rows offer: value and name, by field."""
    return {spec.name: _choices(visit, spec) for spec in visit.fields(entity) if spec.kind in FILTERED_KINDS}


def _choices(visit: Visit, spec: FieldSpec) -> list[tuple[str, str]]:
    from .pickers import people_choices, ref_choices  # noqa: PLC0415

    if spec.kind is Kind.CHOICE:
        return [(option, option) for option in spec.options]
    if spec.kind is Kind.BOOLEAN:
        return [("on", visit.language.say("Yes")), ("off", visit.language.say("No"))]
    if spec.kind is Kind.PERSON:
        return [("me", visit.language.say("Me")), *people_choices(visit)]
    return [(str(row_id), label) for row_id, label in ref_choices(visit, spec)]
