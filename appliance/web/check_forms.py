"""The form of a maker's own check, and the checks as the Checks page lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.check_parser import OWNER_WORD
from appliance.blueprint.check_words import contradiction, sentence
from appliance.blueprint.checks import Act
from appliance.blueprint.clauses import is_given
from appliance.blueprint.edit_checks import line_of
from appliance.blueprint.edits import AddCheck, Edit, EditRefused, RemoveCheck
from appliance.blueprint.expression_printer import quoted
from appliance.blueprint.model import Choice, Field, Scalar
from appliance.blueprint.naming import label
from appliance.web.forms import gone, known_entity

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint
    from appliance.web.forms import Form

ROWS_GIVEN: Final = 4
ROWS_THEN: Final = 2
_TODAY: Final = re.compile(r"today(?: [+-] \d{1,4} (?:day|days|week|weeks))?")
_BARE: Final = (Scalar.DATE, Scalar.DATETIME, Scalar.NUMBER, Scalar.MONEY)
_YES: Final = {"yes": "true", "true": "true", "on": "true", "no": "false", "false": "false"}
ACTS: Final = {"create": "add", "read": "see", "edit": "change", "delete": "delete"}


@dataclass(frozen=True, slots=True)
class OwnLine:
    """A check with its sentence, the edit that removes it, why it cannot pass (or nothing), and what is new of it."""

    text: str
    line: str
    doubt: str
    state: str


def own_lines(before: Blueprint, now: Blueprint) -> list[OwnLine]:
    """The checks that are there, or gathered."""
    known = set(before.checks)
    return [
        OwnLine(
            sentence(check, now),
            line_of(check, now),
            contradiction(check, now),
            "" if check in known else "new",
        )
        for check in now.checks
    ]


def act_choices(blueprint: Blueprint) -> list[tuple[str, str]]:
    """What can be tried: with every kind of record, and each button of one."""
    plain = [
        (f"{act}|{entity.name}", f"{word} {entity.name}") for entity in blueprint.entities for act, word in ACTS.items()
    ]
    pressed = [
        (f"press|{action.entity}|{action.title}", f"press “{action.title}” on {action.entity}")
        for action in blueprint.actions
    ]
    return plain + pressed


def field_choices(blueprint: Blueprint, *, typed: bool) -> list[tuple[str, list[tuple[str, str]]]]:
    """Fields by kind of record: those that people fill in, or all that are shown."""
    found = []
    for entity in blueprint.entities:
        usable = [field for field in entity.fields if not field.hidden and (is_given(field) or not typed)]
        named = [
            (f"{entity.name}|{field.name}", field.label or label(field.name))
            for field in usable
            if field.type not in (Scalar.FILE, Scalar.IMAGE)
        ]
        found.append((entity.name, named))
    return found


def check_add(form: Form, blueprint: Blueprint) -> list[Edit]:
    """A new check, put together from its form.

    Raises:
        EditRefused: it names something that is not there, or a value does not fit.
    """
    act, _, rest = form.one("act").partition("|")
    entity, _, action = rest.partition("|")
    who = form.one("role")
    known_entity(blueprint, entity)
    if act not in list(Act) or (who not in blueprint.roles and who != OWNER_WORD):
        raise gone()
    whose = form.one("whose")
    record = f"own {entity}" if whose == "own" else f"{entity} of others" if whose == "others" else entity
    if act == Act.CREATE:
        record = entity
    deed = f"press {quoted(action)} on {record}" if act == Act.PRESS else f"{act} {record}"
    parts = [who, "cannot" if form.one("can") == "cannot" else "can", deed]
    for word in ("with", "then"):
        values = _values(form, blueprint, entity, word)
        parts += [word, ", ".join(values)] if values else []
    if form.one("because"):
        parts.append(f"because {quoted(form.one('because'))}")
    return [AddCheck(" ".join(parts))]


def check_remove(form: Form, blueprint: Blueprint) -> list[Edit]:  # noqa: ARG001 - one shape for all readers
    """A check less."""
    return [RemoveCheck(form.one("check"))]


def _values(form: Form, blueprint: Blueprint, entity: str, word: str) -> list[str]:
    found = []
    for chosen, text in zip(form.all(f"{word}_field"), form.all(f"{word}_value"), strict=False):
        if not chosen:
            continue
        owner, _, name = chosen.partition("|")
        if owner != entity:
            message = f"“{name}” is a field of {owner}, and the check is about {entity}."
            raise EditRefused(message, action=f"Choose a field of {entity}.")
        field = known_entity(blueprint, entity).field(name)
        if field is None:
            raise gone()
        found.append(f"{name} = {written(field, text)}")
    return found


def written(field: Field, text: str) -> str:
    """What was typed, as the language writes it; a value that does not fit is refused when it is read."""
    if not text:
        return "empty"
    if field.type is Scalar.BOOLEAN:
        return _YES.get(text.lower(), text)
    if field.type is Scalar.PERSON and text.lower() == "me":
        return "me"
    if field.type in (Scalar.DATE, Scalar.DATETIME) and _TODAY.fullmatch(text.lower()):
        return text.lower()
    if isinstance(field.type, Choice):
        return next((option for option in field.type.options if option.lower() == text.lower()), text)
    return text if field.type in _BARE else quoted(text)
