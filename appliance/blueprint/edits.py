"""Changes that a person makes directly, without the model: typed commands.

:func:`appliance.blueprint.edit.apply_all` carries them out, :mod:`appliance.blueprint.edits_json` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.blueprint.edit_values import AddCase as AddCase  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import AddCheck as AddCheck  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import AddCustom as AddCustom  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import AddFragment as AddFragment  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import Describe as Describe  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import DropAssumed as DropAssumed  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import EditRefused as EditRefused  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import NewPage as NewPage  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import Reach as Reach  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import RemoveCase as RemoveCase  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import RemoveCheck as RemoveCheck  # noqa: PLC0414 - offered here too
from appliance.blueprint.edit_values import RemoveFragment as RemoveFragment  # noqa: PLC0414 - offered here too

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Part
    from appliance.blueprint.model import FieldType, Value, Verb


@dataclass(frozen=True, slots=True)
class RenameField:
    """Another name, the same data."""

    entity: str
    field: str
    to: str


@dataclass(frozen=True, slots=True)
class MoveField:
    """To position ``to``, counted from 0."""

    entity: str
    field: str
    to: int


@dataclass(frozen=True, slots=True)
class HideField:
    """Out of every form, list and export, or back."""

    entity: str
    field: str
    hidden: bool


@dataclass(frozen=True, slots=True)
class RetypeField:
    """Another type; what is there is converted."""

    entity: str
    field: str
    type: FieldType


@dataclass(frozen=True, slots=True)
class DeleteField:
    """Gone from the app; the data is put aside."""

    entity: str
    field: str


@dataclass(frozen=True, slots=True)
class AddField:
    """A new field, at the end or at position ``to``."""

    entity: str
    field: str
    type: FieldType
    required: bool = False
    label: str = ""
    to: int | None = None


@dataclass(frozen=True, slots=True)
class SetRequired:
    """Whether it must be filled in."""

    entity: str
    field: str
    required: bool


@dataclass(frozen=True, slots=True)
class SetUnique:
    """Whether no two rows may have the same."""

    entity: str
    field: str
    unique: bool


@dataclass(frozen=True, slots=True)
class SetDefault:
    """What a new row starts with; None: nothing."""

    entity: str
    field: str
    default: Value | None


@dataclass(frozen=True, slots=True)
class SetLabel:
    """What is shown instead of the name; empty: the name."""

    entity: str
    field: str
    label: str


@dataclass(frozen=True, slots=True)
class SetHelp:
    """The sentence beside the field in forms."""

    entity: str
    field: str
    help: str


@dataclass(frozen=True, slots=True)
class AddOption:
    """One more option of a choice, at the end."""

    entity: str
    field: str
    option: str


@dataclass(frozen=True, slots=True)
class RenameOption:
    """Another word for an option; rows that have it keep it."""

    entity: str
    field: str
    option: str
    to: str


@dataclass(frozen=True, slots=True)
class RemoveOption:
    """One option less; rows that have it are asked about."""

    entity: str
    field: str
    option: str


@dataclass(frozen=True, slots=True)
class OrderOptions:
    """The same options in another order."""

    entity: str
    field: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RenameEntity:
    """Another name for a kind of record."""

    entity: str
    to: str


@dataclass(frozen=True, slots=True)
class RenameRole:
    """Another name for a role; the people in it stay."""

    role: str
    to: str


@dataclass(frozen=True, slots=True)
class AddRole:
    """A role that may do nothing yet."""

    role: str


@dataclass(frozen=True, slots=True)
class RenamePage:
    """Another title."""

    page: str
    to: str


@dataclass(frozen=True, slots=True)
class MovePage:
    """To position ``to`` in the navigation, counted from 0."""

    page: str
    to: int


@dataclass(frozen=True, slots=True)
class AddPage:
    """A page at the end. ``by``: the choice of a board; ``start``: the date of a calendar."""

    page: str
    kind: NewPage
    entity: str
    by: str = ""
    start: str = ""


@dataclass(frozen=True, slots=True)
class RemovePage:
    """A page less; no data is touched."""

    page: str


@dataclass(frozen=True, slots=True)
class SetColumns:
    """Which columns a table page shows; none: the app chooses."""

    page: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetApp:
    """``name``, ``about``, ``colour`` or ``language``."""

    what: str
    value: str


@dataclass(frozen=True, slots=True)
class SetAccess:
    """One cell of the access matrix."""

    entity: str
    role: str
    verb: Verb
    reach: Reach


@dataclass(frozen=True, slots=True)
class Protect:
    """The model may no longer change this part; ``name`` is empty for roles."""

    part: Part
    name: str = ""


@dataclass(frozen=True, slots=True)
class Unprotect:
    """The model may change this part again."""

    part: Part
    name: str = ""


@dataclass(frozen=True, slots=True)
class AddEntity:
    """A kind of record with one required text field. Nobody but the owner may do anything with it yet."""

    entity: str
    field: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class RemoveEntity:
    """A kind of record less, with its pages, rules and access; its data is put aside."""

    entity: str


@dataclass(frozen=True, slots=True)
class RemoveRole:
    """A role less; the people in it have no role any more."""

    role: str


@dataclass(frozen=True, slots=True)
class NarrowField:
    """Only ``roles`` see this field; none: everybody who sees the record."""

    entity: str
    field: str
    roles: tuple[str, ...]


FieldEdit = (
    RenameField
    | MoveField
    | HideField
    | RetypeField
    | DeleteField
    | AddField
    | SetRequired
    | SetUnique
    | SetDefault
    | SetLabel
    | SetHelp
)
OptionEdit = AddOption | RenameOption | RemoveOption | OrderOptions
PageEdit = RenamePage | MovePage | AddPage | RemovePage | SetColumns
PartEdit = RenameEntity | RenameRole | AddRole | SetApp | SetAccess | Protect | Unprotect
EntityEdit = AddEntity | RemoveEntity | RemoveRole | NarrowField
CheckEdit = AddCheck | RemoveCheck
CustomEdit = AddCustom | AddFragment | RemoveFragment | Describe | AddCase | RemoveCase
Edit = FieldEdit | OptionEdit | PageEdit | PartEdit | EntityEdit | CheckEdit | CustomEdit | DropAssumed
