"""What an app does by itself: rules, actions, reminders, marks, custom places, protected parts. Pure data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.blueprint.expressions import Expression

MAX_RULES: Final = 24
MAX_ACTIONS: Final = 24
MAX_ASSIGNMENTS: Final = 6
MAX_REMINDERS: Final = 12
MAX_MARKS: Final = 12
MAX_FRAGMENTS: Final = 6
MAX_MESSAGE: Final = 160
MAX_DESCRIPTION: Final = 400


class Occasion(StrEnum):
    """When a rule is looked at."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Rule:
    """``rule Loan on create, edit: due >= today else "…"``: what must hold, or the message says why it was refused."""

    entity: str
    occasions: tuple[Occasion, ...]
    condition: Expression
    message: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """``returned_on = today``; None empties the field (``returned_on = empty``)."""

    field: str
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Action:
    """``action Loan "Return" for Lab Manager, borrower when not returned: returned = true, returned_on = today``.

    ``roles`` may do it with every row that they may read, the people named in ``people`` (person fields) with theirs.
    The app's owner may always. Rules of the entity on edit are looked at afterwards.
    """

    entity: str
    title: str
    roles: tuple[str, ...]
    people: tuple[str, ...]
    when: Expression | None
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class Reminder:
    """``remind Loan 1 day before due to borrower where not returned "Please bring {item} back"``.

    ``days``: negative before, 0 on, positive after the date in ``field``. Recipients: person fields and roles. Braces
    in the message name fields of the row.
    """

    entity: str
    days: int
    field: str
    people: tuple[str, ...]
    roles: tuple[str, ...]
    where: Expression | None
    message: str


class Colour(StrEnum):
    """Colours with a meaning that light and dark themes both have."""

    RED = "red"
    ORANGE = "orange"
    GREEN = "green"
    BLUE = "blue"
    GREY = "grey"


@dataclass(frozen=True, slots=True)
class Mark:
    """``mark Loan red where due < today and not returned``: such rows stand out wherever they are listed."""

    entity: str
    colour: Colour
    where: Expression


@dataclass(frozen=True, slots=True)
class Custom:
    """``late_fee money custom(due, returned_on) "Two euros a day, at most fifty"``: a field whose value a function of
    its own computes from ``inputs`` (fields of the same row). The function's text is kept beside the blueprint."""

    inputs: tuple[str, ...]
    description: str


@dataclass(frozen=True, slots=True)
class Fragment:
    """``fragment Item "Shelf label" from name, serial "A label with …"``: a part of an entity's detail page that a
    function of its own draws from ``inputs``."""

    entity: str
    title: str
    inputs: tuple[str, ...]
    description: str


class Part(StrEnum):
    """What can be protected."""

    ENTITY = "entity"
    ACCESS = "access"
    PAGE = "page"
    RULES = "rules"
    ACTIONS = "actions"
    ROLES = "roles"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Protection:
    """``protect entity Loan``, ``protect access Loan``, ``protect page "Board"``, ``protect rules Loan``,
    ``protect actions Loan``, ``protect roles``, ``protect custom Loan.code``: the model may not change this part.
    ``name`` is empty for roles, and ``Loan.code`` or ``Item "Shelf label"`` for a custom place."""

    part: Part
    name: str


class Renamed(StrEnum):
    """What can get another name and keep its data."""

    ENTITY = "entity"
    FIELD = "field"
    ROLE = "role"
    OPTION = "option"


@dataclass(frozen=True, slots=True)
class Rename:
    """``rename entity Lending to Loan``, ``rename field Loan.due to due_date``, ``rename role Member to Borrower``,
    ``rename option Loan.status open to lent``.

    Says what was meant when an edited text is compared with the one before; it is applied once and not kept. ``entity``
    is the entity's new name for fields, entity and field by their new names (``Loan.status``) for options, else empty.
    """

    kind: Renamed
    entity: str
    before: str
    after: str
