"""Words that direct edits use, the refusal, and the edits of checks, custom places and what was assumed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.core.errors import Refused

if TYPE_CHECKING:
    from appliance.blueprint.model import FieldType


class EditRefused(Refused):
    """The edit cannot be made; the message says why and names the places that would break."""

    code = "edit_refused"


class Reach(StrEnum):
    """Which rows a role may do something with."""

    NONE = "none"
    OWN = "own"
    ALL = "all"


class NewPage(StrEnum):
    """Kinds of pages that need nothing but an entity, and fields for those that show dates or columns of cards."""

    TABLE = "table"
    FORM = "form"
    DETAIL = "detail"
    BOARD = "board"
    CALENDAR = "calendar"


@dataclass(frozen=True, slots=True)
class AddCheck:
    """One of the maker's own checks, as a line of the language without its first word."""

    check: str


@dataclass(frozen=True, slots=True)
class RemoveCheck:
    """One of them less; ``check`` as :class:`AddCheck` writes it."""

    check: str


@dataclass(frozen=True, slots=True)
class DropAssumed:
    """Something less that nobody asked for: a record (``Author``) or a field (``Book.photo``), with what shows it."""

    name: str


@dataclass(frozen=True, slots=True)
class AddCustom:
    """A field that a function of its own works out; what the model writes is only that function."""

    entity: str
    field: str
    type: FieldType
    inputs: tuple[str, ...]
    description: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class AddFragment:
    """A part of the record's page that is drawn from some fields."""

    entity: str
    title: str
    inputs: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class RemoveFragment:
    """A part of a record's page less."""

    entity: str
    title: str


@dataclass(frozen=True, slots=True)
class Describe:
    """Another description of a custom place (``Loan.code``, ``Item "Shelf label"``): its code is written anew."""

    place: str
    description: str


@dataclass(frozen=True, slots=True)
class AddCase:
    """An example of a custom place, as a line of the language without its first word."""

    case: str


@dataclass(frozen=True, slots=True)
class RemoveCase:
    """One of them less; ``case`` as :class:`AddCase` writes it."""

    case: str
