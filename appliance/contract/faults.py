"""How refusals look: as the contract says where it can be followed, otherwise as problem details (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.contract.binding import Fault, Note
from appliance.contract.shapes import Group, Leaf, Many, Value
from appliance.contract.typed import Unsayable, shape_of
from appliance.contract.words import plain

if TYPE_CHECKING:
    from appliance.contract.description import Operation
    from appliance.contract.shapes import Kind

PROBLEM: Final = "application/problem+json"
_TEXTS: Final = {
    "message": "message",
    "detail": "message",
    "details": "message",
    "description": "message",
    "error": "message",
    "reason": "message",
    "title": "title",
    "code": "code",
    "errorcode": "code",
    "type": "type",
    "kind": "code",
    "instance": "path",
    "path": "path",
    "timestamp": "now",
    "time": "now",
}


def faults_of(operation: Operation, notes: list[Note]) -> tuple[Fault, ...]:
    """The refusals that an operation declares."""
    found: list[Fault] = []
    for response in operation.responses:
        if response.status[0] not in "45d":
            continue
        if response.schema is None:
            found.append(Fault(response.status, ""))
            continue
        try:
            members = _members(_object(shape_of(response.schema, [])))
        except Unsayable as error:
            text = f"refusals are problem details (RFC 9457) instead: {error}"
            notes.append(Note(f"{operation.called} {response.status}", text))
            found.append(Fault(response.status, ""))
            continue
        found.append(Fault(response.status, response.media, tuple(members)))
    return tuple(found)


def _object(kind: Kind) -> Group:
    if not isinstance(kind, Group):
        raise Unsayable("it is no object")
    return kind


def _members(group: Group, path: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for member in group.members:
        name = f"{path}{member.name}"
        kind = member.kind
        if isinstance(kind, Group) and not path:
            found += _members(kind, f"{name}\n")
            continue
        what = _filled(plain(member.name), kind)
        if what:
            found.append((name, what))
        elif member.required:
            raise Unsayable(f"nothing says what “{name}” holds")
    return found


def _filled(name: str, kind: object) -> str:
    if isinstance(kind, Many):
        return _listed(name, kind)
    if not isinstance(kind, Value) or kind.options or kind.pattern:
        return ""
    if kind.leaf in (Leaf.INTEGER, Leaf.NUMBER):
        return "status" if name in ("status", "code", "statuscode", "httpstatus") else ""
    what = _TEXTS.get(name, "")
    if kind.leaf is Leaf.MOMENT:
        return what if what == "now" else ""
    if kind.leaf is Leaf.URI:
        return what if what in ("type", "path") else ""
    short = kind.longest is not None and kind.longest < 200
    return what if kind.leaf is Leaf.TEXT and not short and what != "now" else ""


def _listed(name: str, kind: Many) -> str:
    """A list of what is wrong, as texts or as objects with the field and what is wrong with it."""
    if name not in ("errors", "details", "violations", "invalidparams", "problems", "fields") or kind.fewest > 1:
        return ""
    if isinstance(kind.of, Value):
        return "errors" if kind.of.free and kind.of.leaf is Leaf.TEXT and kind.of.longest is None else ""
    if not isinstance(kind.of, Group):
        return ""
    pairs = []
    for member in kind.of.members:
        what = {"field": "field", "name": "field", "path": "field", "property": "field", "pointer": "pointer"}.get(
            plain(member.name), "message" if plain(member.name) in ("message", "reason", "detail", "error") else ""
        )
        if not what or not isinstance(member.kind, Value) or not member.kind.free:
            if member.required:
                return ""
            continue
        pairs.append(f"{member.name}={what}")
    return f"errors {' '.join(pairs)}" if pairs else ""
