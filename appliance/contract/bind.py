"""From a description to what each operation becomes: records first, then the operations that show and take them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.blueprint.model import MAX_ENTITIES
from appliance.blueprint.naming import slug
from appliance.contract.binding import Binding, Bound, Does, Note, Source
from appliance.contract.faults import faults_of
from appliance.contract.functions import MAX_FUNCTIONS, function_of
from appliance.contract.operations import bound, schemas_of
from appliance.contract.properties import Flattening, Table
from appliance.contract.records import Record, fill, identify
from appliance.contract.references import Parents, add_parents, add_related, referred_by
from appliance.contract.resources import Resource, is_plain_path, resources
from appliance.contract.shapes import Group
from appliance.contract.taken import Taken, acknowledging, note_of, pruned, taken_of
from appliance.contract.typed import Left, Unsayable
from appliance.contract.words import entity_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.contract.description import Description, Operation

TAKEN_PATHS: Final = ("pages", "static", "-", ".intramural", "healthz", "kiosk", "api")
FALLBACK: Final = "/api"
_ORDER: Final = (Does.READ, Does.LIST, Does.CREATE, Does.REPLACE, Does.UPDATE, Does.DELETE)


@dataclass
class _Work:
    """What is made on the way; the order of steps is that of :func:`bind`."""

    description: Description
    notes: list[Note] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    """By operation: why it is not served."""
    components: dict[str, str] = field(default_factory=dict)
    """The entity by the name of its schema."""
    lost: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    """By operation: the properties of its body that are not kept."""


def bind(description: Description) -> tuple[Binding, tuple[Record, ...]]:
    """Bind every operation; nothing is dropped without a note."""
    work = _Work(description)
    found, rest = resources(description.operations)
    owners = _name_records(work, found)
    _gather(work)
    _make_fields(work)
    add_related(work.records, work.notes)
    parents = add_parents(work.records, owners, [one.resource for one in work.taken], work.notes)
    made = [_bound(work, one, parents) for one in work.taken]
    made += [_left_over(work, operation) for operation in rest]
    made = _few_functions(made)
    order = {operation.called: number for number, operation in enumerate(description.operations)}
    by_name = {one.called: one for one in made}
    for operation in description.operations:
        by_name.setdefault(operation.called, _refusal(operation, work.refused.get(operation.called, "")))
    operations = tuple(sorted(by_name.values(), key=lambda one: order[one.called]))
    used = {one.entity for one in operations if one.entity}
    kept = tuple(record for record in work.records.values() if record.name in used or _is_referred(work, record, used))
    return _finished(work, operations, kept), kept


def _name_records(work: _Work, found: list[Resource]) -> dict[str, str]:
    """Which entity each collection holds, by its path."""
    owners: dict[str, str] = {}
    for resource in found:
        taken: list[Taken] = []
        for does in _ORDER:
            operation = resource.operations.get(does)
            if operation is None:
                continue
            try:
                taken.append(taken_of(does, operation, resource, work.notes))
            except Unsayable as error:
                work.refused[operation.called] = str(error)
        taken = acknowledging(taken)
        component = _usual(one.component for one in taken if one.component)
        shared = work.components.get(component) if component and resource.above else None
        if shared is None and not any(one.answer or one.body for one in taken):
            for one in taken:
                work.refused[one.operation.called] = "nothing says what such a record holds"
            continue
        if shared is None and len(work.records) >= MAX_ENTITIES:
            for one in taken:
                work.refused[one.operation.called] = f"an app keeps at most {MAX_ENTITIES} kinds of records"
            continue
        if shared is None:
            name = entity_name(component, resource.path, work.records, TAKEN_PATHS)
            work.records[name] = Record(name, resource.key, Table())
            for one in taken:
                if one.component and one.component not in work.components:
                    work.components[one.component] = name
            shared = name
        owners[resource.path] = shared
        work.taken += [replace(one, entity=shared) for one in taken]
    return owners


def _usual(components: Iterable[str]) -> str:
    """The name that most operations use for the record, and of several the shortest."""
    counted = Counter(components)
    return min(counted, key=lambda name: (-counted[name], len(name)), default="")


def _gather(work: _Work) -> None:
    """All properties of each kind of record; an operation that contradicts the others is refused."""
    kept: list[Taken] = []
    for one in work.taken:
        left: list[Left] = []
        table = work.records[one.entity].table
        try:
            met = Flattening(work.components, left).flat(one.answer) if one.answer is not None else []
            table.check(met)
        except Unsayable as error:
            work.refused[one.operation.called] = str(error)
            continue
        table.add_answer(met)
        work.notes += [note_of(one.operation, "answer", one.answer, item.path, item.why) for item in left]
        shown = None if one.answer is None else pruned(one.answer, {item.path for item in left})
        kept.append(replace(one, answer=shown))
    work.taken = [one for one in kept if one.body is None or _gather_body(work, one)]


def _gather_body(work: _Work, one: Taken) -> bool:
    """What a request takes; False: it contradicts the answers, or must hold what cannot be kept."""
    table = work.records[one.entity].table
    left: list[Left] = []
    try:
        met = Flattening(work.components, left, table.records_inside).flat(one.body or Group(()))
        table.check_body(met)
    except Unsayable as error:
        work.refused[one.operation.called] = str(error)
        return False
    table.add_body([item for item in met if not item.related], create=one.does is Does.CREATE)
    left += [Left(item.path, "a list of records is read, not sent") for item in met if item.related]
    work.notes += [note_of(one.operation, "body", one.body, item.path, item.why) for item in left]
    work.lost[one.operation.called] = {item.path for item in left}
    return True


def _make_fields(work: _Work) -> None:
    """Fields of all entities; one that cannot be made takes its operations with it."""
    for record in list(work.records.values()):
        try:
            identify(record, next((one.key_value for one in work.taken if one.entity == record.name), None))
        except Unsayable as error:
            _drop(work, record, str(error))
    for record in list(work.records.values()):
        try:
            fill(record, partial(referred_by, record=record, records=work.records))
        except Unsayable as error:
            _drop(work, record, str(error))
    for record in work.records.values():
        work.notes += [Note(f"{record.name}.{where}", text) for where, text in record.notes]


def _drop(work: _Work, record: Record, why: str) -> None:
    del work.records[record.name]
    for one in work.taken:
        if one.entity == record.name:
            work.refused[one.operation.called] = why
    work.taken = [one for one in work.taken if one.entity != record.name]
    for other in work.records.values():
        lost = [slot for slot in other.slots if slot.entity == record.name]
        other.slots = [slot for slot in other.slots if slot not in lost]
        other.fields = [item for item in other.fields if item.name not in {slot.field for slot in lost}]


def _bound(work: _Work, one: Taken, parents: dict[str, Parents | str]) -> Bound:
    record = work.records.get(one.entity)
    if record is None:
        return _refusal(one.operation, work.refused.get(one.operation.called, ""))
    found = parents[one.resource.path]
    if isinstance(found, str):
        return _refusal(one.operation, found)
    if one.does is Does.CREATE:
        given = {parent.field for parent in found}
        unknown = [name for item, name in record.unknown.items() if item not in given]
        if unknown:
            return _refusal(one.operation, f"“{unknown[0]}” is always shown, and nothing says what it is at first")
    try:
        return bound(one, record, found, work.lost.get(one.operation.called, set()), work.notes)
    except Unsayable as error:
        return _refusal(one.operation, str(error))


def _left_over(work: _Work, operation: Operation) -> Bound:
    """What is neither a list nor a record: a function, if what goes in and comes out is said."""
    if operation.foreign:
        return _refusal(operation, f"it takes {operation.foreign}, and only JSON is read")
    if not is_plain_path(operation.path):
        return _refusal(operation, "a parameter of its path is part of a word, so it is not there at all")
    try:
        return function_of(operation, work.components)
    except Unsayable as error:
        return _refusal(operation, str(error))


def _few_functions(made: list[Bound]) -> list[Bound]:
    found: list[Bound] = []
    for one in made:
        functions = sum(other.does is Does.FUNCTION for other in found)
        if one.does is Does.FUNCTION and functions == MAX_FUNCTIONS:
            why = f"an app has at most {MAX_FUNCTIONS} operations that compute"
            found.append(msgspec.structs.replace(one, does=Does.REFUSED, why=why))
        else:
            found.append(one)
    return found


def _refusal(operation: Operation, why: str) -> Bound:
    return Bound(
        operation.id,
        operation.method,
        operation.path,
        Does.REFUSED,
        summary=operation.summary,
        why=why or "it does something else than to list, show, add, change or delete records",
        faults=faults_of(operation, []),
        schemas=schemas_of(operation),
    )


def _is_referred(work: _Work, record: Record, used: set[str]) -> bool:
    return any(
        slot.entity == record.name and slot.source in (Source.REF, Source.EMBEDDED, Source.RELATED)
        for other in work.records.values()
        if other.name in used
        for slot in other.slots
    )


def _finished(work: _Work, operations: tuple[Bound, ...], kept: tuple[Record, ...]) -> Binding:
    description = work.description
    notes = [Note("", text) for text in description.notes]
    notes += [Note(one.called, f"not served: {one.why}") for one in operations if one.does is Does.REFUSED]
    notes += work.notes
    notes += [Note(f"components.{name}", "left out: no operation uses it") for name in description.unused]
    base = description.base
    first = {one.path.strip("/").split("/")[0] for one in operations}
    own = {*TAKEN_PATHS, "", *(slug(record.name) for record in kept)} - {FALLBACK.strip("/")}
    clash = sorted(name for name in first if name in own or "{" in name) if not base else []
    if base and base.strip("/").split("/")[0] in own:
        clash = [base]
    if clash:
        notes.append(Note("servers", f"the API is below {FALLBACK}: the app's own pages are at {clash[0]} already"))
        base = FALLBACK
    return Binding(
        description.title,
        description.version,
        description.digest,
        base,
        operations,
        tuple(record.kept for record in kept),
        tuple(dict.fromkeys(notes)),
    )
