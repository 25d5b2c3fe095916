"""How values look: plain words and numbers that read the same in every country."""

from __future__ import annotations

import datetime as dt
import zlib
from decimal import Decimal
from typing import Final

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
LONG_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
NEAR_DAYS: Final = 30

_GOOD: Final = frozenset(
    [
        "approved",
        "accepted",
        "done",
        "completed",
        "complete",
        "closed",
        "resolved",
        "paid",
        "active",
        "available",
        "delivered",
        "passed",
        "ok",
        "good",
        "low",
        "finished",
        "returned",
        "signed",
        "confirmed",
        "yes",
        "published",
        "ready",
        "fixed",
        "present",
        "healthy",
    ]
)
_BAD: Final = frozenset(
    [
        "rejected",
        "refused",
        "denied",
        "overdue",
        "critical",
        "urgent",
        "failed",
        "blocked",
        "broken",
        "lost",
        "severe",
        "cancelled",
        "canceled",
        "expired",
        "high",
        "no",
        "danger",
        "missing",
        "unpaid",
        "damaged",
        "retired",
        "absent",
    ]
)
_WAITING: Final = frozenset(
    [
        "pending",
        "open",
        "waiting",
        "requested",
        "submitted",
        "review",
        "medium",
        "major",
        "draft",
        "planned",
        "scheduled",
        "hold",
        "reserved",
        "partial",
    ]
)
_MOVING: Final = frozenset(
    ["new", "progress", "ongoing", "started", "running", "working", "assigned", "investigating", "loaned"]
)
_STANDING: Final = frozenset(
    {"status", "state", "severity", "priority", "risk", "level", "result", "condition", "urgency", "stage", "outcome"}
    | {"decision", "progress", "health", "impact", "approval", "availability"}
)
_PALETTE: Final = ("violet", "teal", "pink", "blue", "orange", "slate")
_DUE_WORDS: Final = frozenset(["due", "deadline", "expires", "expiry", "expiration"])
_DONE_FLAGS: Final = frozenset(
    ["returned", "done", "completed", "complete", "closed", "resolved", "paid", "finished", "approved", "signed"]
)


def day(value: dt.date) -> str:
    """``24 Nov 2026``."""
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def long_day(value: dt.date) -> str:
    """``Tuesday, 24 November 2026``: the exact day, for tooltips."""
    return f"{WEEKDAYS[value.weekday()]}, {value.day} {LONG_MONTHS[value.month - 1]} {value.year}"


def clock(value: dt.time | dt.datetime) -> str:
    """``14:30``."""
    return f"{value.hour:02}:{value.minute:02}"


def relative_day(value: dt.date, today: dt.date) -> str:
    """``today``, ``in 3 days``, ``2 days ago``; empty when it is further away than a month."""
    distance = (value - today).days
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}
    if distance in near:
        return near[distance]
    if abs(distance) > NEAR_DAYS:
        return ""
    return f"in {distance} days" if distance > 0 else f"{-distance} days ago"


def ago(instant: dt.datetime, now: dt.datetime) -> str:
    """``just now``, ``5 minutes ago``, ``yesterday``, else the day."""
    seconds = (now - instant).total_seconds()
    if seconds < 60:
        return "just now"
    for size, limit, word in ((60, 3600, "minute"), (3600, 86_400, "hour")):
        if seconds < limit:
            count = int(seconds // size)
            return f"{count} {word}{'' if count == 1 else 's'} ago"
    local = instant.astimezone().date()
    return relative_day(local, now.astimezone().date()) or day(local)


def number(value: float) -> str:
    """Without a needless fraction, thousands apart by a thin space."""
    text = format(Decimal(repr(value)).normalize(), ",f")
    return text.replace(",", "\u202f")


def money(value: Decimal) -> str:
    """Two decimals, thousands apart by a thin space."""
    return format(value, ",.2f").replace(",", "\u202f")


def size(count: int) -> str:
    """``1.4 MB``."""
    if count < 1024:
        return f"{count} bytes"
    return f"{count / 1024:.0f} kB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


def tone(text: str, label: str = "status", options: tuple[str, ...] = ()) -> str:
    """The colour of a badge.

    Words that say how something stands have the colour of their meaning; of anything else, each option has its own.
    """
    found = set(text.lower().replace("-", " ").split())
    if set(label.lower().split()) & _STANDING:
        if found & {"not", "non", "no"}:
            return "amber"
        for words, colour in ((_BAD, "red"), (_GOOD, "green"), (_WAITING, "amber"), (_MOVING, "blue")):
            if found & words:
                return colour
    index = options.index(text) if text in options else zlib.crc32(text.encode())
    return _PALETTE[index % len(_PALETTE)]


def names_deadline(label: str) -> bool:
    """Whether a date of this name is something to be late for."""
    words = set(label.lower().split())
    return bool(words & _DUE_WORDS) or label.lower() in ("return by", "valid until")


def says_finished(value: object, label: str) -> bool:
    """Whether a field says that the row needs nothing any more."""
    if isinstance(value, bool):
        return value and bool(set(label.lower().split()) & _DONE_FLAGS)
    return isinstance(value, str) and bool(set(value.lower().split()) & (_DONE_FLAGS | {"rejected", "cancelled"}))
