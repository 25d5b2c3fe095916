"""What a function of its own takes and gives, in Python's types. All numbers are exact: ``Decimal``, or ``int``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Choice, Numbering, Ref, Scalar
from appliance.blueprint.naming import identifier

if TYPE_CHECKING:
    from appliance.blueprint.model import FieldType
    from appliance.blueprint.places import Place

FUNCTIONS: Final = ("abs", "int", "len", "max", "min", "range", "round", "sorted", "str", "sum")
_TAKEN: Final = frozenset((*FUNCTIONS, "Decimal", "dt", "rounded"))
LOCALS: Final = ("result", "text", "part", "total", "words", "word", "days", "value", "rest", "letter", "number")
"""Names that a function may give to what it works out on the way."""


class Kind(StrEnum):
    """Kinds of values inside a function."""

    NUMBER = "a number"
    WHOLE = "a whole number"
    TEXT = "a text"
    YES = "yes or no"
    DATE = "a date"
    MOMENT = "a date and time"
    TIME = "a time of day"
    SPAN = "a length of time"
    LIST = "a list"
    TABLE = "a table of values"


@dataclass(frozen=True, slots=True)
class Type:
    """A kind; ``of`` is what a list or table holds."""

    kind: Kind
    of: Kind | None = None


_SCALARS: Final = {
    Scalar.NUMBER: Kind.NUMBER,
    Scalar.MONEY: Kind.NUMBER,
    Scalar.BOOLEAN: Kind.YES,
    Scalar.DATE: Kind.DATE,
    Scalar.DATETIME: Kind.MOMENT,
    Scalar.TIME: Kind.TIME,
}
ANNOTATIONS: Final = {
    Kind.NUMBER: "Decimal",
    Kind.TEXT: "str",
    Kind.YES: "bool",
    Kind.DATE: "dt.date",
    Kind.MOMENT: "dt.datetime",
    Kind.TIME: "dt.time",
}


def kind_of(kind: FieldType) -> Kind:
    """What a field's value is inside a function."""
    return _SCALARS.get(kind, Kind.TEXT) if isinstance(kind, Scalar) else Kind.TEXT


def field_kind(kind: FieldType) -> str:
    """The field's kind as the generated app names it."""
    if isinstance(kind, Choice):
        return "choice"
    if isinstance(kind, Numbering):
        return "sequence"
    return "ref" if isinstance(kind, Ref) else kind.value


def parameters(place: Place) -> tuple[tuple[str, Kind], ...]:
    """Names and kinds of the inputs."""
    return tuple((parameter(field.name), kind_of(field.type)) for field in place.inputs)


def parameter(name: str) -> str:
    """A field's name as a parameter: never one that the function's body needs."""
    made = identifier(name)
    return f"{made}_" if made in _TAKEN or made in LOCALS else made


def header(place: Place) -> str:
    """``def loan_code(due: dt.date, hours: Decimal) -> str:``, and the description under it."""
    if place.output is None:
        raise ValueError(place.key)
    listed = ", ".join(f"{name}: {ANNOTATIONS[kind]}" for name, kind in parameters(place))
    about = place.description.replace("\\", "").strip()
    about = about if about.endswith((".", "!", "?")) else f"{about}."
    return f'def {place.function}({listed}) -> {ANNOTATIONS[kind_of(place.output)]}:\n    """{about}"""\n'
