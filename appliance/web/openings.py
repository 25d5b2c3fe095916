"""Which openings of apps stand in the audit log already, so that a page that reloads does not fill it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

MAX_KNOWN: Final = 10_000


class Openings:
    """The last 10,000; one that was forgotten, or a restart, gives one more entry. Safe for several threads."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._lock = threading.Lock()

    def knows(self, *opening: object) -> bool:
        """Whether it was recorded."""
        with self._lock:
            return opening in self._known

    def add(self, *opening: object) -> None:
        """Remember one that is in the log."""
        with self._lock:
            self._known[opening] = None
            self._known.move_to_end(opening)
            while len(self._known) > MAX_KNOWN:
                self._known.popitem(last=False)
