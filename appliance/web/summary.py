"""A blueprint in plain words, for people who will never read its text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Choice, Field, Numbering, Ref, Scalar, Verb
from appliance.blueprint.screens import (
    BoardPage,
    CalendarPage,
    ChartPage,
    DashboardPage,
    DetailPage,
    FormPage,
    KioskPage,
    ReportPage,
    TablePage,
    TimelinePage,
)

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint, Entity
    from appliance.blueprint.screens import Page

_SCALARS: Final = {
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
_KINDS: Final[dict[type[object], str]] = {
    TablePage: "a list",
    BoardPage: "a board",
    CalendarPage: "a calendar",
    TimelinePage: "a timeline",
    ChartPage: "a chart",
    ReportPage: "a report",
}
_VERBS: Final = {Verb.READ: "see", Verb.CREATE: "add", Verb.EDIT: "change", Verb.DELETE: "delete"}


@dataclass(frozen=True, slots=True)
class EntitySummary:
    """One kind of record: its fields, and what each role may do with it."""

    name: str
    fields: tuple[tuple[str, str], ...]
    access: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole app in plain words."""

    entities: tuple[EntitySummary, ...]
    pages: tuple[tuple[str, str], ...]


def summarise(blueprint: Blueprint) -> Summary:
    """The plain words for a blueprint."""
    return Summary(
        entities=tuple(
            EntitySummary(
                name=entity.name,
                fields=tuple((field.name, describe(field)) for field in entity.fields),
                access=tuple((role, _may(blueprint, entity, role)) for role in blueprint.roles),
            )
            for entity in blueprint.entities
        ),
        pages=tuple((page.title, describe_page(page)) for page in blueprint.pages),
    )


def describe(field: Field) -> str:
    """What a field holds: ``date, required``."""
    match field.type:
        case Choice(options):
            kind = "one of: " + ", ".join(options)
        case Ref(entity):
            kind = f"a {entity}"
        case Numbering():
            kind = "number that the app gives"
        case scalar:
            kind = _SCALARS[scalar]
    notes = [note for note, holds in (("required", field.required), ("no two alike", field.unique)) if holds]
    return ", ".join([kind, *notes])


def _may(blueprint: Blueprint, entity: Entity, role: str) -> str:
    words: list[str] = []
    for verb, word in _VERBS.items():
        permission = blueprint.permission(entity.name, role, verb)
        if permission is not None:
            words.append(f"{word} own" if permission.own else word)
    return ", ".join(words) or "nothing"


def describe_page(page: Page) -> str:
    """What a page shows, in a few words."""
    match page:
        case DashboardPage():
            return "figures and charts"
        case FormPage(entity=entity):
            return f"a form for a new {entity}"
        case DetailPage(entity=entity):
            return f"one {entity} with everything around it"
        case KioskPage(entity=entity):
            return f"a form without sign-in for a new {entity}"
        case rows:
            return f"{_KINDS[type(rows)]} of {rows.entity}" + (", filtered" if rows.where else "")
