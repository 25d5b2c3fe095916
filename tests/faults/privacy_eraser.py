"""A program to be killed: asks for an erasure and approves it, and dies at a named step.

``python privacy_eraser.py HOME STEP``; without a step it only starts, finishes what is left, and says what it did.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from tests.fixtures.privacy import ANN, BOB, parts_in


def main(home: str, wanted: str = "") -> None:
    def step(name: str) -> None:
        if name == wanted:
            os.kill(os.getpid(), signal.SIGKILL)

    with parts_in(Path(home), step=step) as parts:
        resumed = parts.privacy.resume()
        os.write(1, f"resumed {len(resumed)}\n".encode())
        if wanted:
            waiting = [one for one in parts.privacy.requests() if one.state.value == "waiting"]
            request = waiting[0] if waiting else parts.privacy.request_erasure("maya", principal=ANN, reason="asked")
            parts.privacy.approve_erasure(request.id, principal=BOB)
            os.write(1, b"acknowledged\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
