"""What a build looked like, from its stored events: the same view for a reload as for who watched it live."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.studio.pipeline import TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.db.records import Build, BuildEvent
    from appliance.studio.events import EventStream


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
    last: int = 0

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
                line = self.stages.setdefault(data["stage"], StageLine(data["stage"], data["title"]))
                line.seconds = None
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
            case "repair.started":
                self.repairs.append(data["text"])


def stories(builds: Sequence[Build], events: EventStream) -> list[Story]:
    """The story of each build; only the last one is told in full, the others by their outcome."""
    told = [Story(build) for build in builds]
    for story in told[-1:]:
        for event in events.after(story.build.id, 0):
            story.take(event)
    return told
