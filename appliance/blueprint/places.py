"""Custom places: functions and fragments that a model writes, with what goes in, what comes out, and their cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.naming import identifier, table_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.behaviour import Fragment
    from appliance.blueprint.model import Blueprint, Entity, Field, FieldType, Literal

MAX_CASES: Final = 48
MAX_CASES_OF_PLACE: Final = 8


@dataclass(frozen=True, slots=True)
class Case:
    """``case Loan.code: 2026-11-30, 7 gives "2026007"``: what a place makes of some inputs; None is an empty value.

    ``name`` is the field, or the title of a fragment; what a fragment ``gives`` is a text that it shows.
    """

    entity: str
    name: str
    values: tuple[Literal | None, ...]
    gives: Literal | None


@dataclass(frozen=True, slots=True)
class Place:
    """A custom place. ``output`` is None for a fragment."""

    entity: str
    name: str
    inputs: tuple[Field, ...]
    output: FieldType | None
    description: str
    cases: tuple[Case, ...] = ()

    @property
    def key(self) -> str:
        """``Loan.code``, or ``Item "Shelf label"``."""
        return place_key(self.entity, self.name, fragment=self.output is None)

    @property
    def function(self) -> str:
        """The name of its function or template: ``loan_code``."""
        return f"{table_name(self.entity)}_{identifier(self.name)}".rstrip("_")


def place_key(entity: str, name: str, *, fragment: bool) -> str:
    """How a place is written."""
    return f'{entity} "{name}"' if fragment else f"{entity}.{name}"


def custom_fields(entities: Sequence[Entity]) -> list[str]:
    """The keys of all custom fields."""
    return [f"{entity.name}.{field.name}" for entity in entities for field in entity.fields if field.custom is not None]


def fragment_key(fragment: Fragment) -> str:
    """The key of a fragment."""
    return place_key(fragment.entity, fragment.title, fragment=True)


def places(blueprint: Blueprint) -> tuple[Place, ...]:
    """Every custom place, fields first."""
    found = []
    for entity in blueprint.entities:
        for field in entity.fields:
            if field.custom is not None:
                inputs = tuple(item for name in field.custom.inputs if (item := entity.field(name)) is not None)
                cases = tuple(case for case in blueprint.cases if (case.entity, case.name) == (entity.name, field.name))
                found.append(Place(entity.name, field.name, inputs, field.type, field.custom.description, cases))
    for fragment in blueprint.fragments:
        owner = blueprint.entity(fragment.entity)
        inputs = tuple(item for name in fragment.inputs if (item := owner.field(name)) is not None)
        cases = tuple(case for case in blueprint.cases if (case.entity, case.name) == (fragment.entity, fragment.title))
        found.append(Place(fragment.entity, fragment.title, inputs, None, fragment.description, cases))
    return tuple(found)
