"""An exchange of the model in a process that kills itself at a given moment.

``python -m tests.faults.model_switcher HOME MOMENT``; the moments are those of ``MOMENTS``.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from appliance.db.repositories.approvals import Approvals
from appliance.inference.supervisor import WorkerSupervisor
from appliance.studio.model_choice import ModelChoice
from tests.e2e.test_model_switch import ask, digest_of, running
from tests.fixtures.governed import REVIEWER

MOMENTS = {
    "approved": (Approvals, "settle", "after"),
    "the old one stopped": (WorkerSupervisor, "load", "before"),
    "the new one started": (ModelChoice, "write", "before"),
    "the choice kept": (ModelChoice, "write", "after"),
}


def main(home: Path, moment: str) -> None:
    """Ask, approve, and die on the way."""
    with running(home) as appliance:
        digest_of(appliance)
        asked = ask(appliance, "second")
        owner, name, when = MOMENTS[moment]
        real = getattr(owner, name)

        def dying(*arguments: Any, **named: Any) -> Any:
            if when == "after":
                real(*arguments, **named)
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(owner, name, dying)
        appliance.governance.decisions.approve(REVIEWER, asked.id, "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
