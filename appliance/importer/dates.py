"""Days and times of day as people write them in English, German, French and Spanish, and as ISO 8601 does.

``03/04/2026`` alone does not say which is the day: :class:`DayOrder` does, and who asks for a day must have one.
"""

from __future__ import annotations

import datetime as dt
import re
from enum import StrEnum
from typing import Final


class DayOrder(StrEnum):
    """Which number of ``03/04/2026`` is the day."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jän jänner janvier janv enero ene",
            "february feb februar février févr fév febrero",
            "march mar märz mär mars marzo",
            "april apr avril avr abril abr",
            "may mai mayo",
            "june jun juni juin junio",
            "july jul juli juillet juil julio",
            "august aug août agosto ago",
            "september sep sept septembre septiembre",
            "october oct oktober okt octobre octubre",
            "november nov novembre noviembre",
            "december dec dezember dez décembre déc diciembre dic",
        ),
        start=1,
    )
    for name in names.split()
}
_ISO: Final = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_NUMERIC: Final = re.compile(r"(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4}|\d{2})")
_NAMED_DAY_FIRST: Final = re.compile(r"(\d{1,2})(?:\.|st|nd|rd|th|er)?[\s-](?:de )?([^\W\d_]+)\.?[\s-](?:de )?(\d{4})")
_NAMED_MONTH_FIRST: Final = re.compile(r"([^\W\d_]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")
_WEEKDAY: Final = re.compile(r"[^\W\d_]{2,10}[.,]{1,2}\s+")
_TIME: Final = re.compile(
    r"(\d{1,2})(?:[:h]|\.(?=\d{2}\s*Uhr))(\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?\s*([ap]\.?m\.?)?(?:\s*Uhr)?",
    re.IGNORECASE,
)
_STAMP: Final = re.compile(r"(?P<day>.+?)(?:T|,?\s+)(?P<time>\d{1,2}[:.h]\d{2}.*?)(?P<zone>Z|[+-]\d{2}:?\d{2})?")
_PIVOT: Final = 69
"""Two-digit years up to 68 are of this century (POSIX strptime %y)."""


def parse_day(text: str, order: DayOrder | None) -> dt.date | None:  # noqa: PLR0911 - one form after the other
    """The day, or None if this is none (or cannot be known without ``order``)."""
    plain = _WEEKDAY.sub("", text.strip(), count=1)
    if match := _ISO.fullmatch(plain):
        return _day(int(match[1]), int(match[3]), int(match[4]))
    if match := _NUMERIC.fullmatch(plain):
        first, mark, second, year = int(match[1]), match[2], int(match[3]), _year(match[4])
        if mark == ".":  # with points it is always the day that comes first
            return _day(year, second, first)
        if order is None:
            return None
        return _day(year, second, first) if order is DayOrder.DAY_FIRST else _day(year, first, second)
    if (match := _NAMED_DAY_FIRST.fullmatch(plain)) and (month := _MONTHS.get(match[2].lower())):
        return _day(int(match[3]), month, int(match[1]))
    if (match := _NAMED_MONTH_FIRST.fullmatch(plain)) and (month := _MONTHS.get(match[1].lower())):
        return _day(int(match[3]), month, int(match[2]))
    return None


def parse_time(text: str) -> dt.time | None:
    """The time of day, or None."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hour, minute = int(match[1]), int(match[2])
    half = (match[4] or "").replace(".", "").lower()
    if half and not 1 <= hour <= 12:
        return None
    hour = hour % 12 + (12 if half == "pm" else 0) if half else hour
    try:
        return dt.time(hour, minute, int(match[3] or 0))
    except ValueError:
        return None


def parse_stamp(text: str, order: DayOrder | None) -> dt.datetime | None:
    """A day and a time of day, or None. An offset is left out: what the clock showed there is kept."""
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        return None
    day, time = parse_day(match["day"], order), parse_time(match["time"])
    return None if day is None or time is None else dt.datetime.combine(day, time)


def has_zone(text: str) -> bool:
    """Whether a stamp names its offset from UTC."""
    match = _STAMP.fullmatch(text.strip())
    return match is not None and match["zone"] is not None


def orders_of(text: str) -> frozenset[DayOrder]:
    """The orders under which a written day could be read; both for one that does not depend on it."""
    match = _STAMP.fullmatch(text.strip())
    day = match["day"] if match else text
    return frozenset(order for order in DayOrder if parse_day(day, order) is not None)


def depends_on_order(text: str) -> bool:
    """Whether the two orders give two different days."""
    match = _STAMP.fullmatch(text.strip())
    day = match["day"] if match else text
    read = {parse_day(day, order) for order in DayOrder}
    return len(read) == 2 and None not in read


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 4:
        return year
    return year + (2000 if year < _PIVOT else 1900)


def _day(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
