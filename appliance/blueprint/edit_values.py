"""Words that direct edits use: how far access reaches, kinds of new pages, and the refusal. See ``edits``."""

from __future__ import annotations

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
