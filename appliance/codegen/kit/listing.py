"""Lists: search, filters, sorting and paging, from an address to a query and back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, true

from .access import Verb
from .columns import FieldSpec, Kind
from .conditions import is_person, on_day
from .records import Entity, Person, attribute
from .values import Invalid, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .conditions import Where
    from .visit import Visit

PAGE_ROWS: Final = 25
MAX_SEARCH: Final = 200
MAX_FILTERS: Final = 24
EMPTY: Final = "~"
"""Filter value for rows in which the field is empty."""
FILTERED_KINDS: Final = (Kind.CHOICE, Kind.BOOLEAN, Kind.REF, Kind.PERSON)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What the address asks for. ``notices`` say what of it could not be followed."""

    path: str
    q: str = ""
    sort: str = ""
    page: int = 1
    filters: tuple[tuple[str, str], ...] = ()
    view: str = ""
    notices: tuple[str, ...] = ()

    def address(self, **changes: Any) -> str:
        """The address of this list with some changes; any change but of the page goes back to the first page."""
        changed = replace(self, **({"page": 1} | changes))
        pairs = [("q", changed.q), ("sort", changed.sort), ("view", changed.view)]
        pairs += [(f"f.{name}", value) for name, value in changed.filters]
        if changed.page > 1:
            pairs.append(("page", str(changed.page)))
        text = urlencode([(name, value) for name, value in pairs if value])
        return f"{changed.path}?{text}" if text else changed.path

    def value(self, name: str) -> str:
        """The value of a filter, or nothing."""
        return dict(self.filters).get(name, "")

    def without(self, name: str) -> str:
        """The address without one filter."""
        return self.address(filters=tuple(item for item in self.filters if item[0] != name))

    def sorted_by(self, spec: FieldSpec) -> str:
        """``ascending``, ``descending`` or ``none``: the value of ``aria-sort``."""
        if self.sort.removeprefix("-") != spec.name:
            return "none"
        return "descending" if self.sort.startswith("-") else "ascending"

    def sort_address(self, spec: FieldSpec) -> str:
        """The address that sorts by this column, or turns the order round."""
        return self.address(sort=f"-{spec.name}" if self.sorted_by(spec) == "ascending" else spec.name)

    @property
    def narrowed(self) -> bool:
        """Whether something was asked for beyond the whole list."""
        return bool(self.q or self.filters or self.view)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of rows."""

    query: ListQuery
    rows: list[Any]
    total: int
    where: Where | None = None
    choices: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-self.total // PAGE_ROWS))

    @property
    def first(self) -> int:
        """The number of the first row shown."""
        return (self.query.page - 1) * PAGE_ROWS + 1 if self.rows else 0

    @property
    def last(self) -> int:
        """The number of the last row shown."""
        return self.first + len(self.rows) - 1 if self.rows else 0


def read_query(entity: Entity, path: str, parameters: Iterable[tuple[str, str]]) -> ListQuery:
    """Read the parameters of a list's address; what is unknown is left out and said so."""
    query = ListQuery(path)
    notices: list[str] = []
    filters: dict[str, str] = {}
    for name, value in parameters:
        if name == "q":
            query = replace(query, q=value[:MAX_SEARCH])
        elif name == "view":
            query = replace(query, view=value)
        elif name == "page":
            query = replace(query, page=int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 1)
        elif name == "sort" and value:
            if entity.field(value.removeprefix("-")) is None:
                notices.append(f"There is no column “{value}” to sort by.")
            else:
                query = replace(query, sort=value)
        elif name.startswith("f.") and value and len(filters) < MAX_FILTERS:
            if entity.field(name[2:]) is None:
                notices.append(f"There is no column “{name[2:]}” to filter by.")
            else:
                filters[name[2:]] = value
    return replace(query, page=max(1, query.page), filters=tuple(filters.items()), notices=tuple(notices))


def find(visit: Visit, entity: Entity, query: ListQuery, where: Where | None = None) -> Listing:
    """The page of rows that this person may see."""
    query, where = _with_view(visit, entity, query, where)
    condition, query = _condition(visit, entity, query, where)
    total = visit.session.scalar(select(func.count()).select_from(entity.model).where(condition)) or 0
    query = replace(query, page=min(query.page, max(1, -(-total // PAGE_ROWS))))
    statement = _ordered(visit, entity, select(entity.model).where(condition), query.sort)
    rows = list(visit.session.scalars(statement.limit(PAGE_ROWS).offset((query.page - 1) * PAGE_ROWS)))
    visit.learn(entity, rows)
    choices = {spec.name: _filter_choices(visit, spec) for spec in entity.fields if spec.kind in FILTERED_KINDS}
    return Listing(query=query, rows=rows, total=total, where=where, choices=choices)


def every(visit: Visit, entity: Entity, query: ListQuery, where: Where | None, limit: int) -> list[Any]:
    """The same rows without paging, at most ``limit``."""
    query, where = _with_view(visit, entity, query, where)
    condition, query = _condition(visit, entity, query, where)
    rows = list(
        visit.session.scalars(_ordered(visit, entity, select(entity.model).where(condition), query.sort).limit(limit))
    )
    visit.learn(entity, rows)
    return rows


def _with_view(visit: Visit, entity: Entity, query: ListQuery, where: Where | None) -> tuple[ListQuery, Where | None]:
    if not query.view or where is not None:
        return query, where
    found = visit.runtime.definition.views.get(query.view)
    if found is None or found[0] is not entity:
        return replace(query, view="", notices=(*query.notices, "That view does not exist any more.")), None
    return query, found[1]


def _condition(
    visit: Visit, entity: Entity, query: ListQuery, where: Where | None
) -> tuple[ColumnElement[bool], ListQuery]:
    parts = [visit.access.rows(entity, Verb.READ)]
    if where is not None:
        parts.append(where.clause(visit.moment))
    if query.q.strip():
        parts.append(_search(visit, entity, query.q.strip()))
    notices = list(query.notices)
    for name, value in query.filters:
        spec = entity.field(name)
        if spec is None:
            continue
        try:
            parts.append(_equals(visit, entity, spec, value))
        except Invalid:
            notices.append(f"“{value}” cannot be a value of {spec.label}, so nothing matches.")
            parts.append(~true())
    return and_(*parts), replace(query, notices=tuple(notices))


def _equals(visit: Visit, entity: Entity, spec: FieldSpec, text: str) -> ColumnElement[bool]:
    column = attribute(entity.model, spec.attribute)
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
    for spec in entity.fields:
        column = attribute(entity.model, spec.attribute)
        if spec.is_text or spec.kind in (Kind.LONGTEXT, Kind.CHOICE):
            found.append(_contains(column, text))
        elif spec.kind is Kind.REF:
            target = visit.runtime.definition.by_table[spec.target]
            if target.label is not None and target.label.is_text:
                named = _contains(attribute(target.model, target.label.attribute), text)
                matching = select(attribute(target.model, "id")).where(named, visit.access.named_rows(target))
                found.append(column.in_(matching))
        elif spec.kind is Kind.PERSON:
            person = or_(_contains(attribute(Person, "name"), text), _contains(attribute(Person, "email"), text))
            found.append(column.in_(select(attribute(Person, "id")).where(person)))
    return or_(*found) if found else ~true()


def _contains(column: Any, text: str) -> ColumnElement[bool]:
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    from sqlalchemy import String, cast  # noqa: PLC0415

    return func.lower(cast(column, String)).like(f"%{escaped}%", escape="\\")


def _ordered(visit: Visit, entity: Entity, statement: Select[Any], sort: str) -> Select[Any]:
    newest = attribute(entity.model, "id").desc()
    spec = entity.field(sort.removeprefix("-")) if sort else None
    if spec is None:
        return statement.order_by(newest)
    key = _sort_key(visit, entity, spec)
    return statement.order_by((key.desc() if sort.startswith("-") else key.asc()).nulls_last(), newest)


def _sort_key(visit: Visit, entity: Entity, spec: FieldSpec) -> ColumnElement[Any]:
    column = attribute(entity.model, spec.attribute)
    if spec.kind is Kind.CHOICE:
        return case({option: index for index, option in enumerate(spec.options)}, value=column, else_=None)
    if spec.kind is Kind.PERSON:
        name = func.lower(func.coalesce(func.nullif(attribute(Person, "name"), ""), attribute(Person, "email")))
        return select(name).where(attribute(Person, "id") == column).scalar_subquery()
    if spec.kind is Kind.REF:
        target = visit.runtime.definition.by_table[spec.target]
        other = target.model.__table__.alias()  # type: ignore[attr-defined]
        label = other.c.id if target.label is None else other.c[target.label.attribute]
        if target.label is not None and target.label.is_text:
            label = func.lower(label)
        visible = visit.access.named_rows(target)
        if visible.compare(true()):
            return select(label).where(other.c.id == column).scalar_subquery()
        return column.expression
    return func.lower(column) if spec.is_text or spec.kind is Kind.LONGTEXT else column.expression


def _filter_choices(visit: Visit, spec: FieldSpec) -> list[tuple[str, str]]:
    from .pickers import people_choices, ref_choices  # noqa: PLC0415

    if spec.kind is Kind.CHOICE:
        return [(option, option) for option in spec.options]
    if spec.kind is Kind.BOOLEAN:
        return [("on", "Yes"), ("off", "No")]
    if spec.kind is Kind.PERSON:
        return [("me", "Me"), *people_choices(visit)]
    return [(str(row_id), label) for row_id, label in ref_choices(visit, spec)]
