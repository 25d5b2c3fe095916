"""Counting and adding up: many rows become one figure, in the database; and how the figure reads."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Double, func, type_coerce

from .columns import FieldSpec, Kind

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from .definition import Measure
    from .language import Language
    from .records import Entity
    from .visit import Visit

SCALE = 100  # money is summed in cents: exact


@dataclass(slots=True)
class Tally:
    """What is known of some rows; tallies of parts add up to the tally of all. Money is in cents."""

    rows: int = 0
    filled: int = 0
    total: float = 0
    low: float | None = None
    high: float | None = None

    def add(self, other: Tally) -> None:
        """Take the rows of ``other`` in."""
        self.rows += other.rows
        self.filled += other.filled
        self.total += other.total
        self.low = min((end for end in (self.low, other.low) if end is not None), default=None)
        self.high = max((end for end in (self.high, other.high) if end is not None), default=None)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A measure over one entity as this person may see it. ``spec`` is None when rows are counted."""

    fold: str
    spec: FieldSpec | None
    columns: tuple[ColumnElement[Any], ...]
    language: Language

    def tally(self, values: Any) -> Tally:
        """From the selected values of :attr:`columns`."""
        rows, filled, total, low, high = values
        return Tally(
            int(rows),
            int(filled),
            _plain(total) or 0,
            None if low is None else _plain(low),
            None if high is None else _plain(high),
        )

    def value(self, tally: Tally) -> float | None:
        """The figure; None when there is nothing to take an average, lowest or highest of. Money is in cents."""
        if self.fold == "count":
            return tally.filled if self.spec is not None else tally.rows
        if self.fold == "sum":
            return tally.total
        if self.fold == "average":
            return tally.total / tally.filled if tally.filled else None
        return tally.low if self.fold == "lowest" else tally.high

    def shown(self, figure: float | None) -> str:
        """The figure in words."""
        if figure is None:
            return "–"
        if self.spec is not None and self.spec.kind is Kind.MONEY and self.fold != "count":
            return self.language.money((Decimal(repr(figure)) / SCALE).quantize(Decimal("0.01")))
        return self.language.number(round(figure, 2))

    def axis(self, figure: float) -> str:
        """The same for an axis: without cents where none is needed."""
        whole = (
            figure / SCALE
            if self.spec is not None and self.spec.kind is Kind.MONEY and self.fold != "count"
            else figure
        )
        return self.language.number(round(whole, 2))

    def text(self, tally: Tally) -> str:
        """The figure of these rows in words."""
        return self.shown(self.value(tally))


def gauge(visit: Visit, entity: Entity, measure: Measure) -> Gauge | None:
    """What to select for a measure, or None if this person may not see the field, or only Python can work it out."""
    rows = func.count()
    if not measure.of:
        return Gauge("count", None, (rows, rows, rows, rows, rows), visit.language)
    spec = visit.field(entity, measure.of)
    if spec is None:
        return None
    held = visit.column(entity, spec)
    if held is None:
        return None
    plain = type_coerce(held, BigInteger if spec.kind is Kind.MONEY else Double)
    return Gauge(
        measure.fold, spec, (rows, func.count(held), func.sum(plain), func.min(plain), func.max(plain)), visit.language
    )


def _plain(figure: Any) -> float:
    return (
        0
        if figure is None
        else int(figure)
        if isinstance(figure, int | Decimal) and figure == int(figure)
        else float(figure)
    )
