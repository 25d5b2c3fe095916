"""Whether apps can be tried out here, found out before anybody asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError
from appliance.core.sandboxing import SandboxCommand

if TYPE_CHECKING:
    from pathlib import Path

    from appliance.audit.space import LogState
    from appliance.core.sandboxing import Sandbox

SANDBOX_SECONDS: Final = 20.0


def audit_state(log: LogState) -> str:
    """``ok`` while everything can be recorded, else why not and what the operator must do."""
    return log.sentence


def try_sandbox(sandbox: Sandbox, folder: Path) -> str:
    """``ok`` once a program has run in the sandbox, else why it cannot; two empty folders are made in ``folder``."""
    code, data = folder / "try-code", folder / "try-data"
    for place in (code, data):
        place.mkdir(exist_ok=True)
    try:
        tried = sandbox.run(SandboxCommand(("python", "-c", ""), code=code, data=data), timeout=SANDBOX_SECONDS)
    except IntramuralError as error:
        return error.message
    return "ok" if tried.exit_code == 0 else "A program in the sandbox did not run."
