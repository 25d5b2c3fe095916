"""A maker's own check as text of the language, as a sentence, and what the access rules say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.check_parser import OWNER_WORD
from appliance.blueprint.checks import Act, Whose
from appliance.blueprint.expression_printer import quoted
from appliance.blueprint.model import OWNER, Me, Scalar, Today, Verb
from appliance.blueprint.naming import label, plural

if TYPE_CHECKING:
    from appliance.blueprint.checks import Given, OwnCheck
    from appliance.blueprint.model import Blueprint, Entity, FieldType, Value

VERBS: Final = {Act.CREATE: "add", Act.READ: "see", Act.EDIT: "change", Act.DELETE: "delete"}
_VOWELS: Final = tuple("aeiou")


def check_line(check: OwnCheck, blueprint: Blueprint) -> str:
    """``check Borrower cannot read Loan of others``."""
    owner = check.role == OWNER
    parts = ["check", OWNER_WORD if owner else check.role, "can" if check.allowed else "cannot", check.act.value]
    if check.act is Act.PRESS:
        parts += [quoted(check.action), "on"]
    parts.append(f"own {check.entity}" if check.whose is Whose.OWN else check.entity)
    if check.whose is Whose.OTHERS:
        parts.append("of others")
    entity = blueprint.entity(check.entity)
    for word, values in (("with", check.given), ("then", check.then)):
        if values:
            parts += [word, ", ".join(f"{item.field} = {_written(item, entity)}" for item in values)]
    if check.because:
        parts += ["because", quoted(check.because)]
    return " ".join(parts)


def _written(item: Given, entity: Entity) -> str:
    field = entity.field(item.field)
    if item.value is None or field is None:
        return "empty"
    shift = f" {'-' if item.days < 0 else '+'} {_days(abs(item.days))}" if item.days else ""
    return f"{value_text(item.value, field.type)}{shift}"


def value_text(value: Value, kind: FieldType) -> str:
    """A value as written for a field of that type."""
    if isinstance(value, Me):
        return "me"
    if isinstance(value, Today):
        return "today"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(value, "f").rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    bare = hasattr(kind, "options") or kind in (Scalar.DATE, Scalar.DATETIME)
    return value if bare else quoted(value)


def _days(count: int) -> str:
    return f"{count} day{'s' if count > 1 else ''}"


def sentence(check: OwnCheck, blueprint: Blueprint) -> str:
    """``A Borrower cannot see a Loan of others``: a statement that is true when the check passes."""
    subject = "The owner" if check.role == OWNER else _start(_a(check.role))
    noun = f"their own {check.entity}" if check.whose is Whose.OWN else _a(check.entity)
    if check.whose is Whose.OTHERS:
        noun += " of others"
    deed = f"press “{check.action}” on {noun}" if check.act is Act.PRESS else f"{VERBS[check.act]} {noun}"
    text = f"{subject} {'can' if check.allowed else 'cannot'} {deed}"
    entity = blueprint.entity(check.entity)
    if check.given:
        text += " with " + _listed(check.given, entity)
    if check.then:
        text += "; afterwards " + _listed(check.then, entity)
    return text + (f", because “{check.because}”" if check.because else "")


def _listed(values: tuple[Given, ...], entity: Entity) -> str:
    return " and ".join(f"{_name(item, entity)} = {_plain(item, entity)}" for item in values)


def _name(item: Given, entity: Entity) -> str:
    field = entity.field(item.field)
    return label(item.field).lower() if field is None or not field.label else field.label


def _plain(item: Given, entity: Entity) -> str:
    if isinstance(item.value, bool):
        return "yes" if item.value else "no"
    if isinstance(item.value, Me):
        return "themselves"
    return "nothing" if item.value is None else _written(item, entity)


def access_words(check: OwnCheck, blueprint: Blueprint) -> str:
    """What the app's access says about what is tried, as a sentence."""
    many = plural(check.entity)
    if check.role == OWNER:
        return "The owner may do everything."
    if check.act is Act.PRESS:
        action = next(item for item in blueprint.actions if (item.entity, item.title) == (check.entity, check.action))
        people = [f"the {label(name).lower()}" for name in action.people]
        whom = " and ".join([*action.roles, *people]) or "the owner alone"
        return f"“{check.action}” is for {whom}."
    permission = blueprint.permission(check.entity, check.role, Verb(check.act.value))
    verb = VERBS[check.act]
    if permission is None:
        return f"Under Access, {_a(check.role)} may not {verb} {many}."
    if check.act is Act.CREATE:
        return f"Under Access, {_a(check.role)} may add {many}."
    return f"Under Access, {_a(check.role)} may {verb} {'only their own' if permission.own else 'all'} {many}."


def contradiction(check: OwnCheck, blueprint: Blueprint) -> str:
    """Why a check cannot pass as access stands now; empty if access alone does not decide that."""
    if check.act is Act.PRESS:
        return ""
    permission = blueprint.permission(check.entity, check.role, Verb(check.act.value))
    reaches = permission is not None and not (permission.own and check.whose is not Whose.OWN)
    if check.allowed and not reaches:
        return access_words(check, blueprint)
    decided_elsewhere = bool(check.given or check.because) or check.act is Act.DELETE
    partly = permission is not None and (not permission.own or check.whose is not Whose.OTHERS)
    return access_words(check, blueprint) if not check.allowed and partly and not decided_elsewhere else ""


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in _VOWELS else 'a'} {noun}"


def _start(text: str) -> str:
    return text[:1].upper() + text[1:]
