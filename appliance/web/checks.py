"""The checks of a build as the Checks page groups them: by role where they were made as somebody, else by stage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import OWNER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.db.records import BuildEvent

_STAGES: Final = {
    "build": "The project is put together",
    "boot": "The app starts and answers",
    "pages": "Every page opens",
    "code": "The app’s own functions",
    "acceptance": "The app does what it says",
    "contract": "The API answers as its contract says",
    "restart": "The app comes back after a restart",
}


OWN: Final = "Your own checks"


@dataclass
class Group:
    """Checks that belong together, each with whether it passed."""

    title: str
    checks: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def failed(self) -> int:
        """How many did not pass."""
        return sum(not passed for _, passed in self.checks)


def grouped(events: Iterable[BuildEvent]) -> list[Group]:
    """The checks of the last round of a build."""
    groups: dict[str, Group] = {}
    for event in events:
        if event.type == "stage.started" and event.data["stage"] == "verify":
            groups = {title: group for title, group in groups.items() if title == _STAGES["code"]}
        if event.type != "check":
            continue
        role, stage = event.data.get("role"), str(event.data["stage"])
        known = "As the owner" if role == OWNER else f"As {role}"
        title = OWN if stage == "own" else known if role else _STAGES.get(stage, stage.capitalize())
        groups.setdefault(title, Group(title)).checks.append((event.data["text"], event.data["passed"]))
    return sorted(groups.values(), key=lambda group: group.title != OWN)
