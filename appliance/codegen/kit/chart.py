"""Charts: bars, a line or a pie, drawn as SVG on the server, with the same values as a table beside them."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from .columns import Kind
from .dashboard import ranked
from .grouping import UNSEEN, Axis, as_day, axis, learn_values, named
from .listing import RANGE
from .measures import Gauge, Tally, gauge
from .periods import after, between, count_between, name, short_name, start
from .rows import Selection, Unreadable, selection
from .web import page

if TYPE_CHECKING:
    from .definition import ChartPage
    from .visit import Visit
    from .web import AppRequest, Html

MAX_GROUPS: Final = 12
MAX_PERIODS: Final = 60
PLOT_HEIGHT: Final = 280
TOP, BOTTOM = 12, 30
"""Pixels above the highest and below the lowest line of the axis."""
CENTRE, OUTER, INNER = 100, 92, 54
"""The pie, in the units of its drawing."""


@dataclass(frozen=True, slots=True)
class Point:
    """One value. ``x`` and ``width`` are percent of the plot, ``y`` and ``height`` pixels; ``slice`` is a path."""

    label: str
    short: str
    text: str
    share: str
    address: str
    x: float = 0
    width: float = 0
    y: float = 0
    height: float = 0
    percent: float = 0
    slice: str = ""
    tick: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A line of the axis of values, ``y`` in pixels."""

    label: str
    y: float


@dataclass(frozen=True, slots=True)
class _Group:
    label: str
    short: str
    tally: Tally
    address: str


def show(request: AppRequest, visit: Visit, shown: ChartPage) -> Html:
    """The chart, over the rows that the search and the filters leave."""
    entity = shown.entity
    by, measured = axis(visit, entity, shown.by), gauge(visit, entity, shown.measure)
    if by is None or measured is None:
        raise Unreadable(visit.language.say("You may not see what this chart shows."))
    chosen = selection(request, visit, entity, shown.where)
    dated = by.spec.kind in (Kind.DATE, Kind.DATETIME)
    if dated:
        groups, notice, without = _periods(visit, chosen, by, measured, shown.per or "month")
    else:
        groups, notice = _categories(visit, chosen, by, measured)
        without = 0
    figures = [float(measured.value(group.tally) or 0) for group in groups]
    # A pie of figures below zero, or a line through things without an order, would say what is not so.
    shape = "bar" if shown.shape == "pie" and any(figure < 0 for figure in figures) else shown.shape
    lines = _lines(figures, measured)
    total = Tally()
    for group in groups:
        total.add(group.tally)
    return page(
        request,
        visit,
        "chart.html",
        heading=shown.title,
        shown=shown,
        entity=entity,
        selection=chosen,
        query=chosen.query,
        shape=shape if dated or shape != "bar" else "rows",
        points=_points(groups, figures, measured, lines, shape),
        lines=lines,
        height=PLOT_HEIGHT,
        by=by.label,
        measure=_measure_name(visit, measured),
        total=measured.text(total),
        adds_up=measured.fold in ("count", "sum"),
        rows=total.rows,
        notice=notice,
        without=without,
    )


def _measure_name(visit: Visit, measured: Gauge) -> str:
    if measured.spec is None:
        return visit.language.say("Count")
    words = {
        "count": "Number of {field}", "sum": "Sum of {field}", "average": "Average {field}", "lowest": "Lowest {field}",
        "highest": "Highest {field}",
    }  # fmt: skip
    return visit.language.say(words[measured.fold], field=visit.language.inside(measured.spec.label))


def _categories(visit: Visit, chosen: Selection, by: Axis, measured: Gauge) -> tuple[list[_Group], str]:
    tallies: dict[Any, Tally] = {}
    for value, unseen, *values in visit.session.execute(by.grouped(chosen.condition, *measured.columns)):
        tallies.setdefault(UNSEEN if unseen else value, Tally()).add(measured.tally(values))
    ordered = ranked(by, {value: measured.value(tally) or 0 for value, tally in tallies.items()})
    kept = ordered
    if len(ordered) > MAX_GROUPS:  # the largest stay, in the order in which they stood
        largest = sorted(ordered, key=lambda value: -(measured.value(tallies.get(value, Tally())) or 0))
        kept = [value for value in ordered if value in largest[: MAX_GROUPS - 1]]
    learn_values(visit, by, kept)
    base = chosen.list_address
    groups = []
    for value in kept:
        label, key = named(visit, by, value)
        address = f"{base}{'&' if '?' in base else '?'}f.{by.path}={quote(key)}" if key and chosen.where is None else ""
        groups.append(_Group(label, label, tallies.get(value, Tally()), address))
    if len(ordered) > len(kept):
        other = Tally()
        for value in (value for value in ordered if value not in kept):
            other.add(tallies.get(value, Tally()))
        label = visit.language.say("Other ({count} groups)", count=len(ordered) - len(kept))
        groups.append(_Group(label, label, other, ""))
    return groups, ""


def _periods(visit: Visit, chosen: Selection, by: Axis, measured: Gauge, per: str) -> tuple[list[_Group], str, int]:
    """Every period from the first to the last, those without rows too; the latest if there are too many."""
    tallies: dict[dt.date, Tally] = {}
    without = 0
    for value, unseen, *values in visit.session.execute(by.grouped(chosen.condition, *measured.columns)):
        tally, found = measured.tally(values), None if unseen or value is None else as_day(value)
        if found is None:
            without += tally.rows
        else:
            tallies.setdefault(start(per, found), Tally()).add(tally)
    if not tallies:
        return [], "", without
    first, last = min(tallies), max(tallies)
    count, notice = count_between(per, first, last), ""
    if count > MAX_PERIODS:
        first = after(per, last, 1 - MAX_PERIODS)
        notice = visit.language.say("The latest {shown} of {total} periods.", shown=MAX_PERIODS, total=count)
    base = chosen.list_address
    groups = []
    for begin in between(per, first, last):
        until = after(per, begin) - dt.timedelta(1)
        reach = f"f.{by.path}={begin.isoformat()}{RANGE}{until.isoformat()}"
        address = f"{base}{'&' if '?' in base else '?'}{reach}" if chosen.where is None and "." not in by.path else ""
        label = name(per, begin, visit.language)
        groups.append(_Group(label, short_name(per, begin, visit.language), tallies.get(begin, Tally()), address))
    return groups, notice, without


def _lines(figures: list[float], measured: Gauge) -> list[Grid]:
    """Lines at round values that hold all figures between them, zero always among them."""
    low, high = min([0.0, *figures]), max([0.0, *figures])
    step = _step((high - low) / 4 or 1, whole=measured.fold == "count")
    first, last = math.floor(low / step), math.ceil(high / step) or (0 if low < 0 else 1)
    room = PLOT_HEIGHT - TOP - BOTTOM
    return [
        Grid(measured.axis(number * step), round(TOP + room * (last - number) / (last - first), 1))
        for number in range(first, last + 1)
    ]


def _step(least: float, *, whole: bool) -> float:
    """The smallest of 1, 2, 5, 10, … that is not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least * 0.999)
    return max(1.0, step) if whole else step


def _points(groups: list[_Group], figures: list[float], measured: Gauge, lines: list[Grid], shape: str) -> list[Point]:
    low, high = min([0.0, *figures]), max([0.0, *figures])
    step = _step((high - low) / 4 or 1, whole=measured.fold == "count")
    bottom, top = math.floor(low / step) * step, (math.ceil(high / step) or (0 if low < 0 else 1)) * step
    room = lines[-1].y - lines[0].y
    longest = max((abs(figure) for figure in figures), default=0) or 1
    total = sum(figures) or 1
    slot = 100 / max(1, len(groups))
    every = max(1, math.ceil(len(groups) / 12))
    turned, points = 0.0, []

    def at(figure: float) -> float:
        return round(lines[0].y + room * (figure - bottom) / (top - bottom), 1)

    ys, zero = [at(figure) for figure in figures], at(0)
    for index, (group, figure) in enumerate(zip(groups, figures, strict=True)):
        share = figure / total
        points.append(
            Point(
                group.label,
                group.short,
                measured.text(group.tally),
                f"{share:.0%}",
                group.address,
                x=round(slot * index + (slot * 0.14 if shape != "line" else slot / 2), 3),
                width=round(slot * 0.72, 3),
                y=round(min(ys[index], zero) if shape != "line" else ys[index], 1),
                height=round(max(abs(zero - ys[index]), 0.5 if figure else 0), 1),
                percent=round(100 * max(0.0, figure) / longest, 1),
                slice=_slice(turned, share) if shape == "pie" and figure > 0 else "",
                tick="major" if index % (every * 2) == 0 else "minor" if index % every == 0 else "",
            )
        )
        turned += share
    return points


def _slice(turned: float, share: float) -> str:
    """The path of a part of the ring, clockwise from the top."""
    share = min(share, 0.9999)  # an arc that ends where it begins would not be drawn
    large = 1 if share > 0.5 else 0
    x1, y1 = _on_circle(turned, OUTER)
    x2, y2 = _on_circle(turned + share, OUTER)
    x3, y3 = _on_circle(turned + share, INNER)
    x4, y4 = _on_circle(turned, INNER)
    return f"M{x1} {y1}A{OUTER} {OUTER} 0 {large} 1 {x2} {y2}L{x3} {y3}A{INNER} {INNER} 0 {large} 0 {x4} {y4}Z"


def _on_circle(turned: float, radius: float) -> tuple[float, float]:
    angle = 2 * math.pi * turned
    return round(CENTRE + radius * math.sin(angle), 2), round(CENTRE - radius * math.cos(angle), 2)
