"""Retention of sealed bodies: what is older than the policy allows goes, unless a legal hold keeps it.

Each batch is announced by a leaf that lists the addresses, before anything is removed. A crash in between leaves
bodies that the next run announces again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from appliance.audit.approvals import covers
from appliance.audit.vault import Gone
from appliance.core.events import Event, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from appliance.audit.desk import Desk
    from appliance.audit.vault import Vault
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink

BATCH: Final = 500


@dataclass(frozen=True)
class RetentionReport:
    """What one run did: bodies removed, by kind, and bodies that only a legal hold kept."""

    removed: Mapping[str, int]
    held: int


class Retention:
    """Applies the policy. Run it once a day."""

    def __init__(
        self,
        vault: Vault,
        desk: Desk,
        audit: AuditSink,
        clock: Clock,
        days: Mapping[str, int],
        *,
        step: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``days`` by kind of body; 0 or no entry: without end. ``step`` is told each step (for faults)."""
        self._vault, self._desk, self._audit, self._clock = vault, desk, audit, clock
        self._days, self._step = dict(days), step

    def run(self, *, principal: str) -> RetentionReport:
        """Remove what is due.

        Raises:
            AuditUnavailable: it cannot be recorded; nothing was removed without a leaf.
            BodyDamaged: a file in the vault, or a hold, cannot be read.
        """
        now = self._clock.now()
        holds = self._desk.holds()
        due: dict[str, list[str]] = {}
        held = 0
        for address, header in self._vault.all():
            days = self._days.get(header.kind, 0)
            if not days or now - header.sealed_at <= timedelta(days=days):
                continue
            if any(covers(hold, header.subject) for hold in holds):
                held += 1
            else:
                due.setdefault(header.kind, []).append(address)
        for kind, addresses in due.items():
            for at in range(0, len(addresses), BATCH):
                self._prune(kind, addresses[at : at + BATCH], principal)
        return RetentionReport({kind: len(found) for kind, found in due.items()}, held)

    def _prune(self, kind: str, addresses: list[str], principal: str) -> None:
        days = self._days[kind]
        details: dict[str, object] = {"kind": kind, "days": days, "addresses": addresses}
        intent = self._audit.intent(Event.BODIES_PRUNED, principal=principal, resource="vault", details=details)
        self._step("announced")
        at = self._clock.now().isoformat(timespec="seconds")
        self._vault.prune(addresses, Gone(at, kind, days, intent.index))
        self._step("removed")
        self._audit.outcome(intent, Outcome.DONE, details={"removed": len(addresses)})
