"""Which fields a person types: not those that the app works out, gives out or hides, nor what a role may not set."""

from __future__ import annotations

from appliance.blueprint.model import OWNER, Blueprint, Choice, Entity, Field, Numbering, Ref, Scalar, Verb


def is_typed(item: Field) -> bool:
    """Whether the field has a control in somebody's form."""
    return item.computed is None and item.custom is None and not item.hidden and not isinstance(item.type, Numbering)


def may(blueprint: Blueprint, entity: Entity, item: Field, role: str, verb: Verb) -> bool:
    """Whether a line about this field lets the role read or set it; without a line, the entity's access decides."""
    if role == OWNER:
        return True
    for line in blueprint.field_access:
        if (line.entity, line.field) == (entity.name, item.name):
            return any(grant.role == role and grant.permission(verb) for grant in line.grants)
    return True


def typed_fields(blueprint: Blueprint, entity: Entity, role: str = OWNER) -> tuple[Field, ...]:
    """The fields with a control in the form of ``role``."""
    return tuple(item for item in entity.fields if is_typed(item) and may(blueprint, entity, item, role, Verb.EDIT))


def distinct(entity: Entity) -> frozenset[str]:
    """The fields in which two trial rows must differ: the unique ones, and one of each unique combination."""
    chosen = {item.name for item in entity.fields if item.unique}
    for fields in entity.unique:
        if chosen.isdisjoint(fields):
            found = (item for item in entity.fields if item.name in fields)
            chosen.add(min(found, key=_ease).name)
    return frozenset(chosen)


def _ease(item: Field) -> int:
    """How easily a field takes another value each time: anything written, a record of its own, a person, an option."""
    if isinstance(item.type, Choice) or item.type is Scalar.BOOLEAN:
        return 3
    if isinstance(item.type, Ref):
        return 1 if item.required else 2
    return 2 if item.type is Scalar.PERSON else 0
