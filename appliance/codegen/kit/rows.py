"""The rows behind a page: as far as this person may see them, narrowed by the address, never without a bound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from .columns import Kind
from .display import tone
from .listing import filter_choices, narrowed
from .query import ListQuery, read_query

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from .columns import FieldSpec
    from .conditions import Where
    from .records import Entity
    from .visit import Visit
    from .web import AppRequest


class Unreadable(Exception):  # noqa: N818
    """A page is about a field that this person may not read; the message says so."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What the address asks for, and the filter that selects it."""

    entity: Entity
    query: ListQuery
    where: Where | None
    condition: ColumnElement[bool]
    choices: dict[str, list[tuple[str, str]]]

    def count(self, visit: Visit, *more: ColumnElement[bool]) -> int:
        """How many rows there are."""
        counted = select(func.count()).select_from(self.entity.model).where(self.condition, *more)
        return visit.session.scalar(counted) or 0

    @property
    def list_address(self) -> str:
        """The plain list with the same search and filters."""
        return replace(self.query, path=f"/{self.entity.slug}", extra=(), sort="").address()


def selection(
    request: AppRequest, visit: Visit, entity: Entity, where: Where | None, keep: tuple[str, ...] = ()
) -> Selection:
    """Read the address of a page; ``keep`` are the page's own parameters."""
    query = read_query(request.url.path, request.query_params.multi_items(), keep)
    condition, query = narrowed(visit, entity, query, where)
    return Selection(entity, query, where, condition, filter_choices(visit, entity))


def hints(visit: Visit, entity: Entity, without: tuple[str, ...] = (), limit: int = 3) -> list[FieldSpec]:
    """The fields that say most about a row in little space, beside its name."""
    telling = (Kind.CHOICE, Kind.DATE, Kind.DATETIME, Kind.PERSON, Kind.REF, Kind.MONEY, Kind.NUMBER)
    fields = [spec for spec in visit.fields(entity) if spec.kind in telling and spec.name not in without]
    if entity.label is not None:
        fields = [spec for spec in fields if spec.name != entity.label.name]
    return fields[:limit]


def colour(visit: Visit, entity: Entity, row: Any) -> str:
    """The colour of a row in a calendar or timeline: of its mark, else of its first choice; ``plain`` without both."""
    mark = visit.mark(entity, row)
    if mark is not None:
        return mark.colour
    for spec in visit.fields(entity):
        if spec.kind is Kind.CHOICE:
            value = visit.value(entity, row, spec)
            return "plain" if value is None else tone(str(value), spec.label, spec.options)
    return "plain"
