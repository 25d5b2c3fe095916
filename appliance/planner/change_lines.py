"""The grammar of one line of a revision, narrowed to what the app has (see ``prompts/revise_system.txt``)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from appliance.blueprint.behaviour import Colour
from appliance.blueprint.clauses import is_groupable
from appliance.blueprint.model import Choice, Ref, Scalar
from appliance.blueprint.words import COLOURS, FIELD_KEYWORDS
from appliance.core.ports import Grammar
from appliance.planner import lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.blueprint.model import Blueprint, Entity, Field


_ORDERED: Final = (Scalar.NUMBER, Scalar.MONEY, Scalar.DATE, Scalar.DATETIME)
_DATES: Final = (Scalar.DATE, Scalar.DATETIME)


def change_line(blueprint: Blueprint) -> Grammar:
    """The next change, or ``done``."""
    rules: dict[str, list[str]] = {}
    for index, entity in enumerate(blueprint.entities):
        _about_entity(rules, index, entity, blueprint)
    pages = [json.dumps(page.title, ensure_ascii=False) for page in blueprint.pages]
    if pages:
        rules["renamepage"] = [f'{_quoted("rename page ")} PAGE " to \\"" TITLE "\\""']
        rules["removepage"] = [f"{_quoted('remove page ')} PAGE"]
    if blueprint.roles:
        rules["renamerole"] = [f'{_quoted("rename role ")} ROLE " to " NOUN']
        rules["removerole"] = [f"{_quoted('remove role ')} ROLE"]
    rules["whole"] = [
        '"record " NOUN',
        '"role " NOUN',
        '"rename app to \\"" TITLE "\\""',
        f"{_quoted('colour ')} ({_any(COLOURS)})",
    ]
    choices = " | ".join(rules)
    body = "\n".join(f"{name}: {' | '.join(options)}" for name, options in rules.items())
    where = "\n".join(
        f'where{index}: C{index} | C{index} " and " C{index}\nC{index}: {_any(lines.conditions(entity))}'
        for index, entity in enumerate(blueprint.entities)
        if lines.conditions(entity)
    )
    return Grammar(f"""start: ({choices}) "\\n" | "done\\n"
{body}
{where}
type: {lines.TYPE_RULE}
SCALAR: {_any(scalar.value for scalar in Scalar)}
REF: {_any(entity.name for entity in blueprint.entities)}
ROLE: {_any(blueprint.roles or ("-",))}
PAGE: {_any(pages or ("-",))}
LEVEL: {_any(lines.LEVELS)}
COLOUR: {_any(colour.value for colour in Colour)}
OPTION: {lines.OPTION}
NOUN: {lines.NOUN}
TITLE: {lines.TITLE}
NAME: {lines.FIELD} & ~/({"|".join(sorted(FIELD_KEYWORDS))})/
DAYS: /[1-9][0-9]?/
""")


def _about_entity(rules: dict[str, list[str]], index: int, entity: Entity, blueprint: Blueprint) -> None:
    name = entity.name
    own = [f"{name}.{item.name}" for item in entity.fields]
    plain = [item for item in entity.fields if item.computed is None and item.custom is None]
    rules[f"field{index}"] = [
        f'{_quoted(f"field {name} ")} NAME " " type',
        f'{_quoted("rename field ")} F{index} " to " NAME',
        f"{_quoted('remove field ')} F{index}",
        f'{_quoted("type ")} F{index} " " type',
        f'("required " | "optional ") F{index}',
        f"{_quoted(f'rename record {name} to ')} NOUN",
        _quoted(f"remove record {name}"),
    ]
    rules[f"F{index}"] = [_any(own)]
    options = [f"{name}.{item.name}" for item in plain if isinstance(item.type, Choice)]
    if options:
        rules[f"field{index}"].append(f'{_quoted("option ")} ({_any(options)}) " " OPTION')
    if blueprint.roles:
        rules[f"field{index}"].append(f'{_quoted(f"access {name} ")} ROLE " " LEVEL')
        rules[f"field{index}"].append(f'"only " ROLE " sees " F{index}')
    screens = _screens(index, entity)
    rules[f"field{index}"] += screens
    rules[f"field{index}"] += _behaviour(entity, plain, blueprint)
    rules[f"field{index}"] += _folds(entity, blueprint)


def _screens(index: int, entity: Entity) -> list[str]:
    name, found = entity.name, []
    if lines.conditions(entity):
        found.append(f'{_quoted(f"mark {name} ")} COLOUR " where " where{index}')
        found.append(f'"list \\"" TITLE {_quoted(chr(34) + f" {name} where ")} where{index}')
    by_kind = {
        "board": [item.name for item in entity.fields if isinstance(item.type, Choice)],
        "calendar": [item.name for item in entity.fields if item.type in _DATES],
        "chart": [item.name for item in entity.fields if is_groupable(item)],
    }
    for kind, names in by_kind.items():
        if names:
            found.append(f"{_quoted(f'{kind} ' + chr(34))} TITLE {_quoted(chr(34) + f' {name} by ')} ({_any(names)})")
    return found


def _behaviour(entity: Entity, plain: list[Field], blueprint: Blueprint) -> list[str]:
    name, found = entity.name, []
    values = [
        f"{item.name} = {value}"
        for item in plain
        for value in (
            item.type.options
            if isinstance(item.type, Choice)
            else ("true", "false")
            if item.type is Scalar.BOOLEAN
            else ()
        )
    ]
    if values and blueprint.roles:
        found.append(
            f'{_quoted(f"action {name} " + chr(34))} TITLE {_quoted(chr(34) + " ")} ROLE ": " ({_any(values)})'
        )
    dates = [item.name for item in entity.fields if item.type in _DATES]
    if dates:
        found.append(f'{_quoted(f"remind {name} ")} DAYS (" days before " | " days after ") ({_any(dates)})')
    pairs = [
        (left.name, right.name)
        for left in plain
        for right in plain
        if left is not right and left.type in _ORDERED and left.type is right.type
    ]
    if pairs:
        texts = [f"{left} {sign} {right}" for left, right in pairs[:40] for sign in (">=", ">")]
        found.append(f"{_quoted(f'check {name} ')} ({_any(texts)})")
    return found


def _folds(entity: Entity, blueprint: Blueprint) -> list[str]:
    """Counts and sums over the records that refer to this one."""
    found = []
    for other in blueprint.entities:
        if any(isinstance(item.type, Ref) and item.type.entity == entity.name for item in other.fields):
            found.append(f"{_quoted(f'count {entity.name} ')} NAME {_quoted(f' {other.name}')}")
            numbers = [
                f"{other.name}.{item.name}" for item in other.fields if item.type in (Scalar.NUMBER, Scalar.MONEY)
            ]
            if numbers:
                found.append(f'{_quoted(f"sum {entity.name} ")} NAME " " ({_any(numbers)})')
    return found


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _any(texts: Iterable[str]) -> str:
    return " | ".join(_quoted(text) for text in texts)
