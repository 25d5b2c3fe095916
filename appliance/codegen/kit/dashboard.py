"""Dashboards: figures, bars and the newest rows, each with the way to the rows that it counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from sqlalchemy import and_, func, select

from .access import Verb
from .columns import Kind
from .definition import Bars, Count, DashboardPage, Figure, TablePage
from .grouping import UNSEEN, Axis, axis, in_order, learn_values, named
from .measures import Tally, gauge
from .records import attribute
from .web import page

if TYPE_CHECKING:
    from .definition import Widget
    from .visit import Visit
    from .web import AppRequest, Html

NEWEST_ROWS: Final = 6
MAX_BARS: Final = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it counts, the figure in words, its length compared to the longest (percent), the rows behind."""

    label: str
    text: str
    percent: float
    address: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A widget with its numbers."""

    kind: str
    widget: Widget
    address: str
    text: str = ""
    count: int = 0
    rows: tuple[Any, ...] = ()
    bars: tuple[Bar, ...] = ()
    more: int = 0
    by: str = ""
    what: str = ""


def show(request: AppRequest, visit: Visit, shown: DashboardPage) -> Html:
    """The page; widgets about what this person may not read are left out."""
    widgets = [
        made
        for index, widget in enumerate(shown.widgets, start=1)
        if visit.access.may(widget.entity, Verb.READ) and (made := _widget(visit, shown, index, widget)) is not None
    ]
    return page(request, visit, "dashboard.html", heading=shown.title, widgets=widgets)


def _widget(visit: Visit, shown: DashboardPage, index: int, widget: Widget) -> Shown | None:
    entity = widget.entity
    rows = visit.access.rows(entity, Verb.READ)
    condition = rows if widget.where is None else and_(rows, widget.where.clause(visit.moment))
    address = _address(visit, shown, index, widget)
    if isinstance(widget, Bars):
        return _bars(visit, widget, condition, address)
    if isinstance(widget, Figure):
        measured = gauge(visit, entity, widget.measure)
        if measured is None:
            return None
        values = visit.session.execute(select(*measured.columns).select_from(entity.model).where(condition)).one()
        return Shown("figure", widget, address, text=measured.text(measured.tally(values)))
    count = visit.session.scalar(select(func.count()).select_from(entity.model).where(condition)) or 0
    if isinstance(widget, Count):
        return Shown("count", widget, address, text=visit.language.number(count), count=count)
    newest = select(entity.model).where(condition).order_by(attribute(entity.model, "id").desc()).limit(NEWEST_ROWS)
    found = tuple(visit.session.scalars(newest))
    visit.learn(entity, found)
    return Shown("newest", widget, address, count=count, rows=found)


def _address(visit: Visit, shown: DashboardPage, index: int, widget: Widget) -> str:
    if widget.where is None:
        return f"/{widget.entity.slug}"
    for other in visit.runtime.definition.pages:
        if isinstance(other, TablePage) and other.entity is widget.entity and other.where == widget.where:
            return f"/pages/{other.slug}"
    return f"/{widget.entity.slug}?view={shown.slug}-{index}"


def _bars(visit: Visit, widget: Bars, condition: Any, address: str) -> Shown | None:
    entity = widget.entity
    by, measured = axis(visit, entity, widget.by), gauge(visit, entity, widget.measure)
    if by is None or measured is None:
        return None
    tallies: dict[Any, Tally] = {}
    for value, unseen, *values in visit.session.execute(by.grouped(condition, *measured.columns)):
        tallies.setdefault(UNSEEN if unseen else value, Tally()).add(measured.tally(values))
    ordered = ranked(by, {value: measured.value(tally) or 0 for value, tally in tallies.items()})
    learn_values(visit, by, ordered)
    longest = max((abs(measured.value(tally) or 0) for tally in tallies.values()), default=0) or 1
    joiner = "&" if "?" in address else "?"
    bars = []
    for value in ordered[:MAX_BARS]:
        label, key = named(visit, by, value)
        tally = tallies.get(value, Tally())
        link = f"{address}{joiner}f.{by.path}={quote(key)}" if key else ""
        percent = round(100 * max(0.0, float(measured.value(tally) or 0)) / longest, 1)
        bars.append(Bar(label, measured.text(tally), percent, link))
    rows = sum(tally.rows for tally in tallies.values())
    more = max(0, len(ordered) - MAX_BARS)
    what = visit.language.say("Count") if measured.spec is None else measured.spec.label
    return Shown("bars", widget, address, count=rows, bars=tuple(bars), more=more, by=by.label, what=what)


def ranked(by: Axis, figures: dict[Any, float]) -> list[Any]:
    """Choices in their own order, those without rows too; other groups by their figure, the largest first."""
    if by.spec.kind is Kind.CHOICE:
        known = {str(value): value for value in figures if isinstance(value, str)}
        missing = [option for option in by.spec.options if option not in known]
        return in_order(by, [*figures, *missing])
    return sorted(figures, key=lambda value: (-figures[value], str(value) if value is not UNSEEN else "\uffff"))
