"""What the planner added without being asked for, as far as it is still in the app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from appliance.db.records import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.blueprint.model import Blueprint
    from appliance.db.records import Build
    from appliance.studio.events import EventStream


@dataclass(frozen=True, slots=True)
class Assumed:
    """A record that was added (``fields`` is empty), or fields that were added to one."""

    entity: str
    fields: tuple[str, ...] = ()


def assumed(builds: Iterable[Build], events: EventStream, blueprint: Blueprint) -> tuple[Assumed, ...]:
    """What the newest planned build assumed, by record, without what is gone or renamed since."""
    planned = [build for build in builds if build.origin is Origin.PROMPT and build.version is not None]
    if not planned:
        return ()
    names = [
        str(name)
        for event in events.after(planned[-1].id, 0)
        if event.type == "plan.assumed"
        for name in event.data["names"]
    ]
    here = {entity.name: {field.name for field in entity.fields} for entity in blueprint.entities}
    records = [Assumed(name) for name in names if name in here]
    whole = {item.entity for item in records}
    fields: dict[str, list[str]] = {}
    for name in names:
        entity, _, field = name.rpartition(".")
        if entity not in whole and field in here.get(entity, ()):
            fields.setdefault(entity, []).append(field)
    return (*records, *(Assumed(entity, tuple(found)) for entity, found in fields.items()))
