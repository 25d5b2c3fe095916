"""How a version of an app came to be, from the log alone: prompt, plan, proposal, build, version, and who opened it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.core.event_schemas import CONTEXT
from appliance.core.events import Event

if TYPE_CHECKING:
    from appliance.audit.export.view import Entry, LogView

MAX_READ: Final = 200_000
_PLACED: Final = frozenset({Event.VERSION_COMMITTED.value, Event.VERSION_RESTORED.value})
_ASKED: Final = frozenset({Event.PROMPT_SUBMITTED.value, Event.PLAN_MADE.value})
_OPENED: Final = frozenset({Event.APP_OPENED.value, Event.KIOSK_OPENED.value})
MAX_OPENINGS: Final = 50


@dataclass(frozen=True)
class Act:
    """An intent and, where it has ended, its outcome."""

    intent: Entry
    outcome: Entry | None

    @property
    def event(self) -> str:
        """What was done."""
        return self.intent.leaf.event

    def value(self, name: str) -> object:
        """A detail of the intent, else of the outcome."""
        found = self.intent.leaf.details.get(name)
        return self.outcome.leaf.details.get(name) if found is None and self.outcome is not None else found

    @property
    def request(self) -> object:
        """The request that caused it."""
        context = self.intent.leaf.details.get(CONTEXT)
        return context.get("request") if isinstance(context, dict) else None


@dataclass(frozen=True)
class Lineage:
    """``steps`` in the order in which they were begun; ``openings`` newest first, ``more`` were left out."""

    app: str
    version: int
    build: str
    steps: tuple[Act, ...]
    openings: tuple[Act, ...]
    more: int


def lineage_of(view: LogView, app: str, version: int) -> Lineage | None:
    """What the newest 200,000 entries say of a version; None where they do not name it. Raises AuditCorrupt."""
    acts = _acts(view, app)
    placed = [act for act in acts if act.event in _PLACED and act.value("version") == version]
    if not placed:
        return None
    build = str(placed[-1].value("build") or "")
    steps = {placed[-1].intent.index: placed[-1]}
    if build:
        steps |= {act.intent.index: act for act in acts if act.value("build") == build}
    for accepted in [act for act in steps.values() if act.event == Event.REVISION_ACCEPTED]:
        proposal = accepted.value("proposal")
        told = [act for act in acts if act.value("proposal") == proposal]
        requests = {act.request for act in told if act.event == Event.REVISION_PROPOSED} - {None}
        told += [act for act in acts if act.event in _ASKED and act.request in requests]
        steps |= {act.intent.index: act for act in told}
    openings = [act for act in reversed(acts) if act.event in _OPENED and act.value("version") == version]
    ordered = tuple(steps[index] for index in sorted(steps))
    left = max(0, len(openings) - MAX_OPENINGS)
    return Lineage(app, version, build, ordered, tuple(openings[:MAX_OPENINGS]), left)


def _acts(view: LogView, app: str) -> list[Act]:
    begun: dict[int, Entry] = {}
    ended: dict[int, Entry] = {}
    for entry in view.entries(max(view.minimum, view.size - MAX_READ)):
        leaf = entry.leaf
        if leaf.resource not in (app, "new-app"):
            continue
        if leaf.intent is None:
            begun[entry.index] = entry
        else:
            ended[leaf.intent.index] = entry
    return [Act(entry, ended.get(index)) for index, entry in begun.items()]
