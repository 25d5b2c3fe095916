"""What a build looked like, from its stored events: the same view for a reload as for who watched it live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.db.records import BuildState
from appliance.studio.run import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.db.records import Build, BuildEvent
    from appliance.studio.events import EventStream

DOING: Final = {
    "plan": "Writing the blueprint …",
    "write": "Writing the code …",
    "verify": "Checking that it works …",
    "save": "Saving the version …",
    "start": "Starting your app …",
}
"""What is going on in a stage, as the heading over the blueprint says it (``live.js`` says the same)."""


@dataclass
class StageLine:
    """One stage: ``seconds`` is None while it runs."""

    name: str
    title: str
    seconds: float | None = None


@dataclass
class Story:
    """A build as the page tells it."""

    build: Build
    stages: dict[str, StageLine] = field(default_factory=dict)
    text: str = ""
    checks: list[tuple[str, bool]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    changes: tuple[str, ...] = ()
    last: int = 0

    @property
    def current(self) -> str:
        """The stage that was reached last, or nothing."""
        return next(reversed(self.stages), "")

    def mark(self, name: str) -> str:
        """How a stage is drawn: ``todo``, ``now``, ``done`` or ``broken``."""
        stage = self.stages.get(name)
        if stage is None:
            return "todo"
        if self.build.state in {BuildState.FAILED, BuildState.CANCELLED} and name == self.current:
            return "broken"
        return "done" if stage.seconds is not None or self.build.state.final else "now"

    @property
    def total(self) -> float:
        """Seconds of all stages together."""
        return sum(self.build.stages.values())

    def take(self, event: BuildEvent) -> None:
        """Add one event."""
        self.last = event.seq
        data = event.data
        match event.type:
            case "stage.started":
                self.stages.pop(data["stage"], None)  # the stage of a repair round goes to the end again
                self.stages[data["stage"]] = StageLine(data["stage"], data["title"])
                if data["stage"] == "verify":
                    self.checks.clear()
                    self.findings.clear()
            case "stage.finished":
                line = self.stages.setdefault(data["stage"], StageLine(data["stage"], TITLES[data["stage"]]))
                line.seconds = self.build.stages.get(data["stage"], data["seconds"])
            case "blueprint.text":
                self.text += data["text"]
            case "blueprint.reset":
                self.text = ""
            case "check":
                self.checks.append((data["text"], data["passed"]))
            case "finding":
                self.findings.append(data["text"])
            case "repair.started" | "note":
                self.repairs.append(data["text"])


def stories(builds: Sequence[Build], events: EventStream) -> list[Story]:
    """The story of each build; only the last one is told in full, the others by their outcome."""
    told = [Story(build) for build in builds]
    for story in told[-1:]:
        for event in events.after(story.build.id, 0):
            story.take(event)
    return told
