"""What a description lets one expect: examples that it gives, and bounds and shapes that it names.

Rules, not the model: what is expected of the model's code must not come from the model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from appliance.blueprint.cursor import Cursor
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import Choice, Scalar
from appliance.blueprint.places import Case
from appliance.blueprint.values import read_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.blueprint.model import FieldType, Literal
    from appliance.blueprint.places import Place

_NUMBER_WORDS: Final = {
    word: number
    for number, word in enumerate(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    )
} | {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100, "a hundred": 100}
_COUNT: Final = r"(\d+(?:\.\d+)?|" + "|".join(sorted(_NUMBER_WORDS, key=len, reverse=True)) + r")"
_EXAMPLE: Final = re.compile(
    r"(?:for example|for instance|e\.g\.|such as|example:)\s*,?\s*(.+?)\s+(?:gives|becomes|is|makes|->|→|=)\s+(.+?)"
    r"(?=[;)]|\.\s|\.?$)",
    re.IGNORECASE,
)
_NOT_LETTERS: Final = r"\b(?!\s*(?:character|letter|digit))"
_UPPER_BOUND: Final = r"\b(?:at most|no more than|not more than|never more than|capped at)\s+"
_LOWER_BOUND: Final = r"\b(?:at least|no less than|not less than|never less than)\s+"
_MOST: Final = re.compile(_UPPER_BOUND + _COUNT + _NOT_LETTERS, re.IGNORECASE)
_LEAST: Final = re.compile(_LOWER_BOUND + _COUNT + _NOT_LETTERS, re.IGNORECASE)
_NOT_NEGATIVE: Final = re.compile(r"\b(?:never negative|never below zero|not negative|not below zero)\b", re.IGNORECASE)
_UPPER: Final = re.compile(r"\b(?:in capitals|capital letters|upper[- ]?case|in capital letters)\b", re.IGNORECASE)
_LOWER: Final = re.compile(r"\b(?:lower[- ]?case|small letters)\b", re.IGNORECASE)
_QUOTES: Final = "\"'\u201c\u201d\u2018\u2019"
_STARTS: Final = re.compile(
    rf"\b(?:starts|starting|begins|beginning) with (?:the (?:letters?|word|text) )?[{_QUOTES}]?([A-Z0-9][A-Z0-9-]*)\b"
)


@dataclass(frozen=True, slots=True)
class Property:
    """Something that every result must be, by name and bound; ``words`` say it to the maker."""

    name: str
    bound: str
    words: str


def derived_cases(place: Place) -> tuple[Case, ...]:
    """Examples that the description itself gives."""
    found = []
    for match in _EXAMPLE.finditer(place.description):
        case = _case(place, match[1], match[2])
        if case is not None and case not in found:
            found.append(case)
    return tuple(found)


def _case(place: Place, inputs: str, gives: str) -> Case | None:
    if place.output is None:
        return None
    parts = [inputs] if len(place.inputs) == 1 else re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", inputs)
    if len(parts) != len(place.inputs):
        return None
    try:
        values = tuple(_literal(field.type, part) for field, part in zip(place.inputs, parts, strict=True))
        return Case(place.entity, place.name, values, _literal(place.output, gives))
    except BlueprintError:
        return None


def _literal(kind: FieldType, text: str) -> Literal:
    plain = text.strip().strip(_QUOTES).rstrip(".")
    bare = isinstance(kind, Choice) or kind in (Scalar.NUMBER, Scalar.MONEY, Scalar.DATE, Scalar.DATETIME)
    if kind is Scalar.BOOLEAN:
        plain = {"yes": "true", "no": "false"}.get(plain.lower(), plain)
    written = plain if bare or kind is Scalar.BOOLEAN else f'"{plain}"'
    cursor = Cursor(written, 1)
    value = read_literal(cursor, kind)
    cursor.end()
    return value


def properties(place: Place) -> tuple[Property, ...]:
    """What the description says of every result; not what one of the maker's own cases contradicts, where the words
    were about something else."""
    given = [case.gives for case in place.cases if case.gives not in (None, "")]
    return tuple(wanted for wanted in _properties(place) if all(holds(wanted, value) for value in given))


def holds(wanted: Property, got: object) -> bool:
    """Whether a result is what it must be."""
    match wanted.name:
        case "most":
            return Decimal(str(got)) <= Decimal(wanted.bound)
        case "least":
            return Decimal(str(got)) >= Decimal(wanted.bound)
        case "upper":
            return str(got) == str(got).upper()
        case "lower":
            return str(got) == str(got).lower()
        case _:
            return str(got).startswith(wanted.bound)


def _properties(place: Place) -> Iterator[Property]:
    text = place.description
    if place.output in (Scalar.NUMBER, Scalar.MONEY):
        if match := _MOST.search(text):
            yield Property("most", str(_number(match[1])), f"is never more than {_number(match[1])}")
        if match := _LEAST.search(text):
            yield Property("least", str(_number(match[1])), f"is never less than {_number(match[1])}")
        if _NOT_NEGATIVE.search(text):
            yield Property("least", "0", "is never below zero")
    elif place.output is not None and place.output in (Scalar.TEXT, Scalar.LONGTEXT):
        if _UPPER.search(text):
            yield Property("upper", "", "has no small letters")
        elif _LOWER.search(text):
            yield Property("lower", "", "has no capital letters")
        if match := _STARTS.search(text):
            yield Property("starts", match[1], f"starts with {match[1]}")


def _number(word: str) -> Decimal:
    return Decimal(_NUMBER_WORDS.get(word.lower(), word))


_SAMPLES: Final[dict[Scalar, tuple[object, ...]]] = {
    Scalar.NUMBER: (0, 1, 7, 12.5, 1000, -3),
    Scalar.MONEY: (Decimal("0.00"), Decimal("9.99"), Decimal("1250.00"), Decimal("-5.50")),
    Scalar.BOOLEAN: (True, False),
    Scalar.DATE: (date(2026, 1, 5), date(2024, 2, 29), date(2026, 11, 30), date(1999, 12, 31)),
    Scalar.DATETIME: (datetime(2026, 1, 5, 9, 30), datetime(2026, 12, 31, 23, 59)),  # noqa: DTZ001 - as apps keep them
}
_TEXTS: Final = ("Ada Lovelace", "x", "straße 12-b", "A, B & C", "<b>", "")


def samples(place: Place) -> list[list[object]]:
    """Rows of inputs on which it must give something of the right kind, or nothing: usual values, and edges of each."""
    columns: list[list[object]] = []
    for field in place.inputs:
        if isinstance(field.type, Choice):
            columns.append(list(field.type.options))
        elif isinstance(field.type, Scalar) and field.type in _SAMPLES:
            columns.append(list(_SAMPLES[field.type]))
        elif field.type is Scalar.TIME:
            columns.append(["09:30", "23:59"])
        else:
            columns.append(list(_TEXTS))
    count = max(len(column) for column in columns)
    rows = [[column[(at + shift) % len(column)] for shift, column in enumerate(columns)] for at in range(count)]
    empty: list[list[object]] = [[None] * len(columns)]
    for at in range(len(columns)):
        row = [column[0] for column in columns]
        row[at] = None
        empty.append(row)
    return rows + empty
