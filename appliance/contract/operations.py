"""One operation on records, bound."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from appliance.contract.binding import Bound, Does, Note
from appliance.contract.description import Place
from appliance.contract.faults import faults_of
from appliance.contract.listing import asked_of
from appliance.contract.taken import pruned
from appliance.contract.typed import Unsayable

if TYPE_CHECKING:
    from appliance.contract.binding import Asked, Parent
    from appliance.contract.description import Operation
    from appliance.contract.records import Record
    from appliance.contract.taken import Taken


def bound(
    one: Taken, record: Record, parents: tuple[Parent, ...], lost: set[tuple[str, ...]], notes: list[Note]
) -> Bound:
    """The operation as the app serves it. ``lost``: properties of its body that are not kept.

    Raises:
        Unsayable: a parameter that must be sent has no meaning.
    """
    operation = one.operation
    slots = {slot.path: slot for slot in record.slots}
    named = {one.resource.key, *(parent.parameter for parent in parents)}
    asked: list[Asked] = []
    for parameter in operation.parameters:
        if parameter.place is Place.PATH:
            if parameter.name not in named:
                raise Unsayable(f"nothing says what “{parameter.name}” in its path narrows")
            continue
        found = asked_of(parameter, slots, is_list=one.does is Does.LIST)
        if found is None:
            continue
        asked.append(found)
        if found.why:
            text = (
                f"has no effect, and in a query is refused: {found.why}" if found.place == "query" else "has no effect"
            )
            notes.append(Note(f"{operation.called} parameter {found.name}", text))
    body = None if one.body is None else pruned(one.body, lost)
    return Bound(
        operation.id,
        operation.method,
        operation.path,
        one.does,
        summary=operation.summary or _first_line(operation.description),
        entity=record.name,
        status=one.status,
        media=one.media,
        body=body,
        body_required=operation.body_required,
        left=tuple(dict.fromkeys([*one.left, *(path[0] for path in lost if len(path) == 1)])),
        answer=one.answer,
        envelope=one.envelope,
        said=one.said,
        wrap=one.wrap,
        key=one.resource.key if one.does not in (Does.LIST, Does.CREATE) else "",
        parents=parents,
        asked=tuple(asked),
        faults=faults_of(operation, notes),
        schemas=schemas_of(operation),
    )


def schemas_of(operation: Operation) -> dict[str, Any]:
    """The schemas of its answers, by status, without the names of components."""
    return {item.status: _bare(item.schema) for item in operation.responses if item.schema is not None}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        dropped = ("x-component", "examples", "description", "title")
        inside = {key: item for key, item in value.items() if key not in dropped or isinstance(item, dict)}
        return {key: _bare(item) for key, item in inside.items()}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _first_line(text: str) -> str:
    return text.strip().split("\n", 1)[0][:160]
