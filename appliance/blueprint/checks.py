"""Checks that makers write themselves: who can or cannot do what, and what is there afterwards. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.blueprint.model import Value

MAX_CHECKS: Final = 24
MAX_GIVEN: Final = 8
MAX_SHIFT: Final = 3650
"""Days from today that a value may name."""


class Act(StrEnum):
    """What is tried; ``press`` stands before an action's title."""

    CREATE = "create"
    READ = "read"
    EDIT = "edit"
    DELETE = "delete"
    PRESS = "press"


class Whose(StrEnum):
    """Whose row it is tried with: ``own`` names or was made by the person, ``others`` neither."""

    ANY = ""
    OWN = "own"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Given:
    """``due = today + 3 days``; None as value: empty. ``days`` are counted from today and 0 for any other value."""

    field: str
    value: Value | None
    days: int = 0


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """``check Borrower cannot create Loan with due = today - 1 day because "The due date cannot be in the past"``.

    ``role`` is a role, or ``@owner``. ``given`` is what a form is filled in with (create, edit) or what the row holds
    before (press, read, delete); ``then`` what the row holds afterwards, of something that can be done; ``because`` the
    message with which something is refused.
    """

    role: str
    allowed: bool
    act: Act
    entity: str
    whose: Whose = Whose.ANY
    action: str = ""
    given: tuple[Given, ...] = ()
    then: tuple[Given, ...] = ()
    because: str = ""
