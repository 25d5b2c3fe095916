"""The custom places of an app as the Code page lists them, and the forms on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.blueprint.behaviour import Part
from appliance.blueprint.case_parser import case_text
from appliance.blueprint.edits import (
    AddCase,
    AddCustom,
    AddFragment,
    DeleteField,
    Describe,
    Edit,
    RemoveCase,
    RemoveFragment,
)
from appliance.blueprint.model import Scalar
from appliance.blueprint.naming import label
from appliance.blueprint.places import places
from appliance.web.check_forms import written
from appliance.web.forms import gone, known_entity, named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.blueprint.model import Blueprint
    from appliance.blueprint.places import Place
    from appliance.db.records import BuildEvent
    from appliance.web.forms import Form

OUTPUTS = (
    ("text", "a text"),
    ("number", "a number"),
    ("money", "an amount of money"),
    ("boolean", "yes or no"),
    ("date", "a date"),
    ("fragment", "a part of the page"),
)
_NOT_INPUTS = (Scalar.PERSON, Scalar.FILE, Scalar.IMAGE)


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One example: the values of the inputs, what comes out, and the edit that removes it."""

    values: tuple[str, ...]
    gives: str
    line: str


@dataclass(frozen=True, slots=True)
class PlaceLine:
    """A place: what it is, its code, how its last checks went, and whether it is new or protected."""

    key: str
    entity: str
    title: str
    kind: str
    inputs: tuple[str, ...]
    description: str
    cases: tuple[CaseLine, ...]
    source: str
    status: str
    attempts: int
    problem: str
    results: tuple[tuple[str, bool, str], ...]
    state: str
    protected: bool
    fragment: bool


def place_lines(before: Blueprint, now: Blueprint, events: Iterable[BuildEvent]) -> list[PlaceLine]:
    """Every place; ``events`` are those of the build of the version that runs."""
    said = {str(event.data["place"]): event.data for event in events if event.type == "code.written"}
    known = {place.key: place for place in places(before)}
    closed = {item.name for item in now.protections if item.part is Part.CUSTOM}
    return [_line(place, known.get(place.key), said.get(place.key, {}), now, closed) for place in places(now)]


def _line(
    place: Place, before: Place | None, said: Mapping[str, object], now: Blueprint, closed: set[str]
) -> PlaceLine:
    results = said.get("results")
    state = "new" if before is None else "changed" if before != place else ""
    return PlaceLine(
        key=place.key,
        entity=place.entity,
        title=place.name if place.output is None else label(place.name),
        kind="a part of the page" if place.output is None else dict(OUTPUTS).get(str(place.output), "one of a choice"),
        inputs=tuple(label(field.name) for field in place.inputs),
        description=place.description,
        cases=tuple(
            CaseLine(tuple(map(_shown, case.values)), _shown(case.gives), case_text(case, now)) for case in place.cases
        ),
        source=str(said.get("source", "")),
        status=str(said.get("status", "")),
        attempts=int(str(said.get("attempts", 0))),
        problem=str(said.get("problem", "")),
        results=tuple((str(text), bool(passed), str(why)) for text, passed, why in results)
        if isinstance(results, list)
        else (),
        state=state,
        protected=place.key in closed,
        fragment=place.output is None,
    )


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def input_choices(blueprint: Blueprint) -> list[tuple[str, list[tuple[str, str]]]]:
    """Fields that can go into a place, by kind of record."""
    return [
        (
            entity.name,
            [
                (f"{entity.name}|{field.name}", field.label or label(field.name))
                for field in entity.fields
                if field.custom is None and not hasattr(field.type, "entity") and field.type not in _NOT_INPUTS
            ],
        )
        for entity in blueprint.entities
    ]


def place_add(form: Form, blueprint: Blueprint) -> list[Edit]:
    """A new place."""
    chosen = [item.partition("|") for item in form.all("input") if item]
    owners = {entity for entity, _, _ in chosen}
    if len(owners) != 1:
        raise gone()
    entity = known_entity(blueprint, owners.pop())
    inputs = tuple(dict.fromkeys(name for _, _, name in chosen))
    kind, about = form.one("output"), form.one("description").replace('"', "”")
    if kind == "fragment":
        return [AddFragment(entity.name, form.one("name"), inputs, about)]
    if kind not in dict(OUTPUTS):
        raise gone()
    name, shown = named(form.one("name"))
    return [AddCustom(entity.name, name, Scalar(kind), inputs, about, shown)]


def place_edit(form: Form, blueprint: Blueprint) -> list[Edit]:
    """Another description, or the place's removal."""
    place = _place(form, blueprint)
    if form.one("remove"):
        fragment = place.output is None
        return [RemoveFragment(place.entity, place.name) if fragment else DeleteField(place.entity, place.name)]
    text = form.one("description").replace('"', "”")
    return [Describe(place.key, text)] if text != place.description else []


def case_add(form: Form, blueprint: Blueprint) -> list[Edit]:
    """A new example."""
    place = _place(form, blueprint)
    given = form.all("value")
    if len(given) != len(place.inputs):
        raise gone()
    values = ["-" if not text else written(field, text) for field, text in zip(place.inputs, given, strict=True)]
    wanted = form.one("gives")
    if place.output is None:
        return [AddCase(f'{place.key}: {", ".join(values)} shows "{wanted}"')]
    field = known_entity(blueprint, place.entity).field(place.name)
    gives = "-" if not wanted or field is None else written(field, wanted)
    return [AddCase(f"{place.key}: {', '.join(values)} gives {gives}")]


def case_remove(form: Form, blueprint: Blueprint) -> list[Edit]:  # noqa: ARG001 - one shape for all readers
    """An example less."""
    return [RemoveCase(form.one("case"))]


def _place(form: Form, blueprint: Blueprint) -> Place:
    found = next((place for place in places(blueprint) if place.key == form.one("place")), None)
    if found is None:
        raise gone()
    return found
