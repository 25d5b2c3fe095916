"""Records as a blueprint: entities, a list page each, an overview, two roles, and rules for what a schema says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import MAX_RULES
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import MAX_ABOUT, Choice, Entity, Numbering, Scalar
from appliance.blueprint.naming import label
from appliance.blueprint.parser import parse
from appliance.blueprint.plurals import plural_in
from appliance.blueprint.printer import field_text, quote
from appliance.contract.bind import bind
from appliance.contract.binding import Binding
from appliance.contract.errors import ContractRefused
from appliance.contract.reading import read_contract
from appliance.contract.words import sentence, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.blueprint.model import Blueprint, Field
    from appliance.contract.records import Record
    from appliance.contract.shapes import Value

EDITOR: Final = "Editor"
READER: Final = "Reader"
_MAX_WIDGETS: Final = 8


@dataclass(frozen=True)
class Proposal:
    """What a contract would become."""

    blueprint: Blueprint
    binding: Binding


def propose(content: bytes, about: str = "", name: str = "") -> Proposal:
    """Read a contract and say what app it would become. ``about``: a sentence about the app; ``name``: its name.

    Raises:
        ContractRefused: it cannot be read, or nothing of it can be served.
    """
    description = read_contract(content)
    binding, records = bind(description)
    if not records:
        reasons = "; ".join(f"{note.where}: {note.text}" for note in binding.notes if note.where)[:600]
        message = "No operation of this contract lists, shows, adds, changes or deletes records."
        action = "Add one such as GET /items that answers a list of objects with named properties."
        raise ContractRefused(message, cause=reasons, action=action)
    said = title(about, MAX_ABOUT) or sentence(description.about) or f"Serves the API {title(description.title)}."
    called = title(name) or title(description.title) or "API"
    lines = [f"app {quote(called)}", f"about {quote(said[:MAX_ABOUT])}", f"role {EDITOR}", f"role {READER}"]
    for record in records:
        lines.append(f"entity {record.name}")
        entity = Entity(record.name, tuple(record.fields))
        lines += [f"  {field_text(item, entity, ())}" for item in record.fields]
    lines += [f"access {record.name}: {EDITOR} all; {READER} read" for record in records]
    lines += _pages(records)
    blueprint = _parsed("\n".join(lines))
    text = "\n".join(lines)
    for rule in _rules(records):
        if len(blueprint.rules) == MAX_RULES:
            break
        try:
            blueprint = parse(f"{text}\n{rule}")
        except BlueprintError:  # the contract itself is looked at besides, so nothing gets past it
            continue
        text = f"{text}\n{rule}"
    return Proposal(blueprint, binding)


def _parsed(text: str) -> Blueprint:
    try:
        return parse(text)
    except BlueprintError as error:
        message = "The records of this contract cannot become an app as they are."
        action = "Change the name of the schema or property that is meant."
        raise ContractRefused(message, cause=str(error), action=action) from error


def _pages(records: tuple[Record, ...]) -> Iterator[str]:
    for record in records:
        yield f"page {quote(title(plural_in(record.name, 'en')))} table {record.name}"
    widgets = [f"count {record.name}" for record in records]
    for record in records:
        choice = next((item for item in record.fields if isinstance(item.type, Choice)), None)
        if choice is not None:
            widgets.append(f"bar {record.name} by {choice.name}")
    yield f'page "Overview" dashboard: {", ".join(widgets[:_MAX_WIDGETS])}'


def _rules(records: tuple[Record, ...]) -> Iterator[str]:
    """What a schema says and the language can say, too: so forms tell it in words."""
    for record in records:
        for item in record.fields:
            value = record.values.get(item.name)
            if value is None or isinstance(item.type, Choice | Numbering):
                continue
            for condition, message in _conditions(item, value):
                empty = "" if item.required else f"{item.name} is empty or "
                said = title(f"{item.label or label(item.name)} {message}", 160)
                yield f"rule {record.name} on create, edit: {empty}{condition} else {quote(said)}"


def _conditions(item: Field, value: Value) -> Iterator[tuple[str, str]]:
    name = item.name
    if item.type in (Scalar.NUMBER, Scalar.MONEY):
        if value.leaf.value == "integer":
            yield f"{name} = round({name})", "must be a whole number"
        bounds = [
            (value.minimum, ">=", "must be {} or more"),
            (value.maximum, "<=", "must be {} or less"),
            (value.above, ">", "must be more than {}"),
            (value.below, "<", "must be less than {}"),
        ]
        for bound, sign, words in bounds:
            if bound is not None:
                yield f"{name} {sign} {bound:f}".rstrip("0").rstrip("."), words.format(f"{bound:g}")
    elif item.type in (Scalar.TEXT, Scalar.LONGTEXT, Scalar.EMAIL) and not value.options:
        if value.longest is not None and not value.pattern:
            yield f"length({name}) <= {value.longest}", f"must have at most {value.longest} characters"
        if value.shortest > 1 and not value.pattern:
            yield f"length({name}) >= {value.shortest}", f"must have at least {value.shortest} characters"
