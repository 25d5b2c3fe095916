"""Requests to work something out: a formula where the language can say it, else a function of its own.

Rules decide, so that what a maker asks for in these words is never lost: the name, the record, what goes in, what comes
out. The description of a function is the maker's own sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import MAX_DESCRIPTION, Custom
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import MAX_FIELDS, Blueprint, Entity, Field, Ref, Scalar
from appliance.blueprint.naming import identifier, plural
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.blueprint.words import is_field

if TYPE_CHECKING:
    from collections.abc import Iterator

_WISH: Final = re.compile(
    r"\b(?:compute|calculate|work out|derive|generate|make up)\s+(?:(?:a|an|the|its|their)\s+)?"
    r"(?P<name>[a-z][a-z _-]{1,40}?)"
    r"(?:\s+(?:of|for)\s+(?:each|every|a|an|the)?\s*(?P<record>[a-z][a-z ]{1,30}?))?"
    r"\s*(?:\bas\b|\bfrom\b|:)\s*(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z])|\n+")
_OPERATORS: Final = (
    (r"\bmultiplied by\b|\btimes\b", "*"),
    (r"\bdivided by\b", "/"),
    (r"\bplus\b", "+"),
    (r"\bminus\b", "-"),
)
_KINDS: Final = (
    (
        r"\b(fee|price|cost|total|penalty|amount|allowance|charge|fine|salary|budget|discount|gross|net|vat|tax|bonus)\b",
        "money",
    ),
    (r"\b(date|deadline|day of|expiry|end|start|due)\b", "date"),
    (r"\b(days|hours|count|score|points|age|percentage|ratio|weight|quantity|sum|level|priority points)\b", "number"),
)
_NOT_INPUTS: Final = (Scalar.PERSON, Scalar.FILE, Scalar.IMAGE)
MOST_INPUTS: Final = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something to work out: its name, the record (as written, or empty), and the sentence that says how."""

    name: str
    record: str
    what: str
    sentence: str = ""


def wanted_in(text: str) -> tuple[tuple[Wanted, ...], str]:
    """What a text asks to be worked out, and the rest of the text."""
    found, rest = [], []
    for sentence in _SENTENCES.split(text):
        match = _WISH.search(sentence)
        if match is None or len(match["what"].split()) < 2:
            rest.append(sentence)
            continue
        found.append(Wanted(match["name"].strip(), (match["record"] or "").strip(), match["what"].strip(), sentence))
        before = sentence[: match.start()].rstrip(" ,;:-")
        if len(before.split()) > 2:
            rest.append(re.sub(r"\s+and$", "", before))
    return tuple(found), " ".join(part for part in rest if part.strip())


def with_wanted(blueprint: Blueprint, wanted: Wanted) -> tuple[Blueprint, str]:
    """The blueprint with a computed or custom field; or unchanged, with the reason why not."""
    name = identifier(wanted.name).rstrip("_")
    if not is_field(name):
        return blueprint, f"Not done: working out “{wanted.name}”. Give it a name of letters."
    entity = _record(blueprint, wanted)
    if entity is None:
        return (
            blueprint,
            f"Not done: working out “{wanted.name}”. Name the fields of one kind of record that go into it.",
        )
    here = entity.field(name)
    if here is not None and here.computed is None and here.custom is None:
        return blueprint, f"Not done: working out “{wanted.name}”. {entity.name} has a field of that name already."
    if here is None and len(entity.fields) >= MAX_FIELDS:
        return blueprint, f"Not done: working out “{wanted.name}”. {entity.name} has {MAX_FIELDS} fields already."
    inputs = [field for field in _mentioned(entity, wanted.what) if field.name != name][:MOST_INPUTS]
    field = Field(name, Scalar(_kind(name, inputs)))
    for made in _candidates(blueprint, entity, field, inputs, wanted.what):
        try:
            return parse(to_text(made)), ""
        except BlueprintError:
            continue
    return blueprint, f"Not done: working out “{wanted.name}”. It cannot be said for {entity.name}."


def _candidates(
    blueprint: Blueprint, entity: Entity, field: Field, inputs: list[Field], what: str
) -> Iterator[Blueprint]:
    """A formula first, then a function."""
    formula = _formula(blueprint, entity, field, inputs, what)
    if formula is not None:
        yield formula
    about = " ".join(what.replace('"', "”").replace("\\", "").split())[:MAX_DESCRIPTION].strip()
    custom = Custom(tuple(item.name for item in inputs), about[:1].upper() + about[1:])
    yield _with(blueprint, entity, replace(field, custom=custom))


def _with(blueprint: Blueprint, entity: Entity, field: Field) -> Blueprint:
    others = tuple(item for item in entity.fields if item.name != field.name)
    changed = replace(entity, fields=(*others, field))
    cases = tuple(item for item in blueprint.cases if (item.entity, item.name) != (entity.name, field.name))
    entities = tuple(changed if item.name == entity.name else item for item in blueprint.entities)
    return replace(blueprint, entities=entities, cases=cases)


def _formula(blueprint: Blueprint, entity: Entity, field: Field, inputs: list[Field], what: str) -> Blueprint | None:
    text = what.strip().rstrip(".").lower()
    for item in sorted(inputs, key=lambda one: -len(one.name)):
        text = re.sub(rf"\b(?:the )?{re.escape(item.name.replace('_', ' '))}\b", item.name, text)
    for pattern, sign in _OPERATORS:
        text = re.sub(pattern, sign, text)
    line = f"  {field.name} {field.type}"
    source = to_text(_with(blueprint, entity, field))
    at = source.index(f"{line}\n", source.index(f"entity {entity.name}\n"))
    try:
        return parse(f"{source[:at]}{line} = {text}\n{source[at + len(line) + 1 :]}")
    except BlueprintError:
        return None


def _record(blueprint: Blueprint, wanted: Wanted) -> Entity | None:
    """The record that is named, else the one of which most fields are mentioned."""
    said = wanted.record.lower()
    for entity in blueprint.entities:
        if said and said in (entity.name.lower(), plural(entity.name).lower()):
            return entity if _mentioned(entity, wanted.what) else None
    best = max(blueprint.entities, key=lambda entity: len(_mentioned(entity, wanted.what)))
    return best if _mentioned(best, wanted.what) else None


def _mentioned(entity: Entity, text: str) -> list[Field]:
    """Fields that a text names, in its order; a part of a long name is enough where it is the only one."""
    lower = f" {re.sub(r'[^a-z0-9]+', ' ', text.lower())} "
    found: dict[str, int] = {}
    usable = [
        field
        for field in entity.fields
        if field.custom is None and not isinstance(field.type, Ref) and field.type not in _NOT_INPUTS
    ]
    for field in usable:
        for name in {field.name.replace("_", " "), field.label.lower()} - {""}:
            if (at := lower.find(f" {name} ")) >= 0 or (at := lower.find(f" {name}s ")) >= 0:
                found[field.name] = min(found.get(field.name, at), at)
    for field in usable:
        for word in field.name.split("_"):
            alike = [other for other in usable if word in other.name.split("_")]
            if len(word) > 3 and len(alike) == 1 and field.name not in found and (at := lower.find(f" {word} ")) >= 0:
                found[field.name] = at
    by_name = {field.name: field for field in usable}
    return [by_name[name] for name in sorted(found, key=lambda item: found[item])]


def _kind(name: str, inputs: list[Field]) -> str:
    said = name.replace("_", " ")
    for pattern, kind in _KINDS:
        if re.search(pattern, said):
            return kind
    if re.match(r"(is|has|needs|can)\b", said):
        return "boolean"
    if inputs and all(field.type in (Scalar.NUMBER, Scalar.MONEY) for field in inputs):
        return "money" if any(field.type is Scalar.MONEY for field in inputs) else "number"
    return "text"
