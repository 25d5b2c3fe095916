"""Edits of the app itself, of names, of access and of protection. See ``edit``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, assert_never

from appliance.blueprint.behaviour import Part, Protection
from appliance.blueprint.edit_fields import known_entity
from appliance.blueprint.edits import (
    AddRole,
    EditRefused,
    PartEdit,
    Protect,
    Reach,
    RenameEntity,
    RenameRole,
    SetAccess,
    SetApp,
    Unprotect,
)
from appliance.blueprint.model import MAX_ABOUT, MAX_NAME, MAX_ROLES, Access, Grant, Permission, Verb
from appliance.blueprint.naming import RESERVED_SLUGS, class_name, slug
from appliance.blueprint.places import places
from appliance.blueprint.references import RenameOne, rewrite
from appliance.blueprint.words import is_noun, is_title

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint

_LIMITS: Final = {"name": MAX_NAME, "about": MAX_ABOUT, "colour": 20, "language": 2}


def apply(blueprint: Blueprint, edit: PartEdit) -> Blueprint:
    """One edit that is of no field and of no page."""
    match edit:
        case RenameEntity(entity=name, to=to):
            known_entity(blueprint, name)
            check_entity(blueprint, to, but=name)
            return rewrite(blueprint, RenameOne("entity", name, to))
        case RenameRole(role=role, to=to):
            known_role(blueprint, role)
            _check_role(blueprint, to, but=role)
            return rewrite(blueprint, RenameOne("role", role, to))
        case AddRole(role=role):
            _check_role(blueprint, role)
            return replace(blueprint, roles=(*blueprint.roles, role))
        case SetApp():
            return _app(blueprint, edit)
        case SetAccess():
            return _access(blueprint, edit)
        case Protect() | Unprotect():
            return _protection(blueprint, edit)
        case _:
            assert_never(edit)


def _check_noun(name: str, what: str) -> None:
    if not is_noun(name) or len(name) > MAX_NAME:
        message = f"“{name}” cannot be the name of {what}."
        raise EditRefused(message, action="Use letters, digits and single spaces.")


def check_entity(blueprint: Blueprint, name: str, *, but: str) -> None:
    """Whether a kind of record may be called so."""
    _check_noun(name, "a kind of record")
    others = [entity.name for entity in blueprint.entities if entity.name != but]
    taken = any(class_name(name) == class_name(other) or slug(name) == slug(other) for other in others)
    if taken or slug(name) in RESERVED_SLUGS:
        message = f"The name “{name}” is taken."
        raise EditRefused(message, action="Choose another name.")


def known_role(blueprint: Blueprint, role: str) -> None:
    """Refuse a role that is not there."""
    if role not in blueprint.roles:
        message = f"There is no role “{role}”."
        raise EditRefused(message, action="Reload the page; somebody may have changed the app.")


def _check_role(blueprint: Blueprint, role: str, *, but: str = "") -> None:
    _check_noun(role, "a role")
    if any(slug(role) == slug(other) for other in blueprint.roles if other != but):
        message = f"There is a role “{role}” already."
        raise EditRefused(message, action="Choose another name.")
    if not but and len(blueprint.roles) >= MAX_ROLES:
        message = f"An app has at most {MAX_ROLES} roles."
        raise EditRefused(message, action="Use one that is there.")


def _app(blueprint: Blueprint, edit: SetApp) -> Blueprint:
    limit = _LIMITS.get(edit.what)
    if limit is None:
        message = f"“{edit.what}” cannot be set."
        raise EditRefused(message, action=f"Known: {', '.join(_LIMITS)}.")
    fits = is_title(edit.value) or (edit.what in ("about", "colour") and not edit.value)
    if not fits or len(edit.value) > limit:
        message = f"“{edit.value}” cannot be used as the app's {edit.what}."
        raise EditRefused(message, action=f"Use 1 to {limit} printable characters, without quotes.")
    value = edit.value
    match edit.what:
        case "name":
            return replace(blueprint, name=value)
        case "about":
            return replace(blueprint, about=value)
        case "colour":
            return replace(blueprint, colour=value)
        case _:
            return replace(blueprint, language=value)


def _access(blueprint: Blueprint, edit: SetAccess) -> Blueprint:
    known_entity(blueprint, edit.entity)
    known_role(blueprint, edit.role)
    if edit.verb is Verb.CREATE and edit.reach is Reach.OWN:
        message = "A new row is always one's own."
        raise EditRefused(message, action="Choose yes or no for adding.")
    old = next((access for access in blueprint.access if access.entity == edit.entity), Access(edit.entity, ()))
    granted = next((grant for grant in old.grants if grant.role == edit.role), Grant(edit.role, ()))
    permissions = [item for item in granted.permissions if item.verb is not edit.verb]
    if edit.reach is not Reach.NONE:
        permissions.append(Permission(edit.verb, edit.reach is Reach.OWN))
    permissions.sort(key=lambda item: list(Verb).index(item.verb))
    made = Grant(edit.role, tuple(permissions))
    grants = [made if grant.role == edit.role else grant for grant in old.grants]
    if granted not in old.grants:
        grants.append(made)
    kept = Access(edit.entity, tuple(grant for grant in grants if grant.permissions))
    lines = [kept if access.entity == edit.entity else access for access in blueprint.access]
    if old not in blueprint.access:
        lines.append(kept)
    return replace(blueprint, access=tuple(access for access in lines if access.grants))


def _protection(blueprint: Blueprint, edit: Protect | Unprotect) -> Blueprint:
    protection = Protection(edit.part, edit.name)
    if isinstance(edit, Unprotect):
        if protection not in blueprint.protections:
            message = "This part is not protected."
            raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
        return replace(blueprint, protections=tuple(item for item in blueprint.protections if item != protection))
    if edit.part is Part.PAGE:
        known = edit.name in {page.title for page in blueprint.pages}
    elif edit.part is Part.CUSTOM:
        known = edit.name in {place.key for place in places(blueprint)}
    elif edit.part is Part.ROLES:
        known = not edit.name
    else:
        known = edit.name in {entity.name for entity in blueprint.entities}
    if not known:
        message = f"There is no “{edit.name}” that could be protected."
        raise EditRefused(message, action="Reload the page; somebody may have changed the app.")
    if protection in blueprint.protections:
        return blueprint
    return replace(blueprint, protections=(*blueprint.protections, protection))
