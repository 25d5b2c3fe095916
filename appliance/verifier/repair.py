"""Deterministic repair of a blueprint: a short chain of steps, each of which spares the least that can be spared.

No model is asked, and entities, fields and access stay as they were asked for; a step says in plain words what it did.
The caller renders and verifies again, and stops when the same findings come back (:func:`signature`) or after
``MAX_ROUNDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from appliance.blueprint.model import Blueprint, Entity, Field, Ref
from appliance.blueprint.screens import DashboardPage, DetailPage, FormPage, KioskPage, Page, Widget
from appliance.verifier.model import Finding, Stage
from appliance.verifier.samples import creation_order, required_targets
from appliance.verifier.wording import a, start

MAX_ROUNDS: Final = 2
Signature = frozenset[tuple[str, str, str, str]]
_BROKEN_PAGE: Final = ("server_error", "page_closed")
_BROKEN_START: Final = ("does_not_start", "start_too_slow")


@dataclass(frozen=True, slots=True)
class Repaired:
    """A changed blueprint, and the sentence that tells the maker what was changed."""

    blueprint: Blueprint
    explanation: str


@dataclass(frozen=True, slots=True)
class RepairStep:
    """One kind of repair; ``apply`` answers None when the findings do not call for it."""

    name: str
    apply: Callable[[Blueprint, Sequence[Finding]], Repaired | None]


def signature(findings: Sequence[Finding]) -> Signature:
    """What the findings say, as one value: when it comes back, a repair has changed nothing."""
    return frozenset(finding.signature for finding in findings)


def repair(blueprint: Blueprint, findings: Sequence[Finding]) -> Repaired | None:
    """The first step of ``STEPS`` that fits, or None: the findings point at nothing that can be spared."""
    for step in STEPS:
        repaired = step.apply(blueprint, findings)
        if repaired is not None and repaired.blueprint != blueprint:
            return repaired
    return None


def _break_circle(blueprint: Blueprint, findings: Sequence[Finding]) -> Repaired | None:
    """Records that need each other first: one of the references need not be filled in."""
    if not any(finding.code == "circular_required" for finding in findings):
        return None
    texts: list[str] = []
    while (found := _circular_reference(blueprint)) is not None:  # each round makes one reference optional
        entity, item = found
        relaxed = tuple(replace(other, required=False) if other is item else other for other in entity.fields)
        blueprint = _with_entity(blueprint, replace(entity, fields=relaxed))
        texts.append(f"{start(a(entity.name))} can be added without its {item.name}")
    if not texts:
        return None
    return Repaired(blueprint, f"{'; '.join(texts)}: otherwise nobody could have added the first one.")


def _circular_reference(blueprint: Blueprint) -> tuple[Entity, Field] | None:
    """A required reference from which required references lead back to its own entity."""
    for entity in creation_order(blueprint).stuck:
        for item in entity.fields:
            if item.required and isinstance(item.type, Ref) and _leads_to(blueprint, item.type.entity, entity.name):
                return entity, item
    return None


def _leads_to(blueprint: Blueprint, origin: str, goal: str) -> bool:
    reached = {origin}
    waiting = [origin]
    while waiting and goal not in reached:
        found = required_targets(blueprint.entity(waiting.pop())) - reached
        reached |= found
        waiting += found
    return goal in reached


def _with_entity(blueprint: Blueprint, changed: Entity) -> Blueprint:
    entities = tuple(changed if entity.name == changed.name else entity for entity in blueprint.entities)
    return replace(blueprint, entities=entities)


def _drop_examples(blueprint: Blueprint, findings: Sequence[Finding]) -> Repaired | None:
    """Examples that keep the app from starting. Which one is not known, so all go."""
    if not blueprint.examples:
        return None
    for finding in findings:
        at_start = finding.stage is Stage.BOOT and finding.code in _BROKEN_START
        if at_start or "example" in f"{finding.file} {finding.detail}".lower():
            return Repaired(replace(blueprint, examples=()), "The example records did not fit, so I left them out.")
    return None


def _broken_pages(blueprint: Blueprint, findings: Sequence[Finding]) -> tuple[Page, ...]:
    titles = {finding.subject for finding in findings if finding.code in _BROKEN_PAGE}
    return tuple(page for page in blueprint.pages if page.title in titles)


def _drop_conditions(blueprint: Blueprint, findings: Sequence[Finding]) -> Repaired | None:
    """A page that fails may do so because of what it selects: show everything instead."""
    bad = _broken_pages(blueprint, findings)
    changed = [page.title for page in bad if _without_condition(page) != page]
    if not changed:
        return None
    pages = tuple(_without_condition(page) if page in bad else page for page in blueprint.pages)
    names = ", ".join(f"“{title}”" for title in changed)
    text = f"What {names} was meant to select did not work, so everything is shown there."
    return Repaired(replace(blueprint, pages=pages), text)


def _without_condition(page: Page) -> Page:
    if isinstance(page, DashboardPage):
        widgets: list[Widget] = []
        for widget in page.widgets:
            plain = replace(widget, where=None)
            if plain not in widgets:
                widgets.append(plain)
        return replace(page, widgets=tuple(widgets))
    return page if isinstance(page, FormPage | DetailPage | KioskPage) else replace(page, where=None)


def _drop_pages(blueprint: Blueprint, findings: Sequence[Finding]) -> Repaired | None:
    """Pages that do not open, as long as others do."""
    bad = _broken_pages(blueprint, findings)
    kept = tuple(page for page in blueprint.pages if page not in bad)
    if not bad or not kept:
        return None
    names = ", ".join(f"“{page.title}”" for page in bad)
    verb = "page" if len(bad) == 1 else "pages"
    return Repaired(replace(blueprint, pages=kept), f"The {verb} {names} did not work, so I left out what did not.")


STEPS: Final = (
    RepairStep("break a circle of required references", _break_circle),
    RepairStep("leave out examples", _drop_examples),
    RepairStep("leave out conditions", _drop_conditions),
    RepairStep("leave out pages", _drop_pages),
)
"""In the order in which they are tried: what costs the maker least comes first."""
