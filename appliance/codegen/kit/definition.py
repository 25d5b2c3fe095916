"""An app as values: what the emitted modules put together and the kit serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .behaviour import NOTHING, Behaviour
from .columns import FieldSpec, Kind
from .conditions import Where
from .records import Entity

if TYPE_CHECKING:
    from .access import AccessTable, FieldTable
    from .api.model import Api


@dataclass(frozen=True, slots=True)
class Measure:
    """What is made of many rows: ``count``, or ``sum``, ``average``, ``lowest``, ``highest`` of a field."""

    fold: str = "count"
    of: str = ""


COUNT: Final = Measure()


@dataclass(frozen=True, slots=True)
class TablePage:
    """A list of rows with search, sort, filter and paging; ``columns`` empty: the list chooses. ``sort``: ``-due``."""

    title: str
    slug: str
    entity: Entity
    where: Where | None = None
    columns: tuple[str, ...] = ()
    sort: str = ""


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page for creating one row."""

    title: str
    slug: str
    entity: Entity


@dataclass(frozen=True, slots=True)
class DetailPage:
    """Pick a row, see it with its related records."""

    title: str
    slug: str
    entity: Entity


@dataclass(frozen=True, slots=True)
class BoardPage:
    """A column for each option of the field ``by``; moving a card sets it."""

    title: str
    slug: str
    entity: Entity
    by: str
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """Rows by date, in a month, a week or a list; with ``end`` a row covers several days."""

    title: str
    slug: str
    entity: Entity
    start: str
    end: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """Rows as bars from ``start`` to ``end``, in lanes by the value of ``by``."""

    title: str
    slug: str
    entity: Entity
    start: str
    end: str
    by: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class ChartPage:
    """A measure by the value of a field or, as ``item.category``, of a field that a reference leads to.

    ``shape`` is ``bar``, ``line`` or ``pie``; ``per`` puts dates together by day, week, month, quarter or year.
    """

    title: str
    slug: str
    shape: str
    entity: Entity
    by: str
    measure: Measure = COUNT
    per: str = ""
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class KioskPage:
    """A form that needs no sign-in and only adds rows of these fields. ``thanks`` is shown afterwards."""

    title: str
    slug: str
    entity: Entity
    fields: tuple[str, ...]
    thanks: str = ""


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Rows made for paper: in groups by the value of ``by``, with totals of each group and of all."""

    title: str
    slug: str
    entity: Entity
    columns: tuple[str, ...] = ()
    by: str = ""
    totals: tuple[Measure, ...] = ()
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows."""

    title: str
    entity: Entity
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over the rows, such as a sum."""

    title: str
    entity: Entity
    measure: Measure
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """Rows counted, or measured, per value of one field or, as ``item.category``, of a referred row's."""

    title: str
    entity: Entity
    by: str
    where: Where | None = None
    measure: Measure = COUNT


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest few rows."""

    title: str
    entity: Entity
    where: Where | None = None


Widget = Count | Figure | Bars | Newest


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """Widgets side by side."""

    title: str
    slug: str
    widgets: tuple[Widget, ...]


RowsPage = TablePage | DetailPage | BoardPage | CalendarPage | TimelinePage | ChartPage | ReportPage
"""Pages that show rows of one entity."""

Page = RowsPage | FormPage | KioskPage | DashboardPage

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Definition:
    """A whole app."""

    name: str
    about: str
    folder: Path
    roles: tuple[str, ...]
    entities: tuple[Entity, ...]
    access: AccessTable
    pages: tuple[Page, ...]
    controllers: Sequence[type[Any]]
    examples: Sequence[tuple[Entity, Row]] = ()
    fields: FieldTable = field(default_factory=dict)
    behaviour: Behaviour = NOTHING
    language: str = "en"
    api: Api | None = None
    by_table: Mapping[str, Entity] = field(init=False)
    views: Mapping[str, tuple[Entity, Where]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_table", {entity.table: entity for entity in self.entities})
        object.__setattr__(self, "views", dict(_views(self.pages)))

    def referring(self, entity: Entity) -> list[tuple[Entity, FieldSpec]]:
        """Which fields of which entities refer to this one."""
        return [
            (other, spec)
            for other in self.entities
            for spec in other.fields
            if spec.kind is Kind.REF and spec.target == entity.table
        ]


def _views(pages: Sequence[Page]) -> list[tuple[str, tuple[Entity, Where]]]:
    found: list[tuple[str, tuple[Entity, Where]]] = []
    for page in pages:
        if isinstance(page, DashboardPage):
            for index, widget in enumerate(page.widgets, start=1):
                if widget.where is not None:
                    found.append((f"{page.slug}-{index}", (widget.entity, widget.where)))
    return found
