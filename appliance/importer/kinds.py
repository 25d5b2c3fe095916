"""One cell as a value of one type: the text that a form of the app takes, or a reason why it cannot be one."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from appliance.importer.booleans import parse_boolean
from appliance.importer.dates import DayOrder, parse_day, parse_stamp, parse_time
from appliance.importer.grid import Native, text_of
from appliance.importer.numbers import DecimalMark, decimals, parse_number, plain_number
from appliance.importer.proposal import ColumnType

MAX_TEXT: Final = 1_000
"""As long as one line of text may be in an app; longer ones are long texts."""

_EMAIL: Final = re.compile(r"[^@\s<>\"(),:;\[\]\\]{1,64}@[^@\s<>\"(),:;\[\]\\]{1,190}")
_PHONE: Final = re.compile(r"[+(]?[0-9][0-9 ()./-]{4,38}[0-9](?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
_EMPTY_WORDS: Final = frozenset({"-", "–", "—", "n/a", "na", "#n/a", "null", "none", "k.a.", "k. a.", "s/d", "n. v."})


class Unfit(ValueError):  # noqa: N818 - an outcome, not a fault
    """The cell cannot be a value of that type; the message is for the person."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the cells of one column are read."""

    type: ColumnType
    day_order: DayOrder | None = None
    decimal_mark: DecimalMark | None = None
    options: tuple[str, ...] = ()
    keys: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """For a reference: what identifies a row of the target, folded, and that row's number."""


def is_empty(cell: Native, kind: ColumnType) -> bool:
    """Whether the cell says nothing. Marks such as ``-`` and ``n/a`` say nothing except in texts."""
    if not isinstance(cell, str):
        return False
    plain = cell.strip()
    if not plain:
        return True
    as_text = kind in (ColumnType.TEXT, ColumnType.LONGTEXT)
    return not as_text and plain.lower() in _EMPTY_WORDS


def fold(text: str) -> str:
    """What two cells must share to name the same row."""
    return " ".join(text.split()).casefold()


def value_of(cell: Native, reading: Reading) -> str:
    """The value as the app's form takes it; empty for an empty cell.

    Raises:
        Unfit: with a sentence that says why.
    """
    if is_empty(cell, reading.type):
        return ""
    return _READERS[reading.type](cell, reading)


def _text(cell: Native, _reading: Reading) -> str:
    text = text_of(cell)
    if len(text) > MAX_TEXT:
        message = f"is {len(text):,} characters long; one line holds {MAX_TEXT:,}"
        raise Unfit(message)
    return _storable(text)


def _longtext(cell: Native, _reading: Reading) -> str:
    return _storable(text_of(cell))


def _storable(text: str) -> str:
    if "\0" in text:
        message = "contains a character that cannot be stored"
        raise Unfit(message)
    return text


def _decimal(cell: Native, reading: Reading) -> Decimal:
    number = cell if isinstance(cell, Decimal) else None
    if number is None and isinstance(cell, str):
        number = parse_number(cell, reading.decimal_mark)
    if number is None or isinstance(cell, bool):
        message = "is not a number"
        raise Unfit(message)
    return number


def _number(cell: Native, reading: Reading) -> str:
    return plain_number(_decimal(cell, reading))


def _money(cell: Native, reading: Reading) -> str:
    amount = _decimal(cell, reading)
    if decimals(amount) > 2:
        message = "has more than two decimals"
        raise Unfit(message)
    return format(amount.quantize(Decimal("0.01")), "f")


def _boolean(cell: Native, _reading: Reading) -> str:
    said = cell if isinstance(cell, bool) else parse_boolean(text_of(cell))
    if said is None:
        message = "is neither yes nor no"
        raise Unfit(message)
    return "on" if said else ""


def _date(cell: Native, reading: Reading) -> str:
    if isinstance(cell, dt.datetime):
        message = "has a time of day"
        raise Unfit(message)
    day = cell if isinstance(cell, dt.date) else parse_day(text_of(cell), reading.day_order)
    if day is None:
        message = "is not a day"
        raise Unfit(message)
    return day.isoformat()


def _datetime(cell: Native, reading: Reading) -> str:
    stamp: dt.datetime | None = None
    if isinstance(cell, dt.datetime):
        stamp = cell
    elif isinstance(cell, dt.date):
        stamp = dt.datetime.combine(cell, dt.time())
    elif isinstance(cell, str):
        stamp = parse_stamp(cell, reading.day_order)
        day = None if stamp else parse_day(cell, reading.day_order)
        stamp = dt.datetime.combine(day, dt.time()) if day else stamp
    if stamp is None:
        message = "is not a day and time"
        raise Unfit(message)
    return stamp.isoformat(timespec="seconds" if stamp.second else "minutes")


def _time(cell: Native, _reading: Reading) -> str:
    found = cell if isinstance(cell, dt.time) else parse_time(text_of(cell))
    if found is None:
        message = "is not a time of day"
        raise Unfit(message)
    return found.isoformat(timespec="seconds" if found.second else "minutes")


def _email(cell: Native, _reading: Reading) -> str:
    address = text_of(cell).strip().removeprefix("mailto:")
    if not _EMAIL.fullmatch(address):
        message = "is not an e-mail address"
        raise Unfit(message)
    return address


def _phone(cell: Native, _reading: Reading) -> str:
    number = text_of(cell).strip().replace("\u00a0", " ")
    if not _PHONE.fullmatch(number):
        message = "is not a phone number"
        raise Unfit(message)
    return number


def _url(cell: Native, _reading: Reading) -> str:
    address = text_of(cell).strip()
    address = f"https://{address}" if address.lower().startswith("www.") else address
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", address)
    except ValueError:
        usable = False
    if not usable or len(address) > MAX_TEXT:
        message = "is not a web address"
        raise Unfit(message)
    return address


def _choice(cell: Native, reading: Reading) -> str:
    wanted = fold(text_of(cell))
    for option in reading.options:
        if fold(option) == wanted:
            return option
    message = "is not one of the options"
    raise Unfit(message)


def _ref(cell: Native, reading: Reading) -> str:
    row = reading.keys.get(fold(text_of(cell)))
    if row is None:
        message = "is not in the other table"
        raise Unfit(message)
    return str(row)


_READERS: Final[dict[ColumnType, Callable[[Native, Reading], str]]] = {
    ColumnType.TEXT: _text,
    ColumnType.LONGTEXT: _longtext,
    ColumnType.NUMBER: _number,
    ColumnType.MONEY: _money,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: _date,
    ColumnType.DATETIME: _datetime,
    ColumnType.TIME: _time,
    ColumnType.EMAIL: _email,
    ColumnType.PHONE: _phone,
    ColumnType.URL: _url,
    ColumnType.PERSON: _email,
    ColumnType.CHOICE: _choice,
    ColumnType.REF: _ref,
}
