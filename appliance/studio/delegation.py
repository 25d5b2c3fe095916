"""Somebody lets another person decide in their place for a while: bounded in time, recorded, ended at any moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import Question, Role
from appliance.core.errors import Refused
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.db.approval_records import Delegation
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.studio.permits import as_principal, permit

if TYPE_CHECKING:
    from appliance.authz.authority import Authority
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.core.pseudonyms import AddressPseudonyms
    from appliance.core.settings import ApprovalSettings
    from appliance.db.repositories.approvals import Approvals
    from appliance.studio.people import Actor

DECIDING: Final = frozenset({Role.REVIEWER.value, Role.AUDITOR.value, Role.OPERATOR.value})
"""Roles that decide on requests, and can be lent."""
MAX_REASON: Final = 300


class Delegations:
    """What people lend and hold."""

    def __init__(
        self,
        approvals: Approvals,
        authority: Authority,
        *,
        audit: AuditSink,
        pseudonyms: AddressPseudonyms,
        settings: ApprovalSettings,
        clock: Clock,
    ) -> None:
        self._approvals, self._authority, self._audit = approvals, authority, audit
        self._pseudonyms, self._settings, self._clock = pseudonyms, settings, clock

    def give(self, actor: Actor, email: str, *, days: int, reason: str) -> Delegation:
        """Let whoever has this address decide for ``days`` days from now; they cannot lend it on.

        Raises:
            NotAllowed: the person decides on nothing.
            Refused: not an address, one's own, too long, or no reason.
        """
        permit(self._authority, Question(as_principal(actor), Action.DELEGATE_APPROVAL, questions.APPLIANCE))
        address, said = email.strip().lower(), " ".join(reason.split())[:MAX_REASON]
        self._check(actor, address, days, said)
        now = self._clock.now()
        made = Delegation(
            id=new_id("dlg"),
            principal=actor.principal,
            name=actor.person.name,
            to_email=address,
            roles=actor.roles & DECIDING,
            reason=said,
            begins_at=now,
            ends_at=now + timedelta(days=days),
        )
        details = {
            "delegation": made.id,
            "to": self._pseudonyms.of(address),
            "roles": sorted(made.roles),
            "begins": _stamp(made.begins_at),
            "ends": _stamp(made.ends_at),
            "reason": said,
        }
        with act(
            self._audit, Event.APPROVAL_DELEGATED, principal=actor.principal, resource="approvals", details=details
        ):
            self._approvals.delegate(made)
        return made

    def given(self, actor: Actor) -> list[Delegation]:
        """What the person lent and still counts."""
        now = self._clock.now()
        return [one for one in self._approvals.delegations(principal=actor.principal) if one.counts(now)]

    def take_back(self, actor: Actor, delegation_id: str) -> None:
        """End one before its time.

        Raises:
            NotFound: the person lent no such thing.
        """
        found = next((one for one in self.given(actor) if one.id == delegation_id), None)
        if found is None:
            message = "There is no such delegation of yours any more."
            raise NotFound(message, action="Reload the page.")
        details = {"delegation": found.id, "to": self._pseudonyms.of(found.to_email)}
        with act(
            self._audit, Event.DELEGATION_REVOKED, principal=actor.principal, resource="approvals", details=details
        ):
            self._approvals.revoke(found.id, self._clock.now())

    def _check(self, actor: Actor, address: str, days: int, reason: str) -> None:
        if "@" not in address or len(address) > 254:
            message = "That is not an e-mail address."
            raise Refused(message, action="Write it as name@company.example.")
        if address == actor.person.email.lower():
            message = "You decide for yourself already."
            raise Refused(message, action="Write the address of somebody else.")
        if not 1 <= days <= self._settings.delegation_days:
            message = f"Somebody may decide in your place for 1 to {self._settings.delegation_days} days."
            raise Refused(message, action="Choose fewer days; it can be given again.")
        if not reason:
            message = "A reason is needed."
            raise Refused(message, action="Say why in a few words, such as “on leave”.")


def _stamp(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds")
