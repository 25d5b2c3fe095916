"""Valid values for every type of field, different each time, and the order in which rows can be made."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Final

from appliance.blueprint.model import OWNER, Blueprint, Choice, Entity, Field, Ref, Scalar
from appliance.blueprint.naming import identifier
from appliance.contract.binding import Slot
from appliance.contract.samples import form_text
from appliance.verifier.client import Upload
from appliance.verifier.model import CannotTry
from appliance.verifier.typed import distinct, typed_fields

_FIRST_DAY: Final = date(2031, 1, 1)
_PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_WRITTEN: Final = (Scalar.TEXT, Scalar.LONGTEXT, Scalar.EMAIL, Scalar.URL)
UPLOADS: Final = (Scalar.FILE, Scalar.IMAGE)


@dataclass(frozen=True)
class Sample:
    """What to type into a form; ``marker`` is a value that can be found again on pages, or empty."""

    values: dict[str, str]
    files: dict[str, Upload]
    marker: str


@dataclass(frozen=True)
class Manner:
    """A way to fill in a form. Rules of an app want different ones: small numbers, days that follow one another, …"""

    first_day: date = _FIRST_DAY
    step: int = 0
    """Days between one date of a form and the next."""
    number: int | None = None
    only_required: bool = False
    booleans: bool | None = None
    shift: int = 0
    """Added to the position of a choice's option."""


MANNERS: Final = (
    Manner(),
    Manner(step=1, number=1, booleans=False),
    Manner(step=1, number=3, only_required=True),
    Manner(step=1, number=2, booleans=True, shift=1),
    Manner(first_day=date(2021, 1, 1), step=1, number=1, booleans=False, shift=2),
    Manner(step=-1, number=2, booleans=False, shift=3),
    Manner(first_day=date(2021, 1, 1), step=1, number=4, only_required=True, booleans=False, shift=4),
)
CONTRARY: Final = (
    Manner(step=-1, number=-5),
    Manner(first_day=date(2011, 1, 1), step=-1, number=0, only_required=True),
    Manner(step=-1, number=1_000_000, booleans=True, shift=1),
    Manner(first_day=date(2011, 1, 1), step=1, number=-5, booleans=False, shift=2),
)
"""Ways that a sensible rule refuses."""


@dataclass
class Sampler:
    """Makes samples for one blueprint; every call gives new values, so that unique fields stay unique."""

    blueprint: Blueprint
    slots: Mapping[tuple[str, str], Slot] = field(default_factory=dict)
    """By entity and field: what an API contract says of it beyond its type."""
    _count: int = 0
    _used: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for example in self.blueprint.examples:
            entity = self.blueprint.entity(example.entity)
            for item, value in zip(entity.fields, example.values, strict=False):
                if value is not None:
                    self._used.setdefault((entity.name, item.name), set()).add(str(value))

    def sample(
        self, entity: Entity, person: str, refs: dict[str, str], manner: Manner = MANNERS[0], role: str = OWNER
    ) -> Sample:
        """Values for a new row; ``refs`` gives ids by field name, person fields name ``person`` (an e-mail address).

        Raises:
            CannotTry: a unique choice has no value left.
        """
        self._count += 1
        values: dict[str, str] = {}
        differ = distinct(entity)
        files: dict[str, Upload] = {}
        for position, item in enumerate(typed_fields(self.blueprint, entity, role)):
            name = identifier(item.name)
            if manner.only_required and not item.required and item.name not in differ:
                continue
            if item.type in UPLOADS:
                files[name] = _upload(item, self._count)
            elif isinstance(item.type, Ref):
                values[name] = refs.get(item.name, "")
            elif isinstance(item.type, Choice):
                values[name] = self._choice(entity, item, item.type, manner.shift)
            elif item.type is Scalar.PERSON:
                values[name] = self._person(entity, item, person)
            else:
                values[name] = _scalar(item, self._count, manner, position, differs=item.name in differ)
                slot = self.slots.get((entity.name, item.name))
                if slot is not None and manner not in CONTRARY:
                    values[name] = form_text(slot, self._count, values[name])
        return Sample({key: value for key, value in values.items() if value}, files, marker_of(entity, values))

    def another_choice(self, entity: Entity, sample: Sample) -> Sample | None:
        """The same with the next option in each unique choice, or None if there is nothing else to choose.

        Raises:
            CannotTry: the examples alone can have used every option.
        """
        values = dict(sample.values)
        for item in entity.fields:
            if isinstance(item.type, Choice) and item.unique and identifier(item.name) in values:
                examples = sum(example.entity == entity.name for example in self.blueprint.examples)
                try:
                    values[identifier(item.name)] = self._choice(entity, item, item.type)
                except CannotTry:
                    if examples >= len(item.type.options):
                        raise
                    return None
        return replace(sample, values=values) if values != sample.values else None

    def _choice(self, entity: Entity, item: Field, kind: Choice, shift: int = 0) -> str:
        if not item.unique:
            return kind.options[(self._count + shift) % len(kind.options)]
        if not item.required:
            return ""
        used = self._used.setdefault((entity.name, item.name), set())
        for option in kind.options:
            if option not in used:
                used.add(option)
                return option
        message = f"Every {item.name} is taken already."
        raise CannotTry(message)

    def _person(self, entity: Entity, item: Field, person: str) -> str:
        if item.name not in distinct(entity):
            return person
        used = self._used.setdefault((entity.name, item.name), set())
        chosen = person if person not in used else f"verifier-guest-{self._count}@example.org"
        used.add(chosen)
        return chosen


def marker_of(entity: Entity, values: dict[str, str]) -> str:
    """The value of the first field that is shown as it was typed."""
    for item in entity.fields:
        value = values.get(identifier(item.name), "")
        if item.type in _WRITTEN and value:
            return value
    return ""


def _scalar(item: Field, count: int, manner: Manner, position: int, *, differs: bool) -> str:
    day = manner.first_day + timedelta(days=count + manner.step * position)
    number = 1000 + count if manner.number is None or differs else manner.number
    checked = bool(count % 2) if manner.booleans is None else manner.booleans
    moment = f"{count // 60 % 24:02}:{count % 60:02}"
    made: dict[Scalar, str] = {
        Scalar.TEXT: f"Trial {count} {item.name}",
        Scalar.LONGTEXT: f"Trial {count} {item.name} over several words.",
        Scalar.NUMBER: str(number),
        Scalar.MONEY: f"{number}.50",
        Scalar.BOOLEAN: "on" if checked else "",
        Scalar.DATE: day.isoformat(),
        Scalar.DATETIME: f"{day.isoformat()}T{moment}",
        Scalar.TIME: moment,
        Scalar.EMAIL: f"trial{count}@example.org",
        Scalar.PHONE: f"+49 30 55{count:05}",
        Scalar.URL: f"https://example.org/trial/{count}",
    }
    return made[item.type] if isinstance(item.type, Scalar) else ""


def _upload(item: Field, count: int) -> Upload:
    if item.type is Scalar.IMAGE:
        return (f"trial-{count}.png", _PIXEL, "image/png")
    return (f"trial-{count}.txt", f"Trial {count}".encode(), "text/plain")


@dataclass(frozen=True)
class Order:
    """``entities`` can be filled one after the other; ``stuck`` need each other (or themselves) first."""

    entities: tuple[Entity, ...]
    stuck: tuple[Entity, ...]


def creation_order(blueprint: Blueprint) -> Order:
    """Rows that others require come first."""
    done: list[Entity] = []
    names: set[str] = set()
    waiting = list(blueprint.entities)
    while waiting:
        ready = [entity for entity in waiting if required_targets(entity) <= names]
        if not ready:
            break
        done += ready
        names |= {entity.name for entity in ready}
        waiting = [entity for entity in waiting if entity.name not in names]
    return Order(tuple(done), tuple(waiting))


def required_targets(entity: Entity) -> set[str]:
    """Entities of which a row must exist before one of ``entity`` can."""
    return {item.type.entity for item in entity.fields if isinstance(item.type, Ref) and item.required}
