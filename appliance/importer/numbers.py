"""Numbers and amounts as people write them: ``1,234.50``, ``1.234,50``, ``1 234,50``, ``1'234.50``, ``€ 12``, ``(12)``.

``1.234`` alone can be a thousand or a little over one: :class:`DecimalMark` says which, and who asks must have one.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Final


class DecimalMark(StrEnum):
    """What stands before the decimals."""

    POINT = "point"
    COMMA = "comma"

    @property
    def sign(self) -> str:
        """The character."""
        return "." if self is DecimalMark.POINT else ","


CURRENCY: Final = re.compile(
    r"(?:[€$£¥₹₽₺₩₪]|US\$|Fr\.|EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|INR|CNY|BRL|MXN|kr|zł)"
)
_BEFORE: Final = re.compile(rf"([+-]?)\s*{CURRENCY.pattern}\s*(.+)")
_AFTER: Final = re.compile(rf"(.+?)\s*{CURRENCY.pattern}")
_SPACES: Final = re.compile(r"(?<=\d)[\u0020\u00a0\u202f\u2009’'](?=\d{3}(?!\d))")
_GROUPED: Final = {
    DecimalMark.POINT: re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)(?:\.\d+)?|[+-]?\.\d+"),
    DecimalMark.COMMA: re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:\.\d{3})+|\d+)(?:,\d+)?|[+-]?,\d+"),
}
_CODE: Final = re.compile(r"[+-]?0\d+")
MAX_DIGITS: Final = 15


def bare(text: str) -> str:
    """The figures without sign of currency, accountants' brackets, and spaces between thousands."""
    plain = text.strip().replace("\N{MINUS SIGN}", "-")
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1].strip()}"
    if match := _BEFORE.fullmatch(plain):
        plain = match[1] + match[2].strip()
    elif match := _AFTER.fullmatch(plain):
        plain = match[1].strip()
    if plain.endswith("-") and plain[:1].isdigit():  # as bookkeeping programs write it
        plain = f"-{plain[:-1]}"
    return _SPACES.sub("", plain)


def has_currency(text: str) -> bool:
    """Whether the text is figures with a sign of currency."""
    plain = text.strip()
    return bool(_BEFORE.fullmatch(plain) or _AFTER.fullmatch(plain))


def parse_number(text: str, mark: DecimalMark | None) -> Decimal | None:
    """The number, or None if it is none (or cannot be known without ``mark``).

    Figures with a leading zero (postcodes, article numbers) and of more than 15 digits are not numbers: they would not
    come back as they were.
    """
    plain = bare(text)
    if not plain.isascii() or _CODE.fullmatch(plain) or sum(character.isdigit() for character in plain) > MAX_DIGITS:
        return None
    read = {found for each in ((mark,) if mark else DecimalMark) if (found := _read(plain, each)) is not None}
    return read.pop() if len(read) == 1 else None


def marks_of(text: str) -> frozenset[DecimalMark]:
    """The marks under which the figures can be read."""
    plain = bare(text)
    return frozenset(mark for mark in DecimalMark if _read(plain, mark) is not None)


def depends_on_mark(text: str) -> bool:
    """Whether the two marks give two different numbers."""
    read = {_read(bare(text), mark) for mark in DecimalMark}
    return len(read) == 2 and None not in read


def decimals(number: Decimal) -> int:
    """How many digits stand behind the decimal mark."""
    exponent = number.normalize().as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def plain_number(number: Decimal) -> str:
    """The number as an app's form takes it."""
    return format(number.normalize(), "f") if number else "0"


def _read(plain: str, mark: DecimalMark) -> Decimal | None:
    if not _GROUPED[mark].fullmatch(plain):
        return None
    group = "," if mark is DecimalMark.POINT else "."
    try:
        return Decimal(plain.replace(group, "").replace(",", "."))
    except InvalidOperation:
        return None
