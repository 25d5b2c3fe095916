"""A direct edit in plain words, for the list of what was gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint import edits as e
from appliance.blueprint.behaviour import Part
from appliance.blueprint.model import Choice, Numbering, Ref, Scalar, Verb
from appliance.blueprint.naming import label

if TYPE_CHECKING:
    from appliance.blueprint.edits import Edit
    from appliance.blueprint.model import FieldType

SCALARS: Final = {
    Scalar.TEXT: "short text",
    Scalar.LONGTEXT: "long text",
    Scalar.NUMBER: "number",
    Scalar.MONEY: "amount of money",
    Scalar.BOOLEAN: "yes or no",
    Scalar.DATE: "date",
    Scalar.DATETIME: "date and time",
    Scalar.TIME: "time of day",
    Scalar.EMAIL: "e-mail address",
    Scalar.PHONE: "phone number",
    Scalar.URL: "web address",
    Scalar.PERSON: "person",
    Scalar.FILE: "file",
    Scalar.IMAGE: "picture",
}
VERBS: Final = {Verb.READ: "see", Verb.CREATE: "add", Verb.EDIT: "change", Verb.DELETE: "delete"}
PARTS: Final = {
    Part.ENTITY: "the fields of {}",
    Part.ACCESS: "access to {}",
    Part.PAGE: "the page “{}”",
    Part.RULES: "the rules of {}",
    Part.ACTIONS: "the actions of {}",
    Part.ROLES: "the roles",
    Part.CUSTOM: "the code of {}",
}
APP: Final = {"name": "The app’s name", "about": "What the app is for", "colour": "Colour", "language": "Language"}


def type_words(kind: FieldType) -> str:
    """What a field holds, in a few words."""
    match kind:
        case Choice(options):
            return "one of: " + ", ".join(options)
        case Ref(entity):
            return f"a {entity}"
        case Numbering():
            return f"number that the app gives: {kind.prefix}{kind.start:0{kind.digits}}"
        case _:
            return SCALARS[kind]


def in_words(edit: Edit) -> str:
    """One sentence without a full stop."""
    if isinstance(edit, e.FieldEdit):
        return f"{edit.entity}, {label(edit.field)}: {_field(edit)}"
    if isinstance(edit, e.OptionEdit):
        return f"{edit.entity}, {label(edit.field)}: {_option(edit)}"
    return _other(edit)


def _field(edit: e.FieldEdit) -> str:  # noqa: PLR0911 - one sentence per kind
    match edit:
        case e.RenameField(to=to):
            return f"renamed to “{label(to)}”"
        case e.MoveField(to=to):
            return f"moved to place {to + 1}"
        case e.HideField(hidden=hidden):
            return "hidden" if hidden else "shown again"
        case e.RetypeField(type=kind):
            return f"holds {type_words(kind)}"
        case e.DeleteField():
            return "removed"
        case e.AddField(type=kind):
            return f"added, {type_words(kind)}"
        case e.SetRequired(required=required):
            return "required" if required else "may be left empty"
        case e.SetUnique(unique=unique):
            return "never the same twice" if unique else "may be the same twice"
        case e.SetDefault(default=default):
            return "starts empty" if default is None else "starts with a value"
        case e.SetLabel(label=text):
            return f"shown as “{text}”" if text else "shown by its name"
        case e.SetHelp(help=text):
            return f"help “{text}”" if text else "without help"


def _option(edit: e.OptionEdit) -> str:
    match edit:
        case e.AddOption(option=option):
            return f"choice “{option}” added"
        case e.RenameOption(option=option, to=to):
            return f"choice “{option}” renamed to “{to}”"
        case e.RemoveOption(option=option):
            return f"choice “{option}” removed"
        case e.OrderOptions():
            return "choices in another order"


def _other(edit: e.PageEdit | e.PartEdit | e.EntityEdit | e.CheckEdit | e.CustomEdit | e.DropAssumed) -> str:  # noqa: PLR0911, PLR0912, C901 - one sentence per kind
    match edit:
        case e.RenamePage(page=page, to=to):
            return f"Page “{page}” renamed to “{to}”"
        case e.MovePage(page=page, to=to):
            return f"Page “{page}” moved to place {to + 1}"
        case e.AddPage(page=page):
            return f"Page “{page}” added"
        case e.RemovePage(page=page):
            return f"Page “{page}” removed"
        case e.SetColumns(page=page, columns=columns):
            return f"Page “{page}” shows {', '.join(map(label, columns)) or 'the columns that the app chooses'}"
        case e.RenameEntity(entity=entity, to=to):
            return f"{entity} renamed to {to}"
        case e.RenameRole(role=role, to=to):
            return f"Role {role} renamed to {to}"
        case e.AddRole(role=role):
            return f"Role {role} added"
        case e.SetApp(what=what, value=value):
            return f"{APP.get(what, what)}: {value or 'chosen by the app'}"
        case e.SetAccess():
            return _access(edit)
        case e.Protect(part=part, name=name):
            return f"Protected: {PARTS[part].format(name)}"
        case e.Unprotect(part=part, name=name):
            return f"No longer protected: {PARTS[part].format(name)}"
        case e.AddEntity(entity=entity):
            return f"New kind of record: {entity}"
        case e.RemoveEntity(entity=entity):
            return f"{entity} removed, with what shows it"
        case e.RemoveRole(role=role):
            return f"Role {role} removed"
        case e.AddCheck(check=check):
            return f"New check: {check}"
        case e.RemoveCheck(check=check):
            return f"Check removed: {check}"
        case e.AddCustom(entity=entity, field=field):
            return f"{entity}, {label(field)}: worked out by a function of its own"
        case e.AddFragment(entity=entity, title=title):
            return f"{entity} shows a new part “{title}”"
        case e.RemoveFragment(entity=entity, title=title):
            return f"{entity} no longer shows the part “{title}”"
        case e.Describe(place=place):
            return f"{place}: another description, so its code is written anew"
        case e.AddCase(case=case):
            return f"New example: {case}"
        case e.RemoveCase(case=case):
            return f"Example removed: {case}"
        case e.DropAssumed(name=name):
            return f"{name} removed, with what shows it"
        case e.NarrowField(entity=entity, field=field, roles=roles):
            who = ", ".join(roles) or "everybody who sees the record"
            return f"{entity}, {label(field)}: seen by {who}"


def _access(edit: e.SetAccess) -> str:
    may = {e.Reach.NONE: "may not", e.Reach.OWN: "may, if it is their own,", e.Reach.ALL: "may"}[edit.reach]
    return f"{edit.role} {may} {VERBS[edit.verb]} {edit.entity}"
