"""Days put together by day, week, month, quarter or year (ISO 8601 weeks, Monday first)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .language import Language

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
FIRST_YEAR, LAST_YEAR = 2, 9998  # so that stepping a period back or on stays a date


def start(per: str, value: dt.date) -> dt.date:
    """The first day of the period that ``value`` lies in."""
    if per == "day":
        return value
    if per == "week":
        return value - dt.timedelta(days=value.weekday())
    months = _MONTHS[per]
    return value.replace(month=(value.month - 1) // months * months + 1, day=1)


def after(per: str, first: dt.date, count: int = 1) -> dt.date:
    """The first day ``count`` periods later, or earlier if negative."""
    if per in ("day", "week"):
        return first + dt.timedelta(days=count * (1 if per == "day" else 7))
    months = first.year * 12 + first.month - 1 + count * _MONTHS[per]
    return dt.date(months // 12, months % 12 + 1, 1)


def between(per: str, first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """The first days of all periods from that of ``first`` to that of ``last``: no gap is left out."""
    current = start(per, first)
    while current <= last:
        yield current
        current = after(per, current)


def count_between(per: str, first: dt.date, last: dt.date) -> int:
    """How many periods :func:`between` gives."""
    first, last = start(per, first), start(per, last)
    if per in ("day", "week"):
        return (last - first).days // (1 if per == "day" else 7) + 1
    return ((last.year - first.year) * 12 + last.month - first.month) // _MONTHS[per] + 1


def name(per: str, first: dt.date, language: Language) -> str:
    """``24 Nov 2026``, ``Week 48, 2026``, ``Nov 2026``, ``Q4 2026``, ``2026``."""
    if per == "day":
        return language.day(first)
    if per == "week":
        year, week, _ = first.isocalendar()
        return language.say("Week {week}, {year}", week=week, year=year)
    if per == "month":
        return f"{language.short_month(first.month)} {first.year}"
    if per == "quarter":
        return language.say("Q{quarter} {year}", quarter=(first.month + 2) // 3, year=first.year)
    return str(first.year)


def short_name(per: str, first: dt.date, language: Language) -> str:
    """The same for the axis of a chart."""
    if per in ("day", "week"):
        return f"{first.day} {language.short_month(first.month)}"
    if per == "month":
        return language.short_month(first.month) + (f" ’{first.year % 100:02}" if first.month == 1 else "")
    return name(per, first, language)


def long_month(value: dt.date, language: Language) -> str:
    """``November 2026``."""
    return f"{language.month(value.month)} {value.year}"


def asked_day(text: str, today: dt.date) -> dt.date:
    """The day that an address names, or today; years at the very ends of the calendar are not gone to."""
    try:
        found = dt.date.fromisoformat(text)
    except ValueError:
        return today
    return found if FIRST_YEAR < found.year < LAST_YEAR else today
