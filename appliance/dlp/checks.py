"""Check digits and number plans, by the name that a rule gives: well-kept libraries, wrapped."""

from __future__ import annotations

import ipaddress
import math
from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import phonenumbers
from stdnum import iban, luhn
from stdnum.at import vnr
from stdnum.ch import ssn as ahv
from stdnum.de import idnr, stnr
from stdnum.fr import nir
from stdnum.gb import nhs, utr
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.us import ssn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PHONE_REGIONS: Final = ("DE", "AT", "CH", "GB", "US")
"""Whose national numbers are recognised without a country code."""
_CARD_DIGITS: Final = range(12, 20)
_KVNR_WEIGHTS: Final = (1, 2, 1, 2, 1, 2, 1, 2, 1, 2)


def entropy(text: str) -> float:
    """Shannon entropy in bits per character."""
    if not text:
        return 0.0
    return -sum(n / len(text) * math.log2(n / len(text)) for n in Counter(text).values())


def is_mixed(text: str) -> bool:
    """Whether there are characters of at least two classes: letters, digits, others."""
    classes = {"letter" if c.isalpha() else "digit" if c.isdigit() else "other" for c in text}
    return len(classes) > 1


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def _card(text: str) -> bool:
    digits = _digits(text)
    return len(digits) in _CARD_DIGITS and len(set(digits)) > 1 and bool(luhn.is_valid(digits))


def _ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)


def _international(text: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(text.replace("(0)", ""), "DE"))
    except phonenumbers.NumberParseException:
        return False


def _national(text: str) -> bool:
    for region in PHONE_REGIONS:
        try:
            if phonenumbers.is_valid_number_for_region(phonenumbers.parse(text, region), region):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _few_digits(text: str) -> bool:
    return 6 <= len(_digits(text)) <= 15


def _kvnr(text: str) -> bool:
    """Number of a statutory health insurance, Germany: a letter, eight digits, a check digit (GKV, Anlage 1)."""
    clean = text.replace(" ", "").upper()
    if len(clean) != 10 or not clean[0].isalpha() or not clean[0].isascii() or not clean[1:].isdigit():
        return False
    digits = f"{ord(clean[0]) - 64:02d}{clean[1:9]}"
    products = (int(digit) * weight for digit, weight in zip(digits, _KVNR_WEIGHTS, strict=True))
    return sum(sum(divmod(product, 10)) for product in products) % 10 == int(clean[9])


def _rvnr(text: str) -> bool:
    """Number of a German pension insurance: area, birth date, initial, serial, check digit (VKVV §4)."""
    clean = text.replace(" ", "").upper()
    if len(clean) != 12 or not (clean[:8] + clean[9:]).isdigit() or not clean[8].isalpha() or not clean[8].isascii():
        return False
    digits = f"{clean[:8]}{ord(clean[8]) - 64:02d}{clean[9:11]}"
    weights = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)
    products = (int(digit) * weight for digit, weight in zip(digits, weights, strict=True))
    return sum(sum(divmod(product, 10)) for product in products) % 10 == int(clean[11])


CHECKS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {
        "card": _card,
        "iban": lambda text: bool(iban.is_valid(text)),
        "ip": _ip,
        "phone-international": _international,
        "phone-national": _national,
        "phone-digits": _few_digits,
        "de-tax-id": lambda text: bool(idnr.is_valid(text)),
        "de-tax-number": lambda text: bool(stnr.is_valid(text)),
        "de-health": _kvnr,
        "de-pension": _rvnr,
        "at-social": lambda text: bool(vnr.is_valid(text)),
        "ch-social": lambda text: bool(ahv.is_valid(text)),
        "fr-social": lambda text: bool(nir.is_valid(text)),
        "gb-health": lambda text: bool(nhs.is_valid(text)),
        "gb-tax": lambda text: bool(utr.is_valid(text)),
        "it-tax": lambda text: bool(codicefiscale.is_valid(text)),
        "nl-social": lambda text: bool(bsn.is_valid(text)),
        "us-social": lambda text: bool(ssn.is_valid(text)),
    }
)
