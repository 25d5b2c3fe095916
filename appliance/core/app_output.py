"""Reads what a failing app printed: which file, which error, and whether the machine is to blame. Pure and total."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_FRAME: Final = re.compile(r'^\s*File "/app/([^"\n]{1,200})", line (\d{1,7})', re.MULTILINE)
_ERROR: Final = re.compile(
    r"^(?:[\w.]{1,80}\.)?(\w{1,60}(?:Error|Exception|Exit|Interrupt)): ?(.{0,300})$", re.MULTILINE
)
_NO_SPACE: Final = ("No space left on device", "database or disk is full", "Disk quota exceeded")
_NO_MEMORY: Final = ("MemoryError", "sandbox: stopped", "Cannot allocate memory")


@dataclass(frozen=True)
class AppTrouble:
    """``file`` (relative to the app) and ``line`` are where the app's own code was; empty and 0 if it is not known."""

    error: str = ""
    file: str = ""
    line: int = 0
    disk_full: bool = False
    out_of_memory: bool = False

    @property
    def place(self) -> str:
        """``file:line``, or nothing."""
        return f"{self.file}:{self.line}" if self.file else ""


def read_trouble(output: str) -> AppTrouble:
    """The last traceback in ``output``."""
    frames = _FRAME.findall(output)
    errors = list(_ERROR.finditer(output))
    file, line = frames[-1] if frames else ("", "0")
    error = f"{errors[-1][1]}: {errors[-1][2]}".strip(": ") if errors else ""
    return AppTrouble(
        error=error,
        file=file,
        line=int(line),
        disk_full=any(sign in output for sign in _NO_SPACE),
        out_of_memory=any(sign in output for sign in _NO_MEMORY),
    )
