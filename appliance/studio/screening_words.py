"""Findings as a maker reads them: named in plain words, and marked inside what was written."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from appliance.core.screening import Finding

AROUND: Final = 60
"""Characters of context on each side of a mark."""
MAX_MARKS: Final = 12

NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "SECRET": ("a password or key", "passwords or keys"),
        "BANK_ACCOUNT": ("a bank account number", "bank account numbers"),
        "CREDIT_CARD": ("a card number", "card numbers"),
        "DATE_OF_BIRTH": ("a date of birth", "dates of birth"),
        "DRIVER_LICENSE": ("a driving licence number", "driving licence numbers"),
        "EMAIL_ADDRESS": ("an e-mail address", "e-mail addresses"),
        "HEALTH_ID": ("a health insurance or patient number", "health insurance or patient numbers"),
        "IBAN_CODE": ("an IBAN", "IBANs"),
        "ID_CARD": ("an identity card number", "identity card numbers"),
        "IP_ADDRESS": ("an IP address", "IP addresses"),
        "PASSPORT": ("a passport number", "passport numbers"),
        "PERSON": ("a person’s name", "names of people"),
        "PHONE_NUMBER": ("a phone number", "phone numbers"),
        "SOCIAL_SECURITY": ("a social security number", "social security numbers"),
        "STREET_ADDRESS": ("an address", "addresses"),
        "TAX_ID": ("a tax number", "tax numbers"),
    }
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of what was written; ``kind`` in plain words where it is a finding, else empty."""

    text: str
    kind: str = ""


def name_of(kind: str, count: int = 1) -> str:
    """A kind in plain words."""
    one, many = NAMES.get(kind, (kind.lower().replace("_", " "),) * 2)
    return one if count == 1 else many


def in_words(findings: Sequence[Finding]) -> str:
    """``a card number, two IBANs and names of people``; without any value."""
    counts: dict[str, int] = {}
    for one in findings:
        counts[one.kind] = counts.get(one.kind, 0) + 1
    told = [name_of(kind, count) if count == 1 else f"{count} {name_of(kind, count)}" for kind, count in counts.items()]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}"


def in_context(text: str, findings: Sequence[Finding]) -> tuple[Piece, ...]:
    """The findings with what stands around them; longer stretches without one are cut short."""
    pieces: list[Piece] = []
    at = 0
    for number, found in enumerate(sorted(findings, key=lambda one: one.start)[:MAX_MARKS]):
        gap = text[at : found.start]
        if number == 0 and len(gap) > AROUND:
            gap = "… " + gap[-AROUND:]
        elif len(gap) > 2 * AROUND:
            gap = f"{gap[:AROUND]} … {gap[-AROUND:]}"
        pieces += [Piece(gap)] if gap else []
        pieces.append(Piece(text[found.start : found.end], name_of(found.kind)))
        at = found.end
    rest = text[at:]
    pieces += [Piece(rest if len(rest) <= AROUND else rest[:AROUND] + " …")] if rest else []
    return tuple(pieces)
