"""What may not be touched, and by whom.

A part that the maker protected (``protect …`` in the blueprint) is closed to the model; its maker may change and unlock
it. A part that IT locked is closed to makers too.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from appliance.blueprint.behaviour import Part, Protection, Renamed
from appliance.blueprint.changes import entity_named
from appliance.blueprint.places import places
from appliance.core.errors import Refused

if TYPE_CHECKING:
    from appliance.blueprint.changes import Changes
    from appliance.blueprint.model import Blueprint


class By(StrEnum):
    """Who makes a change."""

    MODEL = "model"
    MAKER = "maker"
    IT = "it"


class Protected(Refused):
    """The change touches a part that is closed to whoever makes it."""

    code = "protected"


def check_protection(changes: Changes, *, by: By, locks: tuple[Protection, ...] = ()) -> None:
    """Refuse a change of what is closed. ``locks`` are IT's, by the names of ``changes.before``.

    Raises:
        Protected: with the names of all parts that are touched.
    """
    before, after = changes.before, changes.after
    if by is By.IT:
        return
    closed = tuple(dict.fromkeys((*locks, *(before.protections if by is By.MODEL else ()))))
    new_names = {rename.before: rename.after for rename in changes.renames if rename.kind is Renamed.ENTITY}
    touched = [item for item in closed if _content(item, before) != _content(item, after) or _renamed(item, new_names)]
    if touched:
        named = ", ".join(describe(item) for item in touched)
        owner = "IT has locked" if set(touched) & set(locks) else "The maker has locked"
        action = "Ask IT to unlock it." if set(touched) & set(locks) else "Unlock it first, or change something else."
        message = f"{owner} this part of the app: {named}."
        raise Protected(message, action=action)
    if by is By.MODEL and before.protections != after.protections:
        message = "What is protected can be changed only by a person."
        raise Protected(message, action="Lock and unlock parts on the app's page.")


def describe(protection: Protection) -> str:
    """A protected part in words."""
    return {
        Part.ENTITY: f"the fields of {protection.name}",
        Part.ACCESS: f"the access to {protection.name}",
        Part.PAGE: f"the page “{protection.name}”",
        Part.RULES: f"the rules of {protection.name}",
        Part.ACTIONS: f"the actions of {protection.name}",
        Part.ROLES: "the roles",
        Part.CUSTOM: f"the code of {protection.name}",
    }[protection.part]


def _renamed(item: Protection, new_names: dict[str, str]) -> bool:
    return item.part not in (Part.PAGE, Part.ROLES, Part.CUSTOM) and item.name in new_names


def _content(item: Protection, blueprint: Blueprint) -> object:  # noqa: PLR0911 - one per part
    """All that a protection covers."""
    name = item.name
    match item.part:
        case Part.ENTITY:
            return entity_named(blueprint, name)
        case Part.ACCESS:
            lines = [access for access in blueprint.access if access.entity == name]
            return lines, [access for access in blueprint.field_access if access.entity == name]
        case Part.PAGE:
            return [page for page in blueprint.pages if page.title == name]
        case Part.RULES:
            return [rule for rule in blueprint.rules if rule.entity == name]
        case Part.ACTIONS:
            return [action for action in blueprint.actions if action.entity == name]
        case Part.CUSTOM:
            return [place for place in places(blueprint) if place.key == name]
        case _:
            return blueprint.roles
