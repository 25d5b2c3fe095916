"""A planner without a model: it writes the blueprints it was given, line by line, and can be told to stumble."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from appliance.blueprint.parser import parse
from appliance.core.conversation import Question, Revised
from appliance.core.ports import GenerationFailed, TokenUsage
from appliance.planner.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHIFTS = """\
app "Shift Handover"
about "What the next shift must know."
role Shift Leader
role Operator
entity Machine
  name text required unique
  hall choice(North, South)
entity Note
  title text required
  machine ref(Machine) required
  day date default today
  urgency choice(low, medium, high)
  settled boolean
access Machine: Shift Leader all; Operator read
access Note: Shift Leader all; Operator create, read
page "Notes" table Note
page "Still Open" table Note where not settled
page "Overview" dashboard: count Note, bar Note by urgency
example Machine: "Press 1", North
example Machine: "Press 2", South
example Note: "Oil leak at the left cylinder", "Press 1", 2026-11-20, high, false
example Note: "Tool changed, first parts measured", "Press 2", 2026-11-21, low, true
"""


LEFT_OUT = "Not done: the field “moon” of Note. The app has that already, or it would change nothing."


class ScriptedPlanner:
    """Implements PlannerPart. ``texts`` are used in turn, the last one for ever; ``line_seconds`` sets the pace."""

    def __init__(
        self,
        texts: Iterable[str] = (SHIFTS,),
        *,
        line_seconds: float = 0.0,
        fail: bool = False,
        assumed: tuple[str, ...] = (),
    ) -> None:
        self.texts = deque(texts)
        self.line_seconds = line_seconds
        self.fail = fail
        self.assumed = assumed
        self.requests: list[str] = []

    def plan(self, request: str, *, on_text: Callable[[str], None]) -> Plan:
        self.requests.append(request)
        text = self.texts.popleft() if len(self.texts) > 1 else self.texts[0]
        for number, line in enumerate(text.splitlines(keepends=True)):
            if self.fail and number == 3:
                message = "The model's process stopped while it was working."
                raise GenerationFailed(message, action="Try again; it is being restarted.")
            time.sleep(self.line_seconds)
            on_text(line)
        usage = TokenUsage(prompt=900, cached=850, sampled=120, forced=80)
        return Plan(parse(text), text, usage, "scripted", self.assumed)


class ScriptedReviser:
    """Implements Reviser: what a request is answered with depends on words in it (due, urgency, fail)."""

    def __init__(self, *, line_seconds: float = 0.0, questions: tuple[Question, ...] = ()) -> None:
        self.line_seconds = line_seconds
        self.questions = questions
        self.requests: list[str] = []

    def revise(self, blueprint_text: str, request: str, on_text: Callable[[str], None]) -> Revised:
        self.requests.append(request)
        if "fail" in request:
            message = "The model's process stopped while it was working."
            raise GenerationFailed(message, action="Try again; it is being restarted.")
        changed = blueprint_text
        if "due" in request:
            changed = changed.replace("  settled boolean\n", "  settled boolean\n  due date\n")
            late = 'page "Late" table Note where due < today and not settled\n'
            changed = changed.replace('page "Overview"', late + 'page "Overview"')
        if "urgency" in request:
            changed = changed.replace("  urgency choice(low, medium, high)\n", "")
            changed = changed.replace(", bar Note by urgency", "").replace(", high", "").replace(", low", "")
        for line in changed.splitlines(keepends=True):
            time.sleep(self.line_seconds)
            on_text(line)
        return Revised(changed, (LEFT_OUT,) if "moon" in request else ())

    def clarify(self, request: str) -> tuple[Question, ...]:
        self.requests.append(request)
        return self.questions

    def suggest(self, blueprint_text: str) -> tuple[str, ...]:
        return ("Add a due date to notes and show late ones", "Let operators settle their own notes")
