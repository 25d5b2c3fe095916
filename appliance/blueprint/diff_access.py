"""What changes about who may do what. See ``diff``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.blueprint.changes import Area, Change
from appliance.blueprint.model import FieldAccess, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.blueprint.model import Blueprint, Permission


def _change(kind: str, subject: str, **values: str) -> Change:
    return Change(kind, Area.ACCESS, subject, tuple(values.items()))


def access_changes(before: Blueprint, moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    """Roles, the matrix of roles and entities, single fields, who may press which button, and what is protected."""
    for was, role in zip(before.roles, moved.roles, strict=True):
        if role not in after.roles:
            yield _change("role.removed", f"role {was}", role=was)
        elif was != role:
            yield _change("role.renamed", f"role {role}", before=was, after=role)
    for role in after.roles:
        if role not in moved.roles:
            yield _change("role.added", f"role {role}", role=role)
    known = {entity.name for entity in moved.entities}
    for entity in after.entities:
        for role in after.roles:
            old = moved if entity.name in known and role in moved.roles else None
            yield from _cell(old, after, entity.name, role)
    yield from _fields(moved, after)
    yield from _actions(moved, after)
    for protection in after.protections:
        if protection not in moved.protections:
            yield _protection("protected", protection.part.value, protection.name)
    for protection in moved.protections:
        if protection not in after.protections:
            yield _protection("unprotected", protection.part.value, protection.name)


def _protection(kind: str, part: str, name: str) -> Change:
    return _change(kind, f"protection {part} {name}".strip(), part=part, name=name.replace("\0", ""))


def reach(permission: Permission | None) -> str:
    """``none``, ``own`` or ``all``."""
    if permission is None:
        return "none"
    return "own" if permission.own else "all"


def _cell(moved: Blueprint | None, after: Blueprint, entity: str, role: str) -> Iterator[Change]:
    for verb in Verb:
        new = reach(after.permission(entity, role, verb))
        old = "none" if moved is None else reach(moved.permission(entity, role, verb))
        if old != new:
            subject = f"access {entity} {role} {verb}"
            yield _change(f"access.{new}", subject, role=role, entity=entity, verb=verb.value, before=old)


def _fields(moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    def keyed(blueprint: Blueprint) -> dict[tuple[str, str], FieldAccess]:
        return {(item.entity, item.field): item for item in blueprint.field_access}

    old, new = keyed(moved), keyed(after)
    for entity, field in dict.fromkeys([*old, *new]):
        if old.get((entity, field)) == new.get((entity, field)):
            continue
        found = new.get((entity, field))
        if found is None:
            yield _change("field_access.removed", f"access {entity}.{field}", entity=entity, field=field)
            continue
        granted = "; ".join(
            f"{grant.role}: "
            + ", ".join(f"{item.verb.value}{' own' if item.own else ''}" for item in grant.permissions)
            for grant in found.grants
        )
        subject = f"access {entity}.{field}"
        yield _change("field_access.set", subject, entity=entity, field=field, granted=granted)


def _actions(moved: Blueprint, after: Blueprint) -> Iterator[Change]:
    old = {(action.entity, action.title): action for action in moved.actions}
    for action in after.actions:
        was = old.get((action.entity, action.title))
        if was is None or (was.roles, was.people) != (action.roles, action.people):
            who = ", ".join([*action.roles, *action.people])
            subject = f"action {action.entity} {action.title}"
            yield _change("action.for", subject, action=action.title, entity=action.entity, who=who)
