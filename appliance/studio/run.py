"""One build under way, and what its stages are called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from appliance.db.records import Build, Project
    from appliance.studio.control import Control

TITLES: Final = {
    "plan": "Planning your app",
    "write": "Writing the code",
    "verify": "Checking that it works",
    "save": "Saving the version",
    "start": "Starting your app",
}


@dataclass
class Run:
    """One build under way. ``stages``: seconds; ``tokens``: of the model."""

    build: Build
    project: Project
    control: Control
    principal: str
    stages: dict[str, float] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
