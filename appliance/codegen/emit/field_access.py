"""Which role may read or set which field: the lines of the blueprint, and what follows from them.

A computed field without a line of its own may be read by whoever may read every restricted field that goes into it;
otherwise it would tell what the line keeps.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

from appliance.blueprint import naming
from appliance.blueprint.expressions import Path, Related
from appliance.blueprint.model import Field, Ref, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.blueprint.model import Blueprint, Entity
    from appliance.codegen.emit.names import Names

Scopes = dict[str, dict[Verb, str]]
"""Role → verb → ``ALL`` or ``OWN``; what is missing is refused."""


def inputs(blueprint: Blueprint, entity: str, expression: object) -> set[tuple[str, str]]:
    """Entity and field of everything that an expression about rows of ``entity`` looks at."""
    return set(_inputs(blueprint, entity, expression))


def _inputs(blueprint: Blueprint, entity: str, part: object) -> Iterator[tuple[str, str]]:
    if isinstance(part, Path):
        here: str | None = entity
        for name in part.names:
            if here is None:
                return
            yield (here, name)
            field = blueprint.entity(here).field(name)
            here = field.type.entity if field is not None and isinstance(field.type, Ref) else None
    elif isinstance(part, Related):
        yield (part.entity, part.by)
        if part.of is not None:
            yield (part.entity, part.of)
        yield from _inputs(blueprint, part.entity, part.where)
    elif isinstance(part, tuple):
        for item in part:
            yield from _inputs(blueprint, entity, item)
    elif is_dataclass(part) and not isinstance(part, type):
        for item in fields(part):
            yield from _inputs(blueprint, entity, getattr(part, item.name))


def field_scopes(blueprint: Blueprint) -> dict[tuple[str, str], Scopes]:
    """Every restricted field, by entity and name."""
    found: dict[tuple[str, str], Scopes] = {}
    for line in blueprint.field_access:
        found[line.entity, line.field] = {
            grant.role: {item.verb: "OWN" if item.own else "ALL" for item in grant.permissions} for grant in line.grants
        }
    named = set(found)
    for _ in range(sum(len(entity.fields) for entity in blueprint.entities)):
        before = dict(found)
        for entity in blueprint.entities:
            for item in entity.fields:
                if (entity.name, item.name) not in named and (
                    sources := _sources(blueprint, entity, item) & set(found)
                ):
                    found[entity.name, item.name] = _narrowest(
                        blueprint, entity, [(other, found[other, field]) for other, field in sorted(sources)]
                    )
        if found == before:
            break
    return found


def _sources(blueprint: Blueprint, entity: Entity, item: Field) -> set[tuple[str, str]]:
    if item.computed is not None:
        return inputs(blueprint, entity.name, item.computed)
    if item.custom is not None:
        return {(entity.name, name) for name in item.custom.inputs}
    return set()


def _narrowest(blueprint: Blueprint, entity: Entity, sources: list[tuple[str, Scopes]]) -> Scopes:
    """What every source allows. ``OWN`` of another entity says nothing about a row of this one, so it is refused."""
    made: Scopes = {}
    for role in blueprint.roles:
        scopes = [
            scope if other == entity.name or scope == "ALL" else None
            for other, granted in sources
            for scope in [granted.get(role, {}).get(Verb.READ)]
        ]
        if None not in scopes:
            made[role] = {Verb.READ: "OWN" if "OWN" in scopes else "ALL"}
    return made


def field_table(names: Names) -> str:
    """The ``FIELDS`` of ``access.py``; empty if no field is restricted."""
    lines = []
    scopes = field_scopes(names.blueprint)
    for entity in names.blueprint.entities:
        restricted = [item for item in entity.fields if (entity.name, item.name) in scopes]
        if restricted:
            lines.append(f"    {names.table(entity)!r}: {{")
            for item in restricted:
                granted = scopes[entity.name, item.name]
                grants = ", ".join(
                    f"{role!r}: Grant({', '.join(f'{verb}={scope}' for verb, scope in verbs.items())})"
                    for role, verbs in granted.items()
                )
                lines.append(f"        {naming.identifier(item.name)!r}: {{{grants}}},")
            lines.append("    },")
    return "\n".join(lines)
