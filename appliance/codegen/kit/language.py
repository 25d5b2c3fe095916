"""The app's own words, days and numbers in one of its languages.

Code and templates hold the English phrase, ``languages/<code>.json`` what it is in another language, with the same
names in braces. A phrase that a catalogue lacks stays English; the tests see to it that none is lacking.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CODES: Final = ("en", "de", "fr", "es")
NEAR_DAYS: Final = 30


class Said(Exception):  # noqa: N818
    """Something to tell a person, as a phrase of the catalogue with values in it; ``str()`` is the English text."""

    def __init__(self, phrase: str, **values: object) -> None:
        super().__init__(phrase.format(**values) if values else phrase)
        self.phrase, self.values = phrase, values


@dataclass(frozen=True, slots=True)
class Language:
    """One language: ``words`` by English phrase, ``formats`` of days and numbers."""

    code: str
    words: Mapping[str, str]
    formats: Mapping[str, Any]

    def say(self, phrase: str, **values: object) -> str:
        """A phrase with values in it: plain text, which pages escape."""
        text = self.words.get(phrase, phrase)
        return text.format(**values) if values else text

    def tell(self, error: Exception) -> str:
        """What an error says to a person."""
        return self.say(error.phrase, **error.values) if isinstance(error, Said) else str(error)

    def some(self, one: str, many: str, count: int, **values: object) -> str:
        """One of two phrases, by a count that both may name."""
        return self.say(one if count == 1 else many, count=count, **values)

    def inside(self, label: str) -> str:
        """A label inside a sentence: in small letters where the language writes nouns so."""
        return label if self.formats["nouns_keep_case"] or label.isupper() else label[:1].lower() + label[1:]

    @property
    def keeps_case(self) -> bool:
        """Whether nouns are written inside a sentence as they are alone."""
        return bool(self.formats["nouns_keep_case"])

    @property
    def decimal_mark(self) -> str:
        """What stands before the fraction of a number."""
        return str(self.formats["decimal"])

    def month(self, number: int) -> str:
        """The name of a month, 1 to 12."""
        return str(self.formats["long_months"][number - 1])

    def short_month(self, number: int) -> str:
        """The short name of a month, 1 to 12."""
        return str(self.formats["months"][number - 1])

    def weekday(self, number: int) -> str:
        """The name of a weekday, 0 is Monday."""
        return str(self.formats["weekdays"][number])

    def day(self, value: dt.date) -> str:
        """``24 Nov 2026``."""
        month = self.short_month(value.month)
        return str(self.formats["day"]).format(day=value.day, month=month, year=value.year)

    def long_day(self, value: dt.date) -> str:
        """``Tuesday, 24 November 2026``: the exact day, for tooltips."""
        named = {"weekday": self.weekday(value.weekday()), "month": self.month(value.month)}
        return str(self.formats["long_day"]).format(day=value.day, year=value.year, **named)

    @staticmethod
    def clock(value: dt.time | dt.datetime) -> str:
        """``14:30``."""
        return f"{value.hour:02}:{value.minute:02}"

    def relative_day(self, value: dt.date, today: dt.date) -> str:
        """``today``, ``in 3 days``, ``2 days ago``; empty when it is further away than a month."""
        distance = (value - today).days
        near = {0: "today", 1: "tomorrow", -1: "yesterday"}
        if distance in near:
            return self.say(near[distance])
        if abs(distance) > NEAR_DAYS:
            return ""
        return self.say("in {count} days" if distance > 0 else "{count} days ago", count=abs(distance))

    def ago(self, instant: dt.datetime, now: dt.datetime) -> str:
        """``just now``, ``5 minutes ago``, ``yesterday``, else the day."""
        seconds = (now - instant).total_seconds()
        if seconds < 60:
            return self.say("just now")
        if seconds < 3600:
            return self.some("{count} minute ago", "{count} minutes ago", int(seconds // 60))
        if seconds < 86_400:
            return self.some("{count} hour ago", "{count} hours ago", int(seconds // 3600))
        local = instant.astimezone().date()
        return self.relative_day(local, now.astimezone().date()) or self.day(local)

    def number(self, value: float) -> str:
        """Without a needless fraction, thousands apart."""
        return self._marked(format(Decimal(repr(value)).normalize(), ",f"))

    def money(self, value: Decimal) -> str:
        """Two decimals, thousands apart."""
        return self._marked(format(value, ",.2f"))

    def plain_number(self, value: float | Decimal) -> str:
        """As a form shows it: with this language's decimal mark and nothing between thousands."""
        exact = value if isinstance(value, Decimal) else Decimal(repr(value)).normalize()
        return format(exact, "f").replace(".", self.decimal_mark)

    def size(self, count: int) -> str:
        """``1.4 MB``."""
        if count < 1024:
            return self.say("{count} bytes", count=count)
        text = f"{count / 1024:.0f} kB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"
        return text.replace(".", self.decimal_mark)

    def _marked(self, text: str) -> str:
        marks = {",": str(self.formats["thousands"]), ".": self.decimal_mark}
        return "".join(marks.get(character, character) for character in text)


def load_language(folder: Path, code: str) -> Language:
    """Read a catalogue.

    Raises:
        ValueError: there is no such language.
    """
    if code not in CODES:
        raise ValueError(f"There is no language {code!r}; there are {', '.join(CODES)}.")
    content = json.loads((folder / f"{code}.json").read_text(encoding="utf-8"))
    return Language(code, content["words"], content["formats"])
