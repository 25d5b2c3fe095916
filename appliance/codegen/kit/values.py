"""From what a form sends to what a column holds. Every refusal is a sentence that says what to write instead."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from .columns import FieldSpec, Kind
from .language import Said

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT: Final = 1_000
MAX_LONGTEXT: Final = 20_000
MAX_NUMBER: Final = 1e15
NUMBER_PLACES: Final = 9
"""Decimals that a number keeps: with the bound above, no product or quotient of an expression is too large to hold."""
MAX_MONEY: Final = Decimal("999999999999.99")
MAX_ID: Final = 2**63 - 1

_TWO_WAYS: Final = "This can be read in two ways. Write {one} or {other}."
_EMAIL: Final = re.compile(r"[^@\s<>\"(),:;\[\]\\]{1,64}@[^@\s<>\"(),:;\[\]\\]{1,190}")
_PHONE: Final = re.compile(r"[+()0-9 ./-]{3,40}(?:\s*(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(?:[ \u00a0\u202f’']\d{3})+(?:[.,]\d+)?|[+-]?\d{1,3}(?:,\d{3})+\.\d+")


class Invalid(Said, ValueError):  # noqa: N818
    """The text cannot be the value of that field; the message is for the person."""


def parse(spec: FieldSpec, text: str, *, decimal: str = ".") -> object:
    """The value of a field that was filled in with ``text`` (not empty).

    Refs and people are looked up elsewhere; here a ref is its id and a person their key. ``decimal`` is the mark that
    people write before a fraction, ``.`` or ``,``.

    Raises:
        Invalid: with a sentence that says what to write.
    """
    if "\0" in text:
        raise Invalid("This contains a character that cannot be stored. Remove it.")
    if decimal == "," and spec.kind in (Kind.NUMBER, Kind.MONEY):
        text = _with_point(text)
    return _PARSERS[spec.kind](text, spec)


def _with_point(text: str) -> str:
    """A number as it is written where a comma stands before the fraction, with a point there."""
    plain = text.strip()
    if re.fullmatch(r"[+-]?\d{1,3}(?:\.\d{3})+,\d*|[+-]?\d{1,3}(?:\.\d{3}){2,}", plain):
        return plain.replace(".", "").replace(",", ".")
    if re.fullmatch(r"[+-]?\d{1,3}\.\d{3}", plain):
        whole, _, rest = plain.partition(".")
        raise Invalid(_TWO_WAYS, one=whole + rest, other=f"{whole},{rest}")
    return re.sub(r"[ \u00a0\u202f’']", "", plain).replace(",", ".", 1)


def _text(text: str, _spec: FieldSpec) -> str:
    return _limited(text, MAX_TEXT)


def _longtext(text: str, _spec: FieldSpec) -> str:
    return _limited(text.replace("\r\n", "\n"), MAX_LONGTEXT)


def _limited(text: str, limit: int) -> str:
    if len(text) > limit:
        raise Invalid("This is {count} characters long. Keep it to {limit}.", count=len(text), limit=limit)
    return text


def _decimal(text: str) -> Decimal:
    plain = text.strip()
    if _THOUSANDS.fullmatch(plain):
        plain = re.sub(r"[ \u00a0\u202f’']", "", plain)
        plain = plain.replace(",", "") if "." in plain else plain.replace(",", ".")
    elif "," in plain:
        if re.fullmatch(r"[+-]?\d{1,3},\d{3}", plain):
            whole, _, rest = plain.partition(",")
            raise Invalid(_TWO_WAYS, one=whole + rest, other=f"{whole}.{rest}")
        plain = plain.replace(",", ".", 1)
    try:
        number = Decimal(plain)
    except InvalidOperation as error:
        raise Invalid("This is not a number. Write one such as 12 or 9.50.") from error
    if not number.is_finite():
        raise Invalid("This is not a number. Write one such as 12 or 9.50.")
    return number


def _number(text: str, _spec: FieldSpec) -> float:
    number = float(_decimal(text))
    if not math.isfinite(number) or abs(number) > MAX_NUMBER:
        raise Invalid("This number is too large.")
    return round(number, NUMBER_PLACES)


def _money(text: str, _spec: FieldSpec) -> Decimal:
    amount = _decimal(text)
    if abs(amount) > MAX_MONEY:
        raise Invalid("This amount is too large.")
    if amount != amount.quantize(Decimal("0.01")):
        raise Invalid("An amount has at most two decimals, such as 9.50.")
    return amount.quantize(Decimal("0.01"))


def _boolean(text: str, _spec: FieldSpec) -> bool:
    return text.lower() in ("on", "true", "yes", "1")


def _date(text: str, _spec: FieldSpec) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("This is not a day. Write it as year-month-day, such as 2026-11-24.") from error


def _datetime(text: str, _spec: FieldSpec) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError as error:
        raise Invalid("This is not a day and time. Write it as 2026-11-24T14:30.") from error


def _time(text: str, _spec: FieldSpec) -> dt.time:
    try:
        return dt.time.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError as error:
        raise Invalid("This is not a time of day. Write it as 14:30.") from error


def _email(text: str, _spec: FieldSpec) -> str:
    address = text.strip()
    if not _EMAIL.fullmatch(address):
        raise Invalid("This is not an e-mail address. Write one such as name@example.com.")
    return address


def _phone(text: str, _spec: FieldSpec) -> str:
    number = text.strip()
    if not _PHONE.fullmatch(number):
        raise Invalid("This is not a phone number. Write one such as +49 30 123456.")
    return number


def _url(text: str, _spec: FieldSpec) -> str:
    address = _limited(text.strip(), MAX_TEXT)
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or re.search(r"\s", address):
        raise Invalid("This is not a web address. Write one such as https://example.com.")
    return address


def _choice(text: str, spec: FieldSpec) -> str:
    if text not in spec.options:
        raise Invalid("Choose one of: {options}.", options=", ".join(spec.options))
    return text


def _ref(text: str, _spec: FieldSpec) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > MAX_ID:
        raise Invalid("Choose one from the list.")
    return int(text)


def _person(text: str, _spec: FieldSpec) -> str:
    return _limited(text.strip(), MAX_TEXT)


_PARSERS: Final[dict[Kind, Callable[[str, FieldSpec], object]]] = {
    Kind.TEXT: _text,
    Kind.LONGTEXT: _longtext,
    Kind.NUMBER: _number,
    Kind.MONEY: _money,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.TIME: _time,
    Kind.EMAIL: _email,
    Kind.PHONE: _phone,
    Kind.URL: _url,
    Kind.PERSON: _person,
    Kind.CHOICE: _choice,
    Kind.REF: _ref,
    Kind.SEQUENCE: _text,
}


def is_email(text: str) -> bool:
    """Whether the text has the shape of an e-mail address."""
    return _EMAIL.fullmatch(text) is not None
