"""What the log says of the last days, read from its end, so that a long log does not make it slow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.audit.leaf import Leaf
    from appliance.audit.log import AuditLog
    from appliance.core.ports import LeafRef

BLOCK: Final = 2048
MOST: Final = 100_000


def recent_intents(log: AuditLog, since: datetime, *, most: int = MOST) -> list[tuple[LeafRef, Leaf]]:
    """Intents at or after ``since``, oldest first; of more than ``most`` entries the last ones.

    Raises:
        AuditUnavailable: a part is missing or damaged.
    """
    size = log.size
    step = min(BLOCK, most)
    start = max(0, size - step)
    while start > max(0, size - most) and _time_at(log, start) >= since:
        step *= 2
        start = max(0, size - most, size - step)
    return [(ref, leaf) for ref, leaf in log.leaves(start) if leaf.kind == "intent" and leaf.time >= since]


def _time_at(log: AuditLog, index: int) -> datetime:
    return next(iter(log.leaves(index)))[1].time
