"""Words that direct edits use, the refusal, and the edits of checks and of what was assumed. See ``edits``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.core.errors import Refused


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
