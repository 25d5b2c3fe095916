"""Python text in the format of the appliance's own code."""

from __future__ import annotations

import subprocess
from typing import Final

from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

from appliance.codegen.custom.problem import CodeProblem

_SECONDS: Final = 20


def formatted(source: str) -> str:
    """The same, formatted by ruff.

    Raises:
        CodeProblem: the formatter is not there, or refuses.
    """
    try:
        done = subprocess.run(
            [find_ruff_bin(), "format", "--no-cache", "--isolated", "--line-length", "110", "-"],
            input=source,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = "it could not be formatted"
        raise CodeProblem(message) from error
    if done.returncode != 0:
        message = "the formatter refused it"
        raise CodeProblem(message)
    return done.stdout
