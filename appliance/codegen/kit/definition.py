"""An app as values: what the emitted modules put together and the kit serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .columns import FieldSpec, Kind
from .conditions import Where
from .records import Entity

if TYPE_CHECKING:
    from .access import AccessTable


@dataclass(frozen=True, slots=True)
class TablePage:
    """A list of rows with search, sort, filter and paging."""

    title: str
    slug: str
    entity: Entity
    where: Where | None = None


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
class Count:
    """How many rows."""

    title: str
    entity: Entity
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """Rows counted per value of one field."""

    title: str
    entity: Entity
    by: str
    where: Where | None = None


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest few rows."""

    title: str
    entity: Entity
    where: Where | None = None


Widget = Count | Bars | Newest


@dataclass(frozen=True, slots=True)
class DashboardPage:
    """Widgets side by side."""

    title: str
    slug: str
    widgets: tuple[Widget, ...]


Page = TablePage | FormPage | DetailPage | DashboardPage

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
