"""What the log still takes when the disk is full: the ends of what was begun and administration, nobody else's acts."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from appliance.core.ports import AuditUnavailable

if TYPE_CHECKING:
    from appliance.audit.journal import Journal

ADMINISTRATION: Final = frozenset(
    {
        "service.started",
        "identity.signed_in",
        "identity.signed_out",
        "identity.sign_in_refused",
        "access.refused",
        "access.revoked",
        "app.unpublished",
        "approval.delegation_revoked",
        "audit.pruned",
        "audit.exported",
        "audit.searched",
        "audit.viewed",
        "model.loaded",
        "privacy.bodies_pruned",
        "privacy.hold_set",
        "privacy.hold_lifted",
    }
)
"""Events that a full disk does not stop: without them nobody could sign in and make space, or protect evidence."""

OUTCOME_BYTES: Final = 1024
"""What the record of one outcome takes, generously."""
LOW_BYTES: Final = 1 << 20
"""Less than this counts as full."""
_MARGIN: Final = 16
_MIB: Final = 1 << 20


class AuditDiskFull(AuditUnavailable):
    """The disk that holds the log has no space left; the log goes on by itself when there is some."""

    code = "audit_disk_full"


@dataclass(frozen=True)
class LogState:
    """What the log accepts now, for health pages. ``reserve_bytes`` can be written without any space on the disk."""

    accepts: Literal["everything", "administration", "nothing"]
    reason: str
    action: str
    reserve_bytes: int
    free_bytes: int

    @property
    def sentence(self) -> str:
        """``ok``, or why not and what the operator must do."""
        return "ok" if self.accepts == "everything" else f"{self.reason} {self.action}".strip()


class Space:
    """Whether the disk is full, as the log last saw it, and what follows from that."""

    def __init__(self, directory: Path, journal: Journal, segment_bytes: int) -> None:
        self._directory, self._journal, self._segment_bytes = directory, journal, segment_bytes
        self._full: OSError | None = None

    def set(self, error: OSError | None) -> None:
        """Remember that the disk said it was full; None: it has space again."""
        self._full = error

    @property
    def is_full(self) -> bool:
        """Whether there was no space the last time that some was needed."""
        return self._full is not None

    def admit(self, event: str, open_intents: int) -> None:
        """Let an intent pass; ``open_intents`` is how many others have no outcome yet.

        Raises:
            AuditDiskFull: the disk is full, and this is no administration, or what is left of the reserve is needed
                for the outcomes of what was begun.
        """
        if self._full is None:
            return
        if event not in ADMINISTRATION:
            raise self.refusal()
        if self._journal.room < (open_intents + _MARGIN) * OUTCOME_BYTES:
            raise self.refusal("What the log keeps in reserve is nearly used up too.")

    def refusal(self, more: str = "") -> AuditDiskFull:
        """What a caller sees."""
        message = "This cannot be done now, because the disk that holds the audit log is full."
        cause = f"{self._directory}: {self._full or 'no space'}. {more}".strip()
        return AuditDiskFull(message, cause=cause, action=self.action())

    def action(self) -> str:
        """What the operator must do."""
        needed = 2 * self._segment_bytes // _MIB or 1
        return (
            f"Free at least {needed} MiB on the file system of {self._directory}, but change nothing in that folder. "
            "The log goes on by itself; nothing has to be restarted."
        )

    def shortage(self) -> OSError | None:
        """An error if the disk has hardly any space, so that people are told before something fails half-way."""
        return OSError(errno.ENOSPC, "hardly any space is left") if self.free_bytes() < LOW_BYTES else None

    def free_bytes(self) -> int:
        """What the file system has left for this account; 0 where it cannot be asked."""
        try:
            state = os.statvfs(self._directory)
        except OSError:
            return 0
        return state.f_bavail * state.f_frsize

    def state(self, failure: AuditUnavailable | None) -> LogState:
        """The state for the operator."""
        room, free = self._journal.room, self.free_bytes()
        if failure is not None:
            return LogState("nothing", f"{failure.message} ({failure.cause})", failure.action, room, free)
        if self._full is None:
            return LogState("everything", "", "", room, free)
        reason = "The disk that holds the audit log is full, so only administration is possible."
        return LogState("administration", reason, self.action(), room, free)
