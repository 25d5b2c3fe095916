"""Does a thing once at the start and then once a day, on its own thread, and says when it could not."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    from collections.abc import Callable

DAY_SECONDS: Final = 86_400.0
_log = logging.getLogger(__name__)


class Daily:
    """A daily duty. An error is logged, kept in :attr:`failure`, and the duty tried again the next day."""

    def __init__(self, duty: Callable[[], object], *, name: str, seconds: float = DAY_SECONDS) -> None:
        self._duty, self._seconds = duty, seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.failure: IntramuralError | None = None

    def start(self) -> None:
        """Begin; the first time comes at once."""
        self._thread.start()

    def stop(self) -> None:
        """End; waits for a duty under way."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._duty()
                self.failure = None
            except IntramuralError as error:
                self.failure = error
                _log.exception("%s: %s", self._thread.name, error.message)
            self._stopping.wait(self._seconds)
