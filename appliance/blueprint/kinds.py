"""Kinds of values: which expressions fit together, and what comes out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.expressions import Comparator, Fold, Function, Kind, Sign
from appliance.blueprint.model import Choice, Field, FieldType, Numbering, Ref, Scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMERIC: Final = frozenset({Kind.NUMBER, Kind.MONEY})
DATED: Final = frozenset({Kind.DATE, Kind.DATETIME})
ORDERED: Final = frozenset({*NUMERIC, *DATED, Kind.TIME, Kind.DURATION})
TEXTUAL: Final = frozenset({Kind.TEXT, Kind.CHOICE})

_SCALARS: Final = {
    Scalar.LONGTEXT: Kind.TEXT,
    Scalar.EMAIL: Kind.TEXT,
    Scalar.PHONE: Kind.TEXT,
    Scalar.URL: Kind.TEXT,
    Scalar.IMAGE: Kind.FILE,
}


_SAID: Final = {
    Kind.TEXT: "a text",
    Kind.NUMBER: "a number",
    Kind.MONEY: "an amount of money",
    Kind.BOOLEAN: "a yes/no value",
    Kind.DATE: "a date",
    Kind.DATETIME: "a date and time",
    Kind.TIME: "a time of day",
    Kind.DURATION: "a duration",
    Kind.PERSON: "a person",
    Kind.CHOICE: "a choice",
    Kind.FILE: "a file",
}
_WRITTEN: Final = {
    Kind.TEXT: 'a text in quotes, such as "pro"',
    Kind.NUMBER: "a number, such as 12.5",
    Kind.MONEY: "an amount, such as 12.50",
    Kind.BOOLEAN: "true or false",
    Kind.DATE: "a date, such as today or 2026-11-30",
    Kind.DATETIME: "a date and time, such as now or 2026-11-30T14:00",
    Kind.TIME: 'a time, such as "14:30"',
    Kind.DURATION: "a duration, such as 3 days",
    Kind.PERSON: "me, or a person field",
}


@dataclass(frozen=True, slots=True)
class Type:
    """A kind, with the ``options`` of a choice or the ``entity`` that a reference leads to."""

    kind: Kind
    options: tuple[str, ...] = ()
    entity: str = ""

    def __str__(self) -> str:
        return f"a reference to {self.entity}" if self.kind is Kind.REF else _SAID[self.kind]


def of_field_type(kind: FieldType) -> Type:
    """What a field of that type holds."""
    match kind:
        case Choice(options):
            return Type(Kind.CHOICE, options=options)
        case Ref(entity):
            return Type(Kind.REF, entity=entity)
        case Numbering():
            return Type(Kind.TEXT)
        case _:
            return Type(_SCALARS.get(kind) or Kind(kind.value))


def of_field(field: Field) -> Type:
    """What a field holds."""
    return of_field_type(field.type)


def joined(first: Type, second: Type) -> Type | None:
    """What is either of two values, or None if they are not alike."""
    if {first.kind, second.kind} <= NUMERIC:
        return Type(Kind.MONEY if Kind.MONEY in (first.kind, second.kind) else Kind.NUMBER)
    if first.kind is Kind.CHOICE and second.kind is Kind.CHOICE and not (first.options and second.options):
        return first if first.options else second
    return first if first == second else None


def comparable(operator: Comparator, left: Type, right: Type) -> str:
    """Empty if two values can be compared so, else what to do about it."""
    kinds = {left.kind, right.kind}
    if kinds & {Kind.FILE}:
        return "A file can only be asked whether it is there: photo is empty."
    alike = joined(left, right) is not None or kinds <= DATED or (kinds == {Kind.CHOICE} and left == right)
    if not alike:
        if Kind.DURATION in kinds and kinds & NUMERIC:
            return "Write a duration with its unit: 3 days."
        if Kind.REF in kinds:
            return "Name a field of the record that is meant: item.name."
        return f"Compare it with {wanted(left)}."
    if operator in (Comparator.EQ, Comparator.NE) or (left.kind in ORDERED and right.kind in ORDERED):
        return ""
    return "Use = or !=."


def wanted(kind: Type) -> str:
    """What can be written where a value of that type belongs."""
    if kind.kind is Kind.CHOICE:
        return f"one of {', '.join(kind.options)}"
    return _WRITTEN.get(kind.kind, f"{kind}")


def arithmetic(sign: Sign, left: Type, right: Type) -> Type | None:  # noqa: PLR0911 - one return per rule
    """What comes out, or None if these cannot be calculated with."""
    first, second = left.kind, right.kind
    if {first, second} <= NUMERIC:
        if sign in (Sign.PLUS, Sign.MINUS):
            return joined(left, right)
        if sign is Sign.TIMES:
            return None if first is second is Kind.MONEY else joined(left, right)
        if second is Kind.MONEY:
            return Type(Kind.NUMBER) if first is Kind.MONEY else None
        return left
    if sign is Sign.PLUS and first in TEXTUAL and second in TEXTUAL:
        return Type(Kind.TEXT)
    if sign in (Sign.PLUS, Sign.MINUS) and second is Kind.DURATION and first in (*DATED, Kind.DURATION):
        return left
    if sign is Sign.PLUS and first is Kind.DURATION and second in DATED:
        return right
    if sign is Sign.MINUS and first is second is Kind.DATE:
        return Type(Kind.DURATION)
    return None


ARITHMETIC_HINT: Final = (
    "Calculate with numbers and money, add days to a date, take one date from another, or join texts."
)

_ONE: Final[dict[Function, tuple[frozenset[Kind], Kind | None]]] = {
    Function.DAYS: (frozenset({Kind.DURATION}), Kind.NUMBER),
    Function.DAY: (frozenset({Kind.DATETIME}), Kind.DATE),
    Function.YEAR: (DATED, Kind.NUMBER),
    Function.MONTH: (DATED, Kind.NUMBER),
    Function.WEEKDAY: (DATED, Kind.NUMBER),
    Function.ABS: (NUMERIC | {Kind.DURATION}, None),
    Function.LENGTH: (frozenset({Kind.TEXT}), Kind.NUMBER),
    Function.UPPER: (frozenset({Kind.TEXT}), Kind.TEXT),
    Function.LOWER: (frozenset({Kind.TEXT}), Kind.TEXT),
}
USAGE: Final = {
    Function.DAYS: "days(today - due)",
    Function.DAY: "day(started_at), of a date and time",
    Function.YEAR: "year(due)",
    Function.MONTH: "month(due)",
    Function.WEEKDAY: "weekday(due), 1 for Monday",
    Function.ADD_MONTHS: "add_months(due, 3)",
    Function.ROUND: "round(hours) or round(hours, 2)",
    Function.ABS: "abs(amount)",
    Function.LOWEST: "lowest(a, b) of numbers, money or dates",
    Function.HIGHEST: "highest(a, b) of numbers, money or dates",
    Function.LENGTH: "length(title)",
    Function.UPPER: "upper(code)",
    Function.LOWER: "lower(code)",
    Function.FIRST: "first(nickname, name), of values of one kind",
}
"""How each function is written."""


def called(function: Function, arguments: Sequence[Type]) -> Type | None:  # noqa: PLR0911 - one per shape
    """What a function gives, or None if it does not take these arguments."""
    if function in _ONE:
        accepted, result = _ONE[function]
        if len(arguments) != 1 or arguments[0].kind not in accepted:
            return None
        return arguments[0] if result is None else Type(result)
    if function is Function.ADD_MONTHS:
        fits = [item.kind for item in arguments] == [Kind.DATE, Kind.NUMBER]
        return arguments[0] if fits else None
    if function is Function.ROUND:
        fits = len(arguments) in (1, 2) and arguments[0].kind in NUMERIC
        return arguments[0] if fits and all(item.kind is Kind.NUMBER for item in arguments[1:]) else None
    if len(arguments) < 2:
        return None
    result_type: Type | None = arguments[0]
    for item in arguments[1:]:
        result_type = None if result_type is None else joined(result_type, item)
    if result_type is None or result_type.kind in (Kind.BOOLEAN, Kind.FILE):
        return None
    return result_type if function is Function.FIRST or result_type.kind in ORDERED - {Kind.TIME} else None


def folded(fold: Fold, of: Type | None) -> Type | None:
    """What is made of many values, or None if it cannot be."""
    if fold is Fold.COUNT:
        return Type(Kind.NUMBER) if of is None else None
    if of is None:
        return None
    allowed = NUMERIC if fold in (Fold.SUM, Fold.AVERAGE) else NUMERIC | DATED
    return of if of.kind in allowed else None


def storable(field: Type, value: Type) -> str:
    """Empty if a field can take that value, else what to do about it."""
    if joined(field, value) is not None:
        return ""
    if field.kind is Kind.NUMBER and value.kind is Kind.DURATION:
        return "Write days(…) around it."
    if field.kind is Kind.DATE and value.kind is Kind.DATETIME:
        return "Write day(…) around it."
    return f"Write {wanted(field)}."
