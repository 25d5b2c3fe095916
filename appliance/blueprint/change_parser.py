"""Reading which parts are protected from the model, and what an edited text has renamed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import clauses
from appliance.blueprint.behaviour import Part, Protection, Rename, Renamed
from appliance.blueprint.errors import closest
from appliance.blueprint.model import Choice
from appliance.blueprint.words import is_field, is_noun, is_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from appliance.blueprint.cursor import Cursor
    from appliance.blueprint.model import Entity

_PARTS: Final = tuple(item.value for item in Part)
_RENAMED: Final = tuple(item.value for item in Renamed)
_USAGE: Final = {
    Renamed.ENTITY: "rename entity Lending to Loan",
    Renamed.FIELD: "rename field Loan.due to due_date",
    Renamed.ROLE: "rename role Member to Borrower",
    Renamed.OPTION: "rename option Loan.status open to lent",
}


def read_protection(
    cursor: Cursor, entities: Sequence[Entity], pages: Sequence[str], custom: Sequence[str]
) -> Protection:
    """``entity Loan``, ``access Loan``, ``page "Board"``, ``rules Loan``, ``actions Loan``, ``roles``.

    Raises:
        BlueprintError: an unknown part, entity or page.
    """
    token = cursor.take()
    if token.text not in _PARTS:
        cursor.fail(f"{token.text!r} cannot be protected", closest(token.text, _PARTS), token)
    part = Part(token.text)
    name = ""
    if part is Part.PAGE:
        here = cursor.peek()
        name = cursor.string("the page's title")
        if name not in pages:
            cursor.fail(f"there is no page {name!r}", closest(name, pages), here)
    elif part is Part.CUSTOM:
        here = cursor.peek()
        text = cursor.rest(cursor.take())
        if text not in custom:
            cursor.fail(f"there is no custom place {text!r}", closest(text, custom), here)
        name = text
    elif part is not Part.ROLES:
        name = clauses.read_entity(cursor, entities, until=()).name
    cursor.end()
    return Protection(part, name)


def read_rename(cursor: Cursor, entities: Sequence[Entity], roles: Sequence[str]) -> Rename:
    """``entity Lending to Loan``, ``field Loan.due to due_date``, ``role Member to Borrower``, ``option Loan.status
    open to lent``; the new names must exist.

    Raises:
        BlueprintError: an unknown part, or a new name that nothing has.
    """
    token = cursor.take()
    if token.text not in _RENAMED:
        cursor.fail(f"{token.text!r} cannot be renamed", closest(token.text, _RENAMED), token)
    kind = Renamed(token.text)
    first = cursor.take()
    rest = cursor.rest(first)
    for found in _readings(kind, rest, entities, roles):
        return found
    return cursor.fail(f"{rest!r} renames nothing that is here now", f"Write {_USAGE[kind]}.", first)


def _readings(kind: Renamed, rest: str, entities: Sequence[Entity], roles: Sequence[str]) -> Sequence[Rename]:
    """The ways to read it; names may contain spaces and the word ``to``."""
    match kind:
        case Renamed.ENTITY:
            return [Rename(kind, "", *pair) for pair in _pairs(rest, [item.name for item in entities], is_noun)]
        case Renamed.ROLE:
            return [Rename(kind, "", *pair) for pair in _pairs(rest, roles, is_noun)]
        case Renamed.FIELD:
            return [
                Rename(kind, entity.name, *pair)
                for entity in entities
                if rest.startswith(f"{entity.name}.")
                for pair in _pairs(rest[len(entity.name) + 1 :], [item.name for item in entity.fields], is_field)
            ]
        case Renamed.OPTION:
            return [
                Rename(kind, f"{entity.name}.{field.name}", *pair)
                for entity in entities
                for field in entity.fields
                if isinstance(field.type, Choice) and rest.startswith(f"{entity.name}.{field.name} ")
                for pair in _pairs(
                    rest[len(entity.name) + len(field.name) + 2 :],
                    field.type.options,
                    is_option,
                )
            ]


def _pairs(text: str, names: Sequence[str], allowed: Callable[[str], bool]) -> list[tuple[str, str]]:
    """``before to after`` with a known name after; the longest one first."""
    return [
        (text[: -len(name) - 4], name)
        for name in sorted(names, key=len, reverse=True)
        if text.endswith(f" to {name}") and allowed(text[: -len(name) - 4])
    ]
