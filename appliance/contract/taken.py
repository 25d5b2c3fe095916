"""One operation on records as shapes: what is sent with it, what it answers, and how that is wrapped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.contract.binding import Does, Note, Wrap
from appliance.contract.description import Place
from appliance.contract.listing import rows_of
from appliance.contract.resources import success
from appliance.contract.shapes import Group, Leaf, Many, Member, Value
from appliance.contract.typed import Left, Unsayable, shape_of
from appliance.contract.words import plain

if TYPE_CHECKING:
    from appliance.contract.description import Operation, Response
    from appliance.contract.resources import Resource

_STATUS: Final = {
    Does.LIST: (200,),
    Does.READ: (200,),
    Does.CREATE: (201, 200),
    Does.REPLACE: (200, 204),
    Does.UPDATE: (200, 204),
    Does.DELETE: (204, 200),
}
_ENVELOPES: Final = frozenset({"data", "result", "item", "record", "payload"})


@dataclass(frozen=True)
class Taken:
    """An operation whose answer and body are known. ``answer`` is one record, also of a list."""

    does: Does
    operation: Operation
    resource: Resource
    status: int
    media: str = "application/json"
    answer: Group | None = None
    envelope: str = ""
    wrap: Wrap | None = None
    body: Group | None = None
    left: tuple[str, ...] = ()
    said: tuple[tuple[str, str], ...] = ()
    entity: str = ""

    @property
    def component(self) -> str:
        """The name of the schema of the record."""
        return self.answer.component if self.answer is not None else ""

    @property
    def key_value(self) -> Value | None:
        """What is said of the parameter that names the item."""
        for parameter in self.operation.parameters:
            if parameter.place is Place.PATH and parameter.name == self.resource.key:
                try:
                    kind = shape_of(parameter.schema, [])
                except Unsayable:
                    return None
                return kind if isinstance(kind, Value) else None
        return None


def taken_of(does: Does, operation: Operation, resource: Resource, notes: list[Note]) -> Taken:
    """What an operation shows and takes.

    Raises:
        Unsayable: it cannot be served as that.
    """
    status, response = success(operation, *_STATUS[does])
    left: list[Left] = []
    made = _answered(Taken(does, operation, resource, status), response, left)
    around = {"[]", made.envelope, *(made.wrap.rows if made.wrap is not None else ())}
    for item in left:
        inside = tuple(part for part in item.path if part not in around)
        notes.append(note_of(operation, "answer", made.answer, inside, item.why))
    if does not in (Does.CREATE, Does.REPLACE, Does.UPDATE):
        return made
    if operation.body is None:
        raise Unsayable("nothing is sent with it")
    left = []
    kind = shape_of(operation.body, left)
    if not isinstance(kind, Group):
        raise Unsayable("what is sent with it is no object")
    notes += [note_of(operation, "body", kind, item.path, item.why) for item in left]
    lost = tuple(item.path[0] for item in left if len(item.path) == 1 and kind.member(item.path[0]) is None)
    return replace(made, body=without(kind, read_only=True), left=lost)


def note_of(operation: Operation, part: str, group: Group | None, path: tuple[str, ...], why: str) -> Note:
    """What is left out, by the name of the schema if it has one: it is the same in every operation."""
    named = group.component if group is not None else ""
    where = ".".join([named, *path]) if named else f"{operation.called} {part} {'.'.join(path)}"
    return Note(where.strip(), f"left out: {why}")


def _answered(made: Taken, response: Response | None, left: list[Left]) -> Taken:
    if response is None or response.schema is None:
        if response is not None and response.media:
            raise Unsayable(f"it answers {response.media}, and only JSON is written")
        if made.does in (Does.LIST, Does.READ):
            raise Unsayable("nothing says what it answers")
        return made
    kind = shape_of(response.schema, left)
    made = replace(made, media=response.media)
    if made.does is Does.LIST:
        row, wrap = rows_of(kind)
        return replace(made, answer=without(row, read_only=False), wrap=wrap)
    if not isinstance(kind, Group):
        raise Unsayable("what it answers is no object")
    envelope = _envelope(kind)
    if envelope is not None and isinstance(envelope.kind, Group):
        return replace(made, answer=without(envelope.kind, read_only=False), envelope=envelope.name)
    return replace(made, answer=without(kind, read_only=False))


def acknowledging(every: list[Taken]) -> list[Taken]:
    """The operations of one collection, each with what only says that it was done apart from what is of the record."""
    shown = [one.answer for one in every if one.does in (Does.READ, Does.LIST) and one.answer is not None]
    shown = shown or [one.body for one in every if one.body is not None]
    names = {member.name for group in shown for member in group.members}
    made: list[Taken] = []
    for one in every:
        said: dict[str, str] = {}
        if one.does not in (Does.READ, Does.LIST) and one.answer is not None and names:
            for member in one.answer.members:
                what = _said(member)
                if what and member.name not in names:
                    said[member.name] = what
        if said and one.answer is not None:
            kept = pruned(one.answer, {(name,) for name in said})
            one = replace(one, answer=kept, said=tuple(said.items()))  # noqa: PLW2901 - the same operation, told apart
        made.append(one)
    return made


def _said(member: Member) -> str:
    name, kind = plain(member.name), member.kind
    if not isinstance(kind, Value) or kind.options:
        return ""
    if kind.leaf is Leaf.BOOLEAN:
        return "yes" if name in ("success", "ok", "deleted", "created", "updated", "done") else ""
    return "message" if kind.free and kind.longest is None and name in ("message", "detail", "info", "status") else ""


def _envelope(group: Group) -> Member | None:
    """The one object that an answer puts around the record."""
    inner = [member for member in group.members if isinstance(member.kind, Group)]
    others = [member for member in group.members if member not in inner and member.required]
    if len(inner) != 1 or others or not isinstance(inner[0].kind, Group):
        return None
    named = plain(inner[0].name) in _ENVELOPES or (
        len(group.members) == 1 and plain(inner[0].name) == plain(inner[0].kind.component)
    )
    return inner[0] if named else None


def without(group: Group, *, read_only: bool) -> Group:
    """An object without what is only shown (``read_only``), or without what is only sent."""
    members = []
    for member in group.members:
        if (member.read_only and read_only) or (member.write_only and not read_only):
            continue
        kind = member.kind
        if isinstance(kind, Group):
            inner = without(kind, read_only=read_only)
            if not inner.members:
                continue
            members.append(msgspec.structs.replace(member, kind=inner))
        elif isinstance(kind, Many) and isinstance(kind.of, Group):
            inner = without(kind.of, read_only=read_only)
            members.append(msgspec.structs.replace(member, kind=msgspec.structs.replace(kind, of=inner)))
        else:
            members.append(member)
    return msgspec.structs.replace(group, members=tuple(members))


def pruned(group: Group, lost: set[tuple[str, ...]], path: tuple[str, ...] = ()) -> Group:
    """An object without the properties at ``lost``."""
    members = []
    for member in group.members:
        here = (*path, member.name)
        if here in lost:
            continue
        if isinstance(member.kind, Group):
            inner = pruned(member.kind, lost, here)
            if not inner.members:
                continue
            member = msgspec.structs.replace(member, kind=inner)  # noqa: PLW2901 - the same member, smaller
        members.append(member)
    return msgspec.structs.replace(group, members=tuple(members))
