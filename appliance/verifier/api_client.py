"""The app's JSON API as a program would use it: addresses, bodies that the contract takes, and records to name."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from appliance.blueprint.model import Entity
from appliance.blueprint.naming import identifier
from appliance.contract.binding import Binding, Bound, Does, Kept, Slot, Source
from appliance.contract.samples import sample
from appliance.contract.shapes import Group, Kind, Leaf, Many, Value
from appliance.verifier.client import Answer
from appliance.verifier.model import CannotTry, CheckFailed
from appliance.verifier.people import Actor
from appliance.verifier.world import Row, World

_ID_BITS: Final = (1 << 62) - 1


@dataclass
class Api:
    """One binding in a running app. ``known``: by entity, one id as the API writes it, where that is a UUID."""

    world: World
    binding: Binding
    known: dict[str, str] = field(default_factory=dict)
    _count: int = 100

    def address(self, one: Bound, row: Row | None) -> str:
        """The address of an operation, for a row where it is about one.

        Raises:
            CannotTry: nothing to put into it.
        """
        path = self.binding.base + one.path
        for number, parent in enumerate(one.parents):
            value = "trial"
            if parent.entity:
                value = self.key(self.row(parent.entity))
            else:  # what the record below it holds
                below = next((other.entity for other in one.parents[number + 1 :] if other.entity), "")
                holds = self.row(below) if below else row
                value = holds.values.get(identifier(parent.field), value) if holds is not None else value
            path = path.replace(f"{{{parent.parameter}}}", quote(value, safe=""))
        return path.replace(f"{{{one.key}}}", self.key(row)) if one.key and row is not None else path

    def row(self, entity: str) -> Row:
        """The row of an entity that the owner made.

        Raises:
            CannotTry: there is none.
        """
        if entity not in self.world.rows:
            message = f"No {entity} could be made."
            raise CannotTry(message)
        return self.world.rows[entity]

    def fresh(self, one: Bound) -> Row:
        """A new row that the owner makes by the app's own form; below a path it belongs to what the path names."""
        entity = self.world.blueprint.entity(one.entity)
        row = self.world.add(self.world.owner, entity)
        last = one.parents[-1] if one.parents else None
        if last is not None and last.entity and row.values.get(identifier(last.field)) != str(self.row(last.entity).id):
            message = "The record does not belong to what its address names."
            raise CannotTry(message)
        return row

    def key(self, row: Row) -> str:
        """What names a row in a path.

        Raises:
            CannotTry: it is not known how this app writes the ids of such rows.
        """
        kept = self.kept(row.entity)
        if kept.key:
            return row.values.get(identifier(kept.key), "")
        if kept.leaf is not Leaf.UUID:
            return str(row.id)
        seen = self.known.get(row.entity.name)
        if seen is None:
            message = f"No id of a {row.entity.name} was seen."
            raise CannotTry(message)
        return str(uuid.UUID(int=uuid.UUID(seen).int & ~_ID_BITS | row.id))

    def kept(self, entity: Entity) -> Kept:
        """What the contract keeps of an entity."""
        found = self.binding.of(entity.name)
        if found is None:
            message = f"The contract says nothing about {entity.name}."
            raise CannotTry(message)
        return found

    def learn(self, one: Bound, content: Any) -> None:
        """Remember an id that an answer shows."""
        kept = self.binding.of(one.entity)
        own = next((slot for slot in kept.slots if slot.source is Source.ID), None) if kept is not None else None
        if kept is None or own is None or kept.leaf is not Leaf.UUID:
            return
        if one.does is Does.LIST:
            for name in one.wrap.rows if one.wrap is not None else ():
                content = content[name]
            content = content[0] if content else {}
        elif one.envelope:
            content = content.get(one.envelope, {})
        if isinstance(content, dict) and isinstance(content.get(own.path[0]), str):
            self.known[one.entity] = content[own.path[0]]

    def body(self, one: Bound, row: Row | None = None) -> dict[str, Any]:
        """What the contract takes; the property that names ``row`` stays as it is.

        Raises:
            CannotTry: a record that it must name cannot be named.
        """
        self._count += 1
        if one.body is None:
            return {}
        if not one.entity:
            return self._group(one.body, {}, ())
        slots = {slot.path: slot for slot in self.kept(self.world.blueprint.entity(one.entity)).slots}
        made = self._group(one.body, slots, ())
        kept = self.binding.of(one.entity)
        if row is not None and kept is not None and kept.key:
            for path, slot in slots.items():
                if slot.field == kept.key and path[0] in made:
                    made[path[0]] = self.key(row)
        for parent in one.parents:  # the path says it already
            for path, slot in slots.items():
                if slot.field == parent.field and slot.source is Source.REF and len(path) == 1 and path[0] in made:
                    made[path[0]] = self._reference(slot)
        return made

    def _group(self, group: Group, slots: Mapping[tuple[str, ...], Slot], path: tuple[str, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for member in group.members:
            here = (*path, member.name)
            slot = slots.get(here)
            if slot is not None and slot.source is Source.REF:
                made[member.name] = self._reference(slot)
            elif slot is not None and slot.source is Source.EMBEDDED and isinstance(member.kind, Group):
                target = self.binding.of(slot.entity)
                made[member.name] = self._group(member.kind, {}, here)
                own = next((one for one in target.slots if one.source is Source.ID), None) if target else None
                if own is not None:
                    made[member.name][own.path[0]] = self._written(slot.entity, own.value)
            else:
                made[member.name] = self._kind(member.kind, slots, here)
        return made

    def _kind(self, kind: Kind, slots: Mapping[tuple[str, ...], Slot], path: tuple[str, ...]) -> Any:
        if isinstance(kind, Value):
            return sample(kind, self._count)
        if isinstance(kind, Many):
            count = max(1, kind.fewest)
            return [self._kind(kind.of, slots, path) if number == 0 else f"More {number}" for number in range(count)]
        return self._group(kind, slots, path)

    def _reference(self, slot: Slot) -> Any:
        return self._written(slot.entity, slot.value)

    def _written(self, entity: str, value: Value | None) -> Any:
        text = self.key(self.row(entity))
        return int(text) if value is not None and value.leaf is Leaf.INTEGER else text

    def send(self, who: Actor | None, one: Bound, address: str, content: Any = None, *, origin: str = "") -> Answer:
        """One request, with the parameters that it must have."""
        needed = {item.name: sample(item.value, 1) for item in one.asked if item.required and item.place == "query"}
        if needed:
            plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in needed.items()}
            address += f"{'&' if '?' in address else '?'}{urlencode(plain)}"
        headers = {
            item.name: str(sample(item.value, 1)) for item in one.asked if item.required and item.place == "header"
        }
        return self.world.client.send(who, one.method, address, content, origin=origin, headers=headers)


def json_of(answer: Answer) -> Any:
    """The body of an answer as JSON.

    Raises:
        CheckFailed: it is none.
    """
    media = answer.headers.get("content-type", "").partition(";")[0]
    problem = f"it is {media or 'of no media type'}"
    if media == "application/json" or media.endswith("+json"):
        try:
            return json.loads(answer.body)
        except ValueError as error:
            problem = str(error)
    message = "An answer of the API is not JSON."
    raise CheckFailed("api_no_json", message, detail=f"{answer.request}: {answer.status} {problem}")
