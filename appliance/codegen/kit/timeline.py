"""Timelines: rows as bars on an axis of time, in lanes by the value of a field. Drawn as SVG on the server."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, func, or_, select

from .access import Verb
from .columns import FieldSpec, Kind
from .conditions import start_of
from .grouping import Axis, axis, in_order, learn_values, named
from .listing import held
from .periods import after, asked_day, between, name, short_name, start
from .rows import Selection, Unreadable, colour, selection
from .web import page

if TYPE_CHECKING:
    from .definition import TimelinePage
    from .language import Language
    from .visit import Visit
    from .web import AppRequest, Html

MAX_ROWS: Final = 200
ZOOMS: Final = {"month": "week", "quarter": "month", "year": "month"}
"""What is shown at once, and the period between two lines of the axis."""
NOMINAL_WIDTH: Final = 770
LETTER_WIDTH: Final = 7.2
"""Pixels, on a desktop: whether a name fits into its bar is decided here, for there is no script to measure it."""
ROW_HEIGHT: Final = 34


@dataclass(frozen=True, slots=True)
class Bar:
    """One row. ``x`` and ``width`` are percent of the axis; ``side`` says where its name stands."""

    row: Any
    title: str
    words: str
    x: float
    width: float
    line: int
    colour: str
    side: str
    text_x: float
    begins: bool
    ends: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """The bars of one value, laid out in as many lines as they need."""

    label: str
    bars: list[Bar]
    height: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the axis; ``minor`` ones are left out where there is little room."""

    label: str
    x: float
    minor: bool


def show(request: AppRequest, visit: Visit, shown: TimelinePage) -> Html:
    """The timeline; ``?on=`` names a day in it, ``?zoom=`` one of :data:`ZOOMS`."""
    entity = shown.entity
    first_field, last_field = visit.field(entity, shown.start), visit.field(entity, shown.end)
    if first_field is None or last_field is None:
        raise Unreadable(visit.language.say("You may not see the dates that this timeline shows."))
    chosen = selection(request, visit, entity, shown.where, keep=("on", "zoom"))
    zoom = chosen.query.asked("zoom") if chosen.query.asked("zoom") in ZOOMS else "quarter"
    on = asked_day(chosen.query.asked("on"), visit.moment.today)
    first = start(zoom, on)
    last = after(zoom, first) - dt.timedelta(1)
    scale = _Scale(first, (last - first).days + 1)
    rows, total = _rows(visit, chosen, (first_field, last_field), first, last)
    by = axis(visit, entity, shown.by) if shown.by else None
    today = visit.moment.today
    begins, ends = held(visit, entity, first_field), held(visit, entity, last_field)
    return page(
        request,
        visit,
        "timeline.html",
        heading=shown.title,
        shown=shown,
        entity=entity,
        selection=chosen,
        query=chosen.query,
        zoom=zoom,
        zooms=ZOOMS,
        label=name(zoom, first, visit.language),
        on=on,
        before=after(zoom, first, -1),
        following=after(zoom, first),
        ticks=_ticks(scale, zoom, visit.language),
        now=scale.at(today) + scale.day / 2 if first <= today <= last else None,
        lanes=_lanes(visit, by, [(row, _bar(visit, chosen, row, (first_field, last_field), scale)) for row in rows]),
        by=by.label if by is not None else "",
        row_height=ROW_HEIGHT,
        total=total,
        shown_count=len(rows),
        without=chosen.count(visit, or_(begins.is_(None), ends.is_(None))),
        can_add=visit.access.may(entity, Verb.CREATE),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From days to percent of the axis."""

    first: dt.date
    days: int

    @property
    def day(self) -> float:
        return 100 / self.days

    def at(self, moment: dt.date) -> float:
        return round((moment - self.first).days * self.day, 3)


def _rows(
    visit: Visit, chosen: Selection, fields: tuple[FieldSpec, FieldSpec], first: dt.date, last: dt.date
) -> tuple[list[Any], int]:
    entity = chosen.entity
    begins, ends = (held(visit, entity, spec) for spec in fields)
    late = start_of(last) + dt.timedelta(1) if fields[0].kind is Kind.DATETIME else last + dt.timedelta(1)
    early = start_of(first) if fields[1].kind is Kind.DATETIME else first
    touching = and_(begins < late, func.coalesce(ends, begins) >= early)
    statement = select(entity.model).where(chosen.condition, touching).order_by(begins.asc()).limit(MAX_ROWS)
    rows = list(visit.session.scalars(statement))
    visit.learn(entity, rows)
    return rows, len(rows) if len(rows) < MAX_ROWS else chosen.count(visit, touching)


def _bar(visit: Visit, chosen: Selection, row: Any, fields: tuple[FieldSpec, FieldSpec], scale: _Scale) -> Bar:
    begins, ends = (visit.value(chosen.entity, row, spec) for spec in fields)
    first = begins.date() if isinstance(begins, dt.datetime) else begins
    end = ends if ends is not None else first
    last = max(first, end.date() if isinstance(end, dt.datetime) else end)
    x, until = max(0.0, scale.at(first)), min(100.0, scale.at(last) + scale.day)
    called = visit.title(chosen.entity, row)
    need = len(called[:40]) * LETTER_WIDTH / NOMINAL_WIDTH * 100 + 2
    width = until - x
    side, text_x = ("in", x) if width >= need else ("after", until) if until + need <= 100 else ("before", x)
    say, day = visit.language.say, visit.language.day
    words = say("{title}: {first} to {last}", title=called, first=day(first), last=day(last))
    # Text that overlapped its neighbour could not be read: the line is taken as far as the name reaches.
    return Bar(
        row, called, words, round(x, 3), round(max(width, 0.4), 3), 0, colour(visit, chosen.entity, row), side,
        round(text_x, 3), scale.at(first) >= 0, scale.at(last) + scale.day <= 100.001,
    )  # fmt: skip


def _reach(bar: Bar) -> tuple[float, float]:
    """From where to where nothing else may stand on the bar's line, in percent."""
    need = len(bar.title[:40]) * LETTER_WIDTH / NOMINAL_WIDTH * 100 + 2
    if bar.side == "after":
        return bar.x, bar.x + bar.width + need
    return (bar.x - need, bar.x + bar.width) if bar.side == "before" else (bar.x, bar.x + bar.width)


def _lanes(visit: Visit, by: Axis | None, bars: list[tuple[Any, Bar]]) -> list[Lane]:
    if by is None:
        return [_lane("", [bar for _, bar in bars])] if bars else []
    groups: dict[Any, list[Bar]] = {}
    for row, bar in bars:
        groups.setdefault(visit.value(by.owner, row, by.spec), []).append(bar)
    learn_values(visit, by, groups)
    labelled = [(key, named(visit, by, key)[0]) for key in in_order(by, groups)]
    if by.spec.kind not in (Kind.CHOICE, Kind.BOOLEAN):
        labelled.sort(key=lambda item: (item[0] is None, item[1].lower()))
    return [_lane(label, groups[key]) for key, label in labelled]


def _lane(label: str, bars: list[Bar]) -> Lane:
    """Each bar on the first line on which it and its name have room."""
    ends: list[float] = []
    placed = []
    for bar in sorted(bars, key=lambda item: _reach(item)[0]):
        begin, end = _reach(bar)
        line = next((index for index, taken in enumerate(ends) if taken <= begin), len(ends))
        if line == len(ends):
            ends.append(0)
        ends[line] = end + 0.4
        placed.append(replace(bar, line=line))
    return Lane(label, placed, max(1, len(ends)) * ROW_HEIGHT + 8)


def _ticks(scale: _Scale, zoom: str, language: Language) -> list[Tick]:
    per = ZOOMS[zoom]
    last = scale.first + dt.timedelta(scale.days - 1)
    found = []
    for number, first in enumerate(between(per, scale.first, last)):
        x = max(0.0, scale.at(first))
        label = short_name(per, max(first, scale.first), language)
        found.append(Tick(label, x, zoom == "year" and number % 2 == 1))
    return found
