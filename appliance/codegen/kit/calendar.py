"""Calendars: a month in weeks, a week, or a list of days; an entry may cover several days."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select

from .access import Verb
from .columns import FieldSpec, Kind
from .conditions import start_of
from .listing import held
from .periods import after, asked_day, long_month, name, start
from .rows import Selection, Unreadable, colour, hints, selection
from .web import page

if TYPE_CHECKING:
    from .definition import CalendarPage
    from .language import Language
    from .visit import Visit
    from .web import AppRequest, Html

MAX_ENTRIES: Final = 400
MAX_LANES: Final = 4
"""Entries above each other in one day of a month; the rest is a link away."""
VIEWS: Final = ("month", "week", "list")
LIST_DAYS: Final = 28


@dataclass(frozen=True, slots=True)
class Entry:
    """A row with the days that it covers, both counted."""

    row: Any
    title: str
    first: dt.date
    last: dt.date
    clock: str
    colour: str
    words: str


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of an entry that lies in one week of a month: from weekday ``column`` (1 to 7), ``span`` days long."""

    entry: Entry
    column: int
    span: int
    lane: int
    begins: bool
    ends: bool


@dataclass(slots=True)
class Day:
    """One day, with its entries in order; ``more`` counts those for which a month has no room.

    ``listed``: what a list of days says here; an entry of many days stands at its first, and once more at today.
    """

    date: dt.date
    entries: list[Entry] = field(default_factory=list)
    listed: list[Entry] = field(default_factory=list)
    more: int = 0
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days and the pieces that lie over them."""

    days: list[Day]
    pieces: list[Piece]


def show(request: AppRequest, visit: Visit, shown: CalendarPage) -> Html:
    """The calendar; ``?on=`` names a day in it, ``?show=`` one of :data:`VIEWS`."""
    entity = shown.entity
    chosen = selection(request, visit, entity, shown.where, keep=("on", "show"))
    first_field, last_field = _fields(visit, shown)
    view = chosen.query.asked("show") if chosen.query.asked("show") in VIEWS else "month"
    on = asked_day(chosen.query.asked("on"), visit.moment.today)
    first, last, before, following, label = _window(view, on, visit.language)
    entries, total = _entries(visit, chosen, (first_field, last_field), first, last)
    days = _days(entries, first, last, on.month if view == "month" else 0, visit.moment.today)
    can_add = visit.access.may(entity, Verb.CREATE) and visit.access.sets(entity, first_field, None)
    return page(
        request,
        visit,
        "calendar.html",
        heading=shown.title,
        shown=shown,
        entity=entity,
        selection=chosen,
        query=chosen.query,
        view=view,
        label=label,
        on=on,
        before=before,
        following=following,
        weeks=_weeks(days) if view == "month" else [],
        days=days,
        add=f"/{entity.slug}/new?{first_field.name}=" if can_add else "",
        add_clock="T09:00" if first_field.kind is Kind.DATETIME else "",
        total=total,
        shown_count=len(entries),
        without=chosen.count(visit, held(visit, entity, first_field).is_(None)),
        hints=hints(visit, entity, without=(shown.start, shown.end), limit=2),
        views=VIEWS,
    )


def _fields(visit: Visit, shown: CalendarPage) -> tuple[FieldSpec, FieldSpec | None]:
    first = visit.field(shown.entity, shown.start)
    if first is None:
        raise Unreadable(visit.language.say("You may not see the dates that this calendar shows."))
    return first, visit.field(shown.entity, shown.end) if shown.end else None


def _window(view: str, on: dt.date, language: Language) -> tuple[dt.date, dt.date, dt.date, dt.date, str]:
    """First and last day shown, a day before and one after it, and what the time is called."""
    if view == "week":
        first = start("week", on)
        return (
            first,
            first + dt.timedelta(6),
            after("week", first, -1),
            after("week", first),
            name("week", first, language),
        )
    if view == "list":
        last = on + dt.timedelta(LIST_DAYS - 1)
        label = f"{language.day(on)} – {language.day(last)}"
        return on, last, on - dt.timedelta(LIST_DAYS), on + dt.timedelta(LIST_DAYS), label
    month = start("month", on)
    following = after("month", month)
    first = start("week", month)
    last = start("week", following - dt.timedelta(1)) + dt.timedelta(6)
    return first, last, after("month", month, -1), following, long_month(month, language)


def _entries(
    visit: Visit, chosen: Selection, fields: tuple[FieldSpec, FieldSpec | None], start_day: dt.date, end_day: dt.date
) -> tuple[list[Entry], int]:
    """The entries that touch these days, and how many there are in truth."""
    entity, (first, last) = chosen.entity, fields
    begins = held(visit, entity, first)
    ends = begins if last is None else func.coalesce(held(visit, entity, last), begins)
    touching = and_(_not_after(begins, first, end_day), _not_before(ends, last or first, start_day))
    if last is not None:  # a row whose end lies before its start is shown at its start
        touching = or_(touching, and_(_not_after(begins, first, end_day), _not_before(begins, first, start_day)))
    model = entity.model
    statement = select(model).where(chosen.condition, touching).order_by(begins.asc(), model.__table__.c.id)  # type: ignore[attr-defined]
    rows = list(visit.session.scalars(statement.limit(MAX_ENTRIES)))
    visit.learn(entity, rows)
    total = len(rows) if len(rows) < MAX_ENTRIES else chosen.count(visit, touching)
    return [_entry(visit, chosen, row, first, last) for row in rows], total


def _not_after(moment: ColumnElement[Any], spec: FieldSpec, last: dt.date) -> ColumnElement[bool]:
    return moment < start_of(last) + dt.timedelta(1) if spec.kind is Kind.DATETIME else moment <= last


def _not_before(moment: ColumnElement[Any], spec: FieldSpec, first: dt.date) -> ColumnElement[bool]:
    return moment >= (start_of(first) if spec.kind is Kind.DATETIME else first)


def _entry(visit: Visit, chosen: Selection, row: Any, first: FieldSpec, last: FieldSpec | None) -> Entry:
    entity = chosen.entity
    begins = visit.value(entity, row, first)
    ends = visit.value(entity, row, last) if last is not None else None
    first_day = _day(begins)
    last_day = max(first_day, _day(ends)) if ends is not None else first_day
    day = visit.language.day
    at = visit.language.clock(begins) if isinstance(begins, dt.datetime) else ""
    words = day(first_day) if first_day == last_day else f"{day(first_day)} – {day(last_day)}"
    return Entry(row, visit.title(entity, row), first_day, last_day, at, colour(visit, entity, row), words)


def _day(moment: dt.date | dt.datetime) -> dt.date:
    return moment.date() if isinstance(moment, dt.datetime) else moment


def _days(entries: list[Entry], first: dt.date, last: dt.date, month: int, today: dt.date) -> list[Day]:
    days = [Day(first + dt.timedelta(n)) for n in range((last - first).days + 1)]
    for found in days:
        found.outside = bool(month) and found.date.month != month
    for entry in entries:
        begin = max(0, (entry.first - first).days)
        for found in days[begin : (entry.last - first).days + 1]:
            found.entries.append(entry)
    for found in days:  # what began earlier stands first, then the hours of the day
        found.entries.sort(key=lambda entry: (entry.first, entry.clock))
    beginning = next((found.date for found in days if not found.outside), first)
    for found in days:
        found.listed = [entry for entry in found.entries if found.date in (max(entry.first, beginning), today)]
    return days


def _weeks(days: list[Day]) -> list[Week]:
    return [_week(days[at : at + 7]) for at in range(0, len(days), 7)]


def _week(days: list[Day]) -> Week:
    """Lay the entries of seven days into lanes: each in the first that is free, longer ones first."""
    monday, sunday = days[0].date, days[6].date
    unique = {id(entry): entry for found in days for entry in found.entries}
    ordered = sorted(unique.values(), key=lambda e: (max(e.first, monday), -(e.last - e.first).days, e.clock))
    taken: list[set[int]] = []
    pieces = []
    for entry in ordered:
        begin, end = max(0, (entry.first - monday).days), min(6, (entry.last - monday).days)
        covered = set(range(begin, end + 1))
        lane = next((index for index, used in enumerate(taken) if not used & covered), len(taken))
        if lane >= MAX_LANES:
            for index in covered:
                days[index].more += 1
            continue
        if lane == len(taken):
            taken.append(set())
        taken[lane] |= covered
        pieces.append(Piece(entry, begin + 1, end - begin + 1, lane + 1, entry.first >= monday, entry.last <= sunday))
    return Week(days, pieces)
