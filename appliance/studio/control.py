"""How a running build learns that it should end early."""

from __future__ import annotations

import threading
import time

from appliance.studio.errors import BuildCancelled, BuildTimedOut, Interrupted


class Control:
    """One per running build: asked between stages, at every piece of text and at every check."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._cancelled = threading.Event()
        self._interrupted = threading.Event()

    def cancel(self) -> None:
        """The maker pressed Stop."""
        self._cancelled.set()

    def interrupt(self) -> None:
        """The appliance is stopping."""
        self._interrupted.set()

    def check(self) -> None:
        """Return if the build may go on.

        Raises:
            BuildCancelled, Interrupted, BuildTimedOut: it may not.
        """
        if self._cancelled.is_set():
            message = "You stopped this build."
            raise BuildCancelled(message, action="Start it again whenever you like.")
        if self._interrupted.is_set():
            raise interrupted()
        if time.monotonic() > self._deadline:
            message = f"This took longer than {self._seconds:.0f} seconds and was stopped."
            raise BuildTimedOut(message, action="Ask for a smaller app first and add to it, or try again later.")


def interrupted() -> Interrupted:
    """The error of a build during which the appliance stopped."""
    message = "The appliance was stopped while it was building."
    return Interrupted(message, action="Nothing is lost: your words are here. Press Try again.")
