"""Reading who may do what: access lines of entities and of single fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.errors import closest
from appliance.blueprint.model import Access, FieldAccess, Grant, Permission, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity

_VERB_WORDS: Final = ("all", *(verb.value for verb in Verb))
_OF_FIELDS: Final = (Verb.READ, Verb.EDIT)


def read_access(cursor: Cursor, entities: Sequence[Entity], roles: Sequence[str]) -> Access | FieldAccess:
    """``Item: Lab Manager all; Borrower read``, or for one field ``Loan.deposit: Lab Manager read, edit``.

    Raises:
        BlueprintError: an unknown entity, field or role, a role named twice, or a verb that fields do not have.
    """
    names = {item.name for item in entities}
    fields = {f"{item.name}.{field.name}": (item.name, field.name) for item in entities for field in item.fields}
    first = cursor.peek()
    text, _ = cursor.name("an entity", until=(":",), allowed=lambda _: True)
    if text not in names and text not in fields:
        entity, _, field = text.rpartition(".")
        if entity in names:
            known = [name for owner, name in fields.values() if owner == entity]
            cursor.fail(f"{entity!r} has no field {field!r}", closest(field, known), first)
        cursor.fail(f"there is no entity {text!r}", closest(text, [item.name for item in entities]), first)
    cursor.expect(":")
    grants: list[Grant] = []
    while True:
        token = cursor.peek()
        grant = read_grant(cursor, roles)
        if any(grant.role == other.role for other in grants):
            cursor.fail(f"{grant.role!r} is named twice", "Remove one.", token)
        if text not in names and any(item.verb not in _OF_FIELDS for item in grant.permissions):
            cursor.fail("a field can only be read and edited", "Write read, or read, edit.", token)
        grants.append(grant)
        if not cursor.accept(";"):
            break
    cursor.end()
    return Access(text, tuple(grants)) if text in names else FieldAccess(*fields[text], tuple(grants))


def read_grant(cursor: Cursor, roles: Sequence[str]) -> Grant:
    """``Borrower create, read own``: a role and its verbs.

    Raises:
        BlueprintError: an unknown role or verb, a verb named twice, or ``own`` where it has no meaning.
    """
    role = cursor.known("role", roles, until=(*_VERB_WORDS, ";"))
    permissions: list[Permission] = []
    while True:
        token = cursor.take()
        if token.text not in _VERB_WORDS:
            cursor.fail(f"{token.text!r} is not something a role may do", closest(token.text, _VERB_WORDS), token)
        own = cursor.accept("own")
        if own and token.text == "create":
            cursor.fail("'create own' says nothing more than 'create'", "Write create.", token)
        for verb in Verb if token.text == "all" else (Verb(token.text),):
            if any(verb is other.verb for other in permissions):
                cursor.fail(f"{verb.value!r} is named twice", "Remove one.", token)
            permissions.append(Permission(verb, own and verb is not Verb.CREATE))
        if not cursor.accept(","):
            break
    return Grant(role, tuple(sorted(permissions, key=lambda item: list(Verb).index(item.verb))))
