"""What a preparation reports while it runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

Phase: TypeAlias = Literal["obtain", "join", "convert", "verify"]


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` bytes of one phase. ``convert`` counts bytes of the source; phases come in this order."""

    phase: Phase
    done: int
    total: int


class PhaseMeter:
    """Adds up bytes that several threads report and passes on a :class:`Progress` that never goes back."""

    def __init__(self, phase: Phase, total: int, on_progress: Callable[[Progress], None]) -> None:
        self._phase: Phase = phase
        self._total = total
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._by_source: dict[str, int] = {}
        self._highest = -1

    def at(self, source: str, done: int) -> None:
        """``source`` has reached ``done`` bytes; a source that starts again may report less than before."""
        with self._lock:
            self._by_source[source] = done
            reached = min(sum(self._by_source.values()), self._total)
            if reached > self._highest:
                self._highest = reached
                self._on_progress(Progress(self._phase, reached, self._total))
