"""Values of a comparison: what changed, how much is at stake, what has to be asked. Made by ``diff``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.blueprint.behaviour import Rename, Renamed
from appliance.core.errors import Refused

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint, Entity


class Area(StrEnum):
    """Where a change is felt."""

    SCREENS = "screens"
    DATA = "data"
    ACCESS = "access"


class Risk(StrEnum):
    """What a change does to data that is there. ``loses``: something is put aside and no longer seen in the app."""

    SAFE = "safe"
    CONVERTS = "converts"
    LOSES = "loses"


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``kind`` is a key of :mod:`appliance.blueprint.diff_words`, which ``values`` fill.

    ``subject`` names in full what changes (``Loan``, ``Loan.due``, ``page Overdue``); by it a loss is confirmed.
    """

    kind: str
    area: Area
    subject: str
    values: tuple[tuple[str, str], ...] = ()
    risk: Risk = Risk.SAFE

    def value(self, name: str) -> str:
        """One of the values; empty if there is none of that name."""
        return dict(self.values).get(name, "")


@dataclass(frozen=True, slots=True)
class RenameQuestion:
    """Is ``rename.after`` the renamed ``rename.before``? If yes, ``rename`` is to be given; if no, the data of the old
    one is put aside. ``id`` is stable for the same question."""

    rename: Rename

    @property
    def id(self) -> str:
        """``field Loan.due to due_date``."""
        within = f"{self.rename.entity}." if self.rename.entity else ""
        return f"{self.rename.kind} {within}{self.rename.before} to {self.rename.after}"


Name = tuple[str, ...]
"""Entity and field, or entity, field and option."""

Thing = tuple[Renamed, str, str]
"""Kind, where it is (as :class:`Rename` says it) and name."""


@dataclass(frozen=True, slots=True)
class Identities:
    """What is still the same thing: pairs of names before and after."""

    entities: tuple[tuple[str, str], ...]
    fields: tuple[tuple[Name, Name], ...]
    options: tuple[tuple[Name, Name], ...]
    roles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that differs. ``after`` is without its renames; ``renames`` are those that were applied."""

    before: Blueprint
    after: Blueprint
    renames: tuple[Rename, ...]
    identities: Identities
    items: tuple[Change, ...]
    questions: tuple[RenameQuestion, ...]

    @property
    def risk(self) -> Risk:
        """The highest of all."""
        return max((item.risk for item in self.items), key=list(Risk).index, default=Risk.SAFE)

    @property
    def losing(self) -> tuple[str, ...]:
        """The names under which losses must be confirmed, each once."""
        return tuple(dict.fromkeys(item.subject for item in self.items if item.risk is Risk.LOSES))

    def of(self, area: Area) -> tuple[Change, ...]:
        """The changes of one area."""
        return tuple(item for item in self.items if item.area is area)


class RenameRefused(Refused):
    """A rename that cannot be meant: it names something that is not there, or two things."""

    code = "rename_refused"


def entity_named(blueprint: Blueprint, name: str) -> Entity | None:
    """The entity of that name, or None."""
    return next((entity for entity in blueprint.entities if entity.name == name), None)
