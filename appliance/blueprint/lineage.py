"""What is the same thing in every version, under whatever name: each entity, field, option and role has a uid.

A uid is given once, at the version that brought the thing, and follows every rename. So an undo knows which field of
today is which field of then, and an archive entry finds its way back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Rename, Renamed
from appliance.blueprint.edit import things
from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    from appliance.blueprint.changes import Changes, Thing
    from appliance.blueprint.model import Blueprint

FORMAT: Final = 1


class LineageDamaged(IntramuralError):  # noqa: N818
    """The file that tells what is the same thing in every version cannot be read."""

    code = "lineage_damaged"


@dataclass(frozen=True)
class Lineage:
    """The uid of each thing of one version."""

    uids: Mapping[Thing, str]

    def uid(self, kind: Renamed, within: str, name: str) -> str:
        """The uid of a thing of this version."""
        return self.uids[kind, within, name]

    def named(self, uid: str) -> Thing | None:
        """The thing that has this uid in this version."""
        return next((thing for thing, found in self.uids.items() if found == uid), None)


def first(blueprint: Blueprint) -> Lineage:
    """The uids of a first version, or of one of which nothing else is known: the names themselves."""
    return Lineage({thing: _uid(thing, "") for thing in things(blueprint)})


def follow(lineage: Lineage, changes: Changes, number: int) -> Lineage:
    """The uids of version ``number``, which ``changes`` made of the one with ``lineage``."""
    known = changes.identities
    before: dict[Thing, Thing] = {}
    for old, new in known.entities:
        before[Renamed.ENTITY, "", new] = Renamed.ENTITY, "", old
    for old, new in known.roles:
        before[Renamed.ROLE, "", new] = Renamed.ROLE, "", old
    for pair in known.fields:
        (was_in, was), (is_in, name) = pair
        before[Renamed.FIELD, is_in, name] = Renamed.FIELD, was_in, was
    for pair in known.options:
        (was_in, was_of, was), (is_in, of, name) = pair
        before[Renamed.OPTION, f"{is_in}.{of}", name] = Renamed.OPTION, f"{was_in}.{was_of}", was
    found: dict[Thing, str] = {}
    for thing in things(changes.after):
        old_thing = before.get(thing)
        known_uid = None if old_thing is None else lineage.uids.get(old_thing)
        found[thing] = known_uid or _uid(thing, f"@{number}")
    return Lineage(found)


def _uid(thing: Thing, when: str) -> str:
    kind, within, name = thing
    return f"{kind.value} {within}.{name}{when}" if within else f"{kind.value} {name}{when}"


def meant(now: Lineage, then: Lineage) -> tuple[tuple[Rename, ...], frozenset[Thing]]:
    """What leads from ``now`` to ``then``: the renames, and the things of ``then`` that ``now`` does not have."""
    by_uid = {uid: thing for thing, uid in now.uids.items()}
    renames: list[Rename] = []
    apart: set[Thing] = set()
    for thing, uid in then.uids.items():
        kind, within, name = thing
        was = by_uid.get(uid)
        if was is None:
            apart.add(thing)
        elif was[2] != name:
            renames.append(Rename(kind, within, was[2], name))
    return tuple(renames), frozenset(apart)


def to_text(lineage: Lineage) -> str:
    """The lineage as a file: JSON, the same bytes for the same uids."""
    listed = sorted([kind.value, within, name, uid] for (kind, within, name), uid in lineage.uids.items())
    return json.dumps({"format": FORMAT, "uids": listed}, ensure_ascii=False, indent=0) + "\n"


def from_text(text: str) -> Lineage:
    """Read :func:`to_text`.

    Raises:
        LineageDamaged: it is not of this format.
    """
    try:
        data = json.loads(text)
        listed: list[list[str]] = data["uids"] if data["format"] == FORMAT else _unknown(data["format"])
        return Lineage({(Renamed(kind), within, name): uid for kind, within, name, uid in listed})
    except (KeyError, TypeError, ValueError) as error:
        message = "It is not known which fields of this version are which of the one before."
        raise LineageDamaged(message, cause=repr(error), action="Restore the app from a backup.") from error


def _unknown(found: object) -> list[list[str]]:
    message = f"format {found}"
    raise ValueError(message)
