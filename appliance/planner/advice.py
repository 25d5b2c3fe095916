"""Questions before a first build and next steps after it: from rules, because they must be right and cost no time.

A question is asked only if its answer changes the app: who decides, whether outsiders write, whether money is kept.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Choice, Ref, Scalar
from appliance.blueprint.naming import label, plural
from appliance.blueprint.screens import BoardPage, CalendarPage, ChartPage, TablePage
from appliance.core.conversation import Question
from appliance.planner.knowledge import load_catalogue
from appliance.planner.language import language_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.blueprint.model import Blueprint

MOST_QUESTIONS: Final = 3
MOST_SUGGESTIONS: Final = 4
_SHORT: Final = 5
"""Words below which a request says too little to know who works with the app."""

_DECIDES: Final = re.compile(r"\b(approv\w*|accept\w*|reject\w*|decid\w*|review\w*|sign[- ]off)\b", re.IGNORECASE)
_WHO_DECIDES: Final = re.compile(
    r"\b(manager|lead|head|boss|hr|board|director|supervisor|committee|teacher|officer|department)s?\b", re.IGNORECASE
)
_OUTSIDERS: Final = re.compile(
    r"\b(visitor|customer|supplier|applicant|guest|citizen|patient|public)s?\b", re.IGNORECASE
)
_SIGN_UP: Final = re.compile(r"\b(sign[- ]?in|register\w*|submit\w*|apply|applies|book\w*|report\w*)\b", re.IGNORECASE)


def questions_about(request: str) -> tuple[Question, ...]:
    """What is worth asking about a request; nothing for one in another language than English."""
    if language_of(request) != "en":
        return ()
    return tuple(_questions(request))[:MOST_QUESTIONS]


def _questions(request: str) -> Iterator[Question]:
    if _DECIDES.search(request) and not _WHO_DECIDES.search(request):
        yield Question("decides", "Who decides about a request?", ("The manager of the person", "One office for all"))
    if _OUTSIDERS.search(request) and _SIGN_UP.search(request):
        outside = ("No, colleagues type it in", "Yes, on a page without sign-in")
        yield Question("outsiders", "Do people from outside write something themselves?", outside)
    if len(request.split()) < _SHORT:
        choices = (
            "Everybody works with all records",
            "Everybody sees only their own",
            "A few people keep it, others read",
        )
        yield Question("who", "Who works with it?", choices)


def suggestions_for(blueprint: Blueprint) -> tuple[str, ...]:
    """Requests that would carry this app further, the most useful first; in English, as the model's prompts are."""
    return tuple(dict.fromkeys(_suggestions(blueprint)))[:MOST_SUGGESTIONS] if blueprint.language == "en" else ()


def _suggestions(blueprint: Blueprint) -> Iterator[str]:
    shown = {(type(page), getattr(page, "entity", "")) for page in blueprint.pages}
    marked = {mark.entity for mark in blueprint.marks}
    reminded = {reminder.entity for reminder in blueprint.reminders}
    for entity in blueprint.entities:
        many = plural(entity.name).lower()
        due = next((item for item in entity.fields if item.type is Scalar.DATE and _lies_ahead(item.name)), None)
        state = next((item for item in entity.fields if isinstance(item.type, Choice) and _is_state(item.name)), None)
        if due is not None and entity.name not in marked:
            yield f"Show {many} in red when their {label(due.name).lower()} has passed"
        if state is not None and (BoardPage, entity.name) not in shown:
            yield f"Show {many} on a board by {label(state.name).lower()}"
        if due is not None and entity.name not in reminded:
            yield f"Remind people 2 days before the {label(due.name).lower()} of {many}"
        if due is not None and (CalendarPage, entity.name) not in shown:
            yield f"Show {many} in a calendar by {label(due.name).lower()}"
        if state is not None and (ChartPage, entity.name) not in shown:
            yield f"Add a chart of {many} by {label(state.name).lower()}"
        if (TablePage, entity.name) not in shown:
            yield f"Add a page with all {many}"
    yield from _missing_links(blueprint)


def _missing_links(blueprint: Blueprint) -> Iterator[str]:
    catalogue = load_catalogue()
    names = {entity.name for entity in blueprint.entities}
    for entity in blueprint.entities:
        known = catalogue.find(entity.name)
        linked = {item.type.entity for item in entity.fields if isinstance(item.type, Ref)}
        for kind in known.refers_to if known else ():
            if kind in names and kind not in linked and kind != entity.name:
                yield f"Link each {entity.name.lower()} to its {kind.lower()}"


def _lies_ahead(name: str) -> bool:
    return re.search(r"due|deadline|until|end|expire|next|expected|valid|follow", name) is not None


def _is_state(name: str) -> bool:
    return re.search(r"status|state|stage|phase|progress", name) is not None
