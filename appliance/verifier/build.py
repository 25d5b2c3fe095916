"""Stage build: the project is complete and every file of it compiles, inside the sandbox like all that follows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

from appliance.blueprint.model import Blueprint
from appliance.blueprint.naming import package_name
from appliance.core.app_output import read_trouble
from appliance.core.sandboxing import Sandbox, SandboxCommand, SandboxLimits
from appliance.verifier.model import CheckFailed, Stage
from appliance.verifier.recorder import Recorder

_SECONDS: Final = 20.0
_LIMITS: Final = SandboxLimits(memory_bytes=512 << 20, cpu_seconds=15, processes=8)
_COMPILE_ALL: Final = """
import os, sys
for folder, folders, files in os.walk("/app"):
    folders[:] = sorted(name for name in folders if not name.startswith("."))
    for name in sorted(files):
        if name.endswith(".py"):
            path = os.path.join(folder, name)
            with open(path, "rb") as source:
                compile(source.read(), path, "exec", dont_inherit=True)
print("compiled")
"""


def check_build(recorder: Recorder, sandbox: Sandbox, project: Path, blueprint: Blueprint) -> None:
    """Record the stage.

    Raises:
        CheckFailed: going on makes no sense; it is recorded.
        SandboxUnavailable: nothing was tried.
    """
    package = package_name(blueprint.name)
    with recorder.check(Stage.BUILD, "Every part of the app is there", final=True):
        for name in (f"{package}/__init__.py", f"{package}/__main__.py"):
            if not (project / name).is_file():
                message = "A part of the app was not written."
                raise CheckFailed("file_missing", message, detail=f"{name} does not exist", file=name)
    with recorder.check(Stage.BUILD, "The app's program is well-formed", final=True):
        _compile(sandbox, project)


def _compile(sandbox: Sandbox, project: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="build-") as name:
        command = SandboxCommand(("python", "-I", "-S", "-c", _COMPILE_ALL), project, Path(name), limits=_LIMITS)
        outcome = sandbox.run(command, timeout=_SECONDS)
    if outcome.exit_code == 0 and outcome.output.rstrip().endswith("compiled"):
        return
    trouble = read_trouble(outcome.output)
    detail = "it took too long" if outcome.timed_out else trouble.error or outcome.output[-300:]
    message = "The app was not written correctly and cannot be started."
    raise CheckFailed("does_not_compile", message, detail=f"{trouble.place}: {detail}".strip(": "), file=trouble.file)
