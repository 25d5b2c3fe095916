"""Publishing or taking back in a process that kills itself at a given moment.

``python -m tests.faults.publisher HOME MOMENT``; the moments are those of ``MOMENTS``: what is done, and when it ends.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.app import Appliance
from appliance.db.repositories.approvals import Approvals
from appliance.db.repositories.publications import Publications
from appliance.studio import release_records
from appliance.studio.release_records import ReleaseRecords
from appliance.studio.releases import Releases
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.governed import OPERATOR, REVIEWER, ask
from tests.fixtures.studio import settings_in

if TYPE_CHECKING:
    from collections.abc import Callable

MOMENTS: dict[str, tuple[Any, str, str]] = {
    "publish: the vote is kept": (Approvals, "settle", "before"),
    "publish: it is approved": (Approvals, "settle", "after"),
    "publish: the records are copied": (release_records, "sync_tree", "after"),
    "publish: before it counts": (Publications, "put", "before"),
    "publish: it counts": (Publications, "put", "after"),
    "publish: the old records go": (ReleaseRecords, "put_aside", "before"),
    "take back: before it counts": (Publications, "put", "before"),
    "take back: it counts": (Publications, "put", "after"),
    "take back: its process is stopped": (Releases, "stop", "after"),
}
"""The part, its function, and whether the end comes before or after it."""


def dying(owner: Any, name: str, when: str) -> None:
    """Let the process end at that function."""
    real: Callable[..., Any] = getattr(owner, name)

    def last(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            real(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, last)


def main(home: Path, moment: str) -> None:
    """Do it, and die on the way."""
    appliance = Appliance(settings_in(home), planner=ScriptedPlanner())
    appliance.start()
    (project,) = appliance.studio.projects.all_standing()
    if moment.startswith("publish"):
        asked = ask(appliance, project.id, project.current or 1, copy=True)
        dying(*MOMENTS[moment])
        appliance.governance.decisions.approve(REVIEWER, asked.id, "looks right")
    else:
        dying(*MOMENTS[moment])
        appliance.governance.publishing.withdraw(OPERATOR, project, "it shows too much")
    sys.exit(3)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
