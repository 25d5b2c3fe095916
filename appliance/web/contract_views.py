"""What a contract would become, in words for its pages and for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.blueprint.printer import type_text
from appliance.contract.binding import Does, Source

if TYPE_CHECKING:
    from appliance.contract.binding import Binding, Bound, Slot
    from appliance.contract.compose import Proposal

_DEEDS: Final = {
    Does.LIST: "Lists",
    Does.READ: "Shows one",
    Does.CREATE: "Adds one",
    Does.REPLACE: "Replaces one",
    Does.UPDATE: "Changes one",
    Does.DELETE: "Deletes one",
    Does.FUNCTION: "Computes",
}
_GIVEN: Final = {
    Source.ID: "the record’s own number",
    Source.CREATED: "when it was added",
    Source.UPDATED: "when it was changed",
    Source.VERSION: "how often it was changed",
}


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation for the page. ``deed`` is empty for one that is not served; ``detail`` then says why."""

    method: str
    path: str
    deed: str
    entity: str
    detail: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One property for the page: its name in JSON, what it becomes, of what kind, and what else is known."""

    name: str
    field: str
    kind: str
    detail: str


def operation_rows(binding: Binding) -> list[OperationRow]:
    """Every operation."""
    return [
        OperationRow(one.method, binding.base + one.path, _DEEDS.get(one.does, ""), one.entity, _detail(one))
        for one in binding.operations
    ]


def _detail(one: Bound) -> str:
    if one.does not in _DEEDS:
        return one.why
    if one.does is Does.FUNCTION:
        results = ", ".join(result.name for result in one.results)
        return f"{results}: the model writes it from the contract’s words; until then it answers 501"
    narrowing = [asked.name for asked in one.asked if asked.filters]
    parts = [one.summary] if one.summary else []
    if narrowing:
        parts.append(f"narrowed by {', '.join(narrowing)}")
    parts += [f"below one {parent.entity or parent.parameter}" for parent in one.parents]
    return " · ".join(parts)


def shown_fields(proposal: Proposal) -> dict[str, list[FieldRow]]:
    """The properties of each kind of record, and the fields that no property shows."""
    found: dict[str, list[FieldRow]] = {}
    for kept in proposal.binding.kept:
        entity = proposal.blueprint.entity(kept.entity)
        rows = [_row(slot, proposal) for slot in kept.slots if slot.source is not Source.RELATED]
        rows += [
            FieldRow(slot.name, "", f"list of {slot.entity}", "those that refer to it")
            for slot in kept.slots
            if slot.source is Source.RELATED
        ]
        shown = {slot.field for slot in kept.slots if slot.source is not Source.RELATED}
        rows += [
            FieldRow("", item.name, type_text(item.type), "from the path")
            for item in entity.fields
            if item.name not in shown
        ]
        found[kept.entity] = rows
    return found


def _row(slot: Slot, proposal: Proposal) -> FieldRow:
    if slot.source in _GIVEN:
        return FieldRow(slot.name, "", "given by the app", _GIVEN[slot.source])
    entity = next(kept.entity for kept in proposal.binding.kept if slot in kept.slots)
    item = proposal.blueprint.entity(entity).field(slot.field)
    if item is None:
        return FieldRow(slot.name, slot.field, "", "")
    marks = [word for word, holds in (("required", item.required), ("unique", item.unique)) if holds]
    return FieldRow(slot.name, slot.field, type_text(item.type), ", ".join(marks))


def binding_json(proposal: Proposal) -> dict[str, Any]:
    """What a contract would become, for programs."""
    binding = proposal.binding
    return {
        "name": proposal.blueprint.name,
        "base": binding.base,
        "entities": [entity.name for entity in proposal.blueprint.entities],
        "operations": [
            {"operation": one.called, "does": one.does.value, "entity": one.entity, "why": one.why}
            for one in binding.operations
        ],
        "left_out": [{"where": note.where, "text": note.text} for note in binding.notes],
    }
