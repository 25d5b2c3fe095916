"""How kinds of records lead to each other: by ids, by paths below an item, and back as lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import MAX_FIELDS, Field, Ref, Scalar
from appliance.blueprint.naming import words
from appliance.contract.binding import Does, Note, Parent, Slot, Source
from appliance.contract.shapes import Leaf, Value
from appliance.contract.words import field_name, plain, singular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from appliance.contract.properties import Property
    from appliance.contract.records import Record
    from appliance.contract.resources import Resource

_LEADING: Final = (Source.REF, Source.EMBEDDED)
Parents = tuple[Parent, ...]


def referred_by(prop: Property, record: Record, records: Mapping[str, Record]) -> str:
    """The entity whose id a property holds, by its name: ``itemId``, ``item_id``; empty if it holds none."""
    value = prop.value
    parts = words(prop.path[-1])
    if value is None or len(parts) < 2 or parts[-1] != "id" or value.options or value.pattern:
        return ""
    if value.leaf not in (Leaf.INTEGER, Leaf.TEXT, Leaf.UUID):
        return ""
    base = parts[:-1]
    if base == ["parent"]:
        return record.name if _leads(value, record) else ""
    found = [other for other in records.values() if words(other.name) == base]
    found = found or [other for other in records.values() if words(other.name)[-1] == base[-1]]
    return found[0].name if len(found) == 1 and _leads(value, found[0]) else ""


def _leads(value: Value, target: Record) -> bool:
    if target.key_field:
        return False
    if value.leaf is Leaf.TEXT:
        return value.longest is None or value.longest >= 36
    return value.leaf is target.leaf


def add_related(records: Mapping[str, Record], notes: list[Note]) -> None:
    """Lists of records that lead here."""
    for record in records.values():
        for path, prop in record.table.properties.items():
            if not prop.first.related:
                continue
            other = records.get(prop.first.entity)
            back = (
                None
                if other is None
                else next(
                    (slot for slot in other.slots if slot.source in _LEADING and slot.entity == record.name), None
                )
            )
            slot = Slot(path, Source.RELATED, field="" if back is None else back.field, entity=prop.first.entity)
            record.slots.append(slot)
            if back is None:
                text = f"always empty: no property of {prop.first.entity} says to which {record.name} it belongs"
                notes.append(Note(f"{record.name}.{'.'.join(path)}", text))


def add_parents(
    records: Mapping[str, Record], owners: Mapping[str, str], resources: Iterable[Resource], notes: list[Note]
) -> dict[str, Parents | str]:
    """What the parameters before the last part of a path narrow, by collection; a text where that cannot be kept."""
    everything = {resource.path: resource for resource in resources}
    found: dict[str, Parents | str] = {}
    for path, resource in everything.items():
        above = resource.above
        levels = [owners.get(collection, "") for _, collection in above]
        chain: list[Parent] = []
        for number, (parameter, _) in enumerate(above):
            below = next((name for name in levels[number + 1 :] if name in records), owners[path])
            record, target = records.get(below), levels[number]
            if record is None:
                break
            made = _parent(record, parameter, target if target in records else "", everything, owners)
            if made is None:
                found[path] = f"a record has at most {MAX_FIELDS} fields"
                break
            parent, added = made
            chain.append(parent)
            if added:
                what = f"a field “{parent.field}” is added: the path says which {target or parameter} it belongs to"
                notes.append(Note(below, what))
        found.setdefault(path, tuple(chain))
    return found


def _parent(
    record: Record, parameter: str, target: str, resources: Mapping[str, Resource], owners: Mapping[str, str]
) -> tuple[Parent, bool] | None:
    if target:
        leading = [slot for slot in record.slots if slot.source in _LEADING and slot.entity == target]
        known = next((slot.field for slot in leading), "") or next(
            (
                item.name
                for item in record.fields
                if item.type == Ref(target) and item.name == field_name((target,), ())
            ),
            "",
        )
        if known:
            return Parent(parameter, known, target), False
    else:
        names = {plain(parameter), plain(singular(parameter))}
        same = next((slot for slot in record.slots if slot.value is not None and plain(slot.name) in names), None)
        if same is not None and same.source is Source.FIELD:
            return Parent(parameter, same.field, value=same.value), False
    if len(record.fields) >= MAX_FIELDS:
        return None
    name = field_name((target or parameter,), [item.name for item in record.fields])
    elsewhere = any(
        Does.CREATE in resource.operations and all(parameter != one for one, _ in resource.above)
        for path, resource in resources.items()
        if owners.get(path) == record.name
    )
    kind = Ref(target) if target else Scalar.TEXT
    record.fields.append(Field(name, kind, required=not elsewhere))
    return Parent(parameter, name, target), True
