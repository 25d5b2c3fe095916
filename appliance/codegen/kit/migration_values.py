"""Values on their way from one database to the next: a form that JSON keeps, and the conversions between kinds.

In that form money is a decimal text, days and times are ISO 8601, a choice is the uid of its option, people, references
and files are their keys.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Boolean, Date, DateTime, Double, Integer, String, Time

from .columns import FieldSpec, Kind
from .stored import Cents
from .values import Invalid, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .migration_plan import ColumnPlan

ABSENT: Final = ""
"""The kind of a field that is not there."""

TEXTS: Final = frozenset({"text", "longtext", "email", "phone", "url", "sequence"})
TYPES: Final[dict[str, Any]] = {
    "number": Double,
    "money": Cents,
    "boolean": Boolean,
    "date": Date,
    "datetime": DateTime,
    "time": Time,
    "person": Integer,
    "ref": Integer,
}
_YES: Final = frozenset({"yes", "true", "on", "1", "ja", "oui", "sí", "si"})
_NO: Final = frozenset({"no", "false", "off", "0", "nein", "non"})


class Unfit(Exception):  # noqa: N818
    """The value cannot be what it should become; the message says why."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value in the form that JSON keeps, and its kind."""

    kind: str
    value: Any = None


def family(kind: str) -> str:
    """The kind without what it leads to."""
    return kind.split(" ", 1)[0]


def column_type(kind: str) -> Any:
    """How a kind lies in the database."""
    return TYPES.get(family(kind), String)


def frozen(kind: str, value: Any, words: Mapping[str, str]) -> Any:
    """A value from the database in the form that JSON keeps."""
    if value is None:
        return None
    if kind == "choice":
        return words.get(str(value), f"={value}")
    if kind == "number":
        return float(value)
    if isinstance(value, Decimal):
        return f"{value:.2f}"  # one way of writing it: 9.5 and 9.50 are the same amount
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value


def thawed(kind: str, value: Any, words: Mapping[str, str]) -> Any:
    """The value as the database takes it.

    Raises:
        Unfit: the option is not there any more.
    """
    if value is None:
        return None
    readers: dict[str, Any] = {
        "money": Decimal,
        "date": dt.date.fromisoformat,
        "datetime": dt.datetime.fromisoformat,
        "time": dt.time.fromisoformat,
    }
    if kind == "choice":
        found = next((word for word, uid in words.items() if uid == value), None)
        if found is None:
            raise Unfit("This option is no longer there.")
        return found
    return readers[kind](value) if kind in readers else value


@dataclass(frozen=True, slots=True)
class Names:
    """How the rows of other tables are called, for conversions from and to references, people and files."""

    texts: Mapping[tuple[str, Any], str]
    """Kind (``person``, ``file``, ``ref <uid>``) and key → what it is called."""
    keys: Mapping[tuple[str, str], Any]
    """Kind and lower-case name → key, where just one is called so."""
    present: Mapping[str, frozenset[int]]
    """Kind of a reference → the rows that there will be."""


def convert(cell: Cell, column: ColumnPlan, spec: FieldSpec | None, names: Names) -> Any:
    """What a value becomes in ``column``, in the form that JSON keeps.

    Raises:
        Unfit: it cannot be converted; the message says why.
    """
    wanted = column.after
    if cell.value is None or cell.kind == ABSENT:
        return None
    if cell.kind == wanted or (family(cell.kind) in ("file", "image") and wanted == "file"):
        return _checked(cell.value, column, names)
    if cell.kind in TEXTS and wanted == "longtext":
        return cell.value
    if (cell.kind, wanted) in (("date", "datetime"), ("datetime", "date"), ("datetime", "time")):
        return _moment(str(cell.value), wanted)
    return from_text(text_of(cell, column, names), column, spec, names)


def _checked(value: Any, column: ColumnPlan, names: Names) -> Any:
    if column.after == "choice":
        thawed("choice", value, column.words_after)
    present = names.present.get(column.after)
    if present is not None and value not in present:
        raise Unfit("The record that it refers to is no longer there.")
    return value


def _moment(text: str, wanted: str) -> str:
    if wanted == "datetime":
        return f"{text}T00:00:00"
    moment = dt.datetime.fromisoformat(text)
    return (moment.date() if wanted == "date" else moment.time()).isoformat()


def text_of(cell: Cell, column: ColumnPlan, names: Names) -> str:  # noqa: PLR0911 - one return per kind
    """A value as a person would write it."""
    value = cell.value
    match family(cell.kind):
        case "choice":
            words = {uid: word for word, uid in column.words_before.items()}
            return words.get(value, str(value).removeprefix("="))
        case "boolean":
            return "yes" if value else "no"
        case "number":
            return f"{value:.15g}" if isinstance(value, float) else str(value)
        case "datetime":
            return str(value)[:16].replace("T", " ")
        case "time":
            return str(value)[:5]
        case "ref" | "person" | "file" | "image":
            kind = "file" if cell.kind == "image" else cell.kind
            return names.texts.get((kind, value), str(value))
        case _:
            return str(value)


def from_text(text: str, column: ColumnPlan, spec: FieldSpec | None, names: Names) -> Any:
    """The value that a text means, in the form that JSON keeps.

    Raises:
        Unfit: it means none; the message says why.
    """
    wanted, plain = column.after, text.strip()
    if not plain and wanted not in TEXTS:
        return None
    match family(wanted):
        case "choice":
            found = {word.lower(): uid for word, uid in column.words_after.items()}.get(plain.lower())
            if found is None:
                raise Unfit(f"Not one of: {', '.join(column.words_after)}.")
            return found
        case "boolean":
            if plain.lower() not in _YES | _NO:
                raise Unfit("Neither yes nor no.")
            return plain.lower() in _YES
        case "ref" | "person":
            key = names.keys.get((wanted, plain.lower()))
            if key is None:
                raise Unfit(f"Nothing is called “{plain[:60]}”, or more than one is.")
            return key
        case "file" | "image":
            raise Unfit("A text cannot become a file.")
        case _:
            return _parsed(plain if wanted != "longtext" else text, wanted, spec)


def _parsed(text: str, wanted: str, spec: FieldSpec | None) -> Any:
    try:
        value = parse(spec or FieldSpec(label="", kind=Kind(wanted)), text)
    except Invalid as error:
        raise Unfit(str(error)) from error
    return frozen(wanted, value, {})
