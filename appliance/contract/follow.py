"""A binding over the versions of its app: names are followed, and what it needs must stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from appliance.blueprint.model import Blueprint, Choice, Field, Numbering, Ref, Scalar
from appliance.contract.binding import Binding, Bound, Kept, Parent, Slot, Source
from appliance.contract.errors import ContractRefused
from appliance.contract.shapes import Leaf

Names = Mapping[tuple[str, str], str]
"""Entity and field of before → the field's name now."""
_HOLDS: Final[Mapping[Leaf, tuple[Scalar, ...]]] = {
    Leaf.BOOLEAN: (Scalar.BOOLEAN,),
    Leaf.INTEGER: (Scalar.NUMBER, Scalar.MONEY),
    Leaf.NUMBER: (Scalar.NUMBER, Scalar.MONEY),
    Leaf.DATE: (Scalar.DATE,),
    Leaf.MOMENT: (Scalar.DATETIME,),
    Leaf.TIME: (Scalar.TIME,),
}
_TEXTS: Final = (Scalar.TEXT, Scalar.LONGTEXT, Scalar.EMAIL, Scalar.PHONE, Scalar.URL, Scalar.PERSON)


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


def check_kept(binding: Binding, blueprint: Blueprint) -> None:
    """See that an app still has what its API shows and takes.

    Raises:
        ContractRefused: with the first thing that is missing.
    """
    lacking = next(_lacking(binding, blueprint), "")
    if lacking:
        message = f"The API contract of this app needs {lacking}."
        action = "Leave it as it is; you can close it to roles, or make another app from another contract."
        raise ContractRefused(message, action=action)


def _lacking(binding: Binding, blueprint: Blueprint) -> Iterator[str]:
    entities = {entity.name: entity for entity in blueprint.entities}
    for kept in binding.kept:
        if kept.entity not in entities:
            yield kept.entity
            return
    for kept in binding.kept:
        for slot in kept.slots:
            owner = slot.entity if slot.source is Source.RELATED else kept.entity
            if not slot.field:
                continue
            item = entities[owner].field(slot.field)
            if item is None:
                yield f"the field “{slot.field}” of {owner}"
            elif not _fits(slot, item):
                yield f"the field “{slot.field}” of {owner} to be what it is"
    for one in binding.operations:
        for number, parent in enumerate(one.parents):
            below = next((other.entity for other in one.parents[number + 1 :] if other.entity), one.entity)
            if below in entities and entities[below].field(parent.field) is None:
                yield f"the field “{parent.field}” of {below}"


def _fits(slot: Slot, item: Field) -> bool:
    """Whether a field can hold what a property is."""
    if slot.source in (Source.REF, Source.EMBEDDED):
        return item.type == Ref(slot.entity)
    if slot.source is Source.RELATED or slot.value is None:
        return slot.many is None or item.type is Scalar.LONGTEXT
    if slot.value.leaf in _HOLDS:
        return item.type in _HOLDS[slot.value.leaf]
    return isinstance(item.type, Choice | Numbering) or item.type in _TEXTS
