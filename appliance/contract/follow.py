"""A binding after entities and fields of its app got other names: the API stays what it was."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from appliance.contract.binding import Binding, Bound, Kept, Parent, Slot, Source

Names = Mapping[tuple[str, str], str]
"""Entity and field of before → the field's name now."""


def followed(binding: Binding, entities: Mapping[str, str], fields: Names) -> Binding:
    """The same API over the new names; what has none any more keeps its old one, and is missed when it is rendered."""
    return replace(
        binding,
        operations=tuple(_bound(one, entities, fields) for one in binding.operations),
        kept=tuple(_kept(one, entities, fields) for one in binding.kept),
    )


def _kept(one: Kept, entities: Mapping[str, str], fields: Names) -> Kept:
    return replace(
        one,
        entity=entities.get(one.entity, one.entity),
        key=fields.get((one.entity, one.key), one.key),
        slots=tuple(_slot(slot, one.entity, entities, fields) for slot in one.slots),
    )


def _slot(slot: Slot, entity: str, entities: Mapping[str, str], fields: Names) -> Slot:
    owner = slot.entity if slot.source is Source.RELATED else entity
    return replace(
        slot,
        field=fields.get((owner, slot.field), slot.field),
        entity=entities.get(slot.entity, slot.entity),
    )


def _bound(one: Bound, entities: Mapping[str, str], fields: Names) -> Bound:
    parents: list[Parent] = []
    for number, parent in enumerate(one.parents):
        below = next((other.entity for other in one.parents[number + 1 :] if other.entity), one.entity)
        parents.append(
            replace(
                parent,
                field=fields.get((below, parent.field), parent.field),
                entity=entities.get(parent.entity, parent.entity),
            )
        )
    return replace(one, entity=entities.get(one.entity, one.entity), parents=tuple(parents))
