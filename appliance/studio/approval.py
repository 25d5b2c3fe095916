"""Requests for approval: asked, looked at, expired. Who may do what is decided by the policies."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from appliance.authz.actions import Action
from appliance.authz.questions import Question
from appliance.core.act_context import APPLIANCE
from appliance.core.errors import Refused
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.db.approval_records import Approval, ApprovalKind, ApprovalState, Observation
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.studio.permits import as_principal, permit
from appliance.studio.rights import Rights, counted, resource_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from appliance.authz.authority import Authority
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.core.settings import ApprovalSettings
    from appliance.db.approval_records import Vote
    from appliance.db.repositories.approvals import Approvals
    from appliance.studio.evidence import Act
    from appliance.studio.notices import Notices
    from appliance.studio.people import Actor

MAX_COMMENT: Final = 1000
MAX_WAITING: Final = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to have approved."""

    kind: ApprovalKind
    title: str
    comment: str = ""
    project_id: str | None = None
    author: str = ""
    owner: str = ""
    level: int = 1
    findings: tuple[Observation, ...] = ()
    subject: Mapping[str, object] = field(default_factory=dict)


class ApprovalService:
    """Every request of every kind but erasures, which lie beside the vault."""

    def __init__(
        self,
        approvals: Approvals,
        authority: Authority,
        *,
        audit: AuditSink,
        notices: Notices,
        settings: ApprovalSettings,
        clock: Clock,
    ) -> None:
        self._approvals, self._authority, self._audit, self._notices = approvals, authority, audit, notices
        self._settings, self._clock = settings, clock
        self._one = threading.RLock()
        """Held while requests change."""
        self.rights = Rights(authority, approvals, clock)
        self.when_decided: list[Callable[[Approval], None]] = []
        """Called when a request does not wait any more, whatever became of it; must not raise."""

    # --- asking ------------------------------------------------------------------------------------------------

    def request(self, actor: Actor, wanted: Wanted) -> Approval:
        """Ask for an approval.

        Raises:
            NotAllowed: the policies do not let this person ask.
            Refused: something like it waits already, or very much does.
        """
        now = self._clock.now()
        approval = Approval(
            id=new_id("apr"),
            kind=wanted.kind,
            state=ApprovalState.WAITING,
            title=wanted.title[:200],
            requester=actor.principal,
            requester_name=actor.person.name,
            requester_email=actor.person.email,
            comment=words(wanted.comment),
            created_at=now,
            expires_at=now + timedelta(days=self._settings.days),
            project_id=wanted.project_id,
            author=wanted.author,
            owner=wanted.owner,
            level=wanted.level,
            findings=wanted.findings,
            subject=dict(wanted.subject),
        )
        permit(self._authority, Question(as_principal(actor), Action.REQUEST_APPROVAL, resource_of(approval)))
        codes = [one.code for one in approval.findings]
        with (
            self._one,
            self._act(Event.APPROVAL_REQUESTED, approval, actor.principal, level=approval.level, findings=codes),
        ):
            self._refuse_twice(approval)
            self._approvals.add(approval)
        self._notices.asked(approval)
        return approval

    def _refuse_twice(self, approval: Approval) -> None:
        waiting = self.waiting()
        if len(waiting) >= MAX_WAITING:
            message = f"{MAX_WAITING} requests wait already."
            raise Refused(message, action="Wait until some of them are decided.")
        for other in waiting:
            if (other.kind, other.project_id) == (approval.kind, approval.project_id) and approval.project_id:
                message = "There is such a request for this app already."
                raise Refused(message, action="Withdraw it first, or wait until it is decided.")

    # --- looking -----------------------------------------------------------------------------------------------

    def find(self, approval_id: str) -> Approval | None:
        """A request by its identifier, whoever asks."""
        return self._approvals.get(approval_id)

    def get(self, actor: Actor, approval_id: str) -> Approval:
        """A request that the person may see.

        Raises:
            NotFound: there is none, or none for them.
        """
        self.expire()
        found = self._approvals.get(approval_id)
        if found is None or not self.rights.may(actor, Action.VIEW_APPROVAL, found):
            message = "There is no such request for you."
            raise NotFound(message, action="Go back to the list of requests.")
        return found

    def view(self, actor: Actor, approval_id: str) -> tuple[Approval, list[Vote]]:
        """A request with what was said to it; the look is recorded."""
        found = self.get(actor, approval_id)
        with self._act(Event.APPROVAL_VIEWED, found, actor.principal):
            return found, self._approvals.votes(found.id)

    def mine(self, actor: Actor) -> list[Approval]:
        """The person's own requests, the last first."""
        self.expire()
        return self._approvals.of_requester(actor.principal)

    def waiting_for(self, actor: Actor) -> list[Approval]:
        """What the person could decide now and has not yet, oldest first."""
        return [
            one
            for one in self.waiting()
            if self.rights.may(actor, Action.APPROVE, one)
            and all(vote.voter != actor.principal for vote in self._approvals.votes(one.id))
        ]

    def history(self, actor: Actor) -> list[Approval]:
        """What is over and the person may see, the last first."""
        return [one for one in self._approvals.settled() if self.rights.may(actor, Action.VIEW_APPROVAL, one)]

    def of_project(self, project_id: str) -> list[Approval]:
        """Requests about an app, the last first."""
        self.expire()
        return self._approvals.of_project(project_id)

    def votes(self, approval_id: str) -> list[Vote]:
        """What was said to a request."""
        return self._approvals.votes(approval_id)

    def granted(self, kind: ApprovalKind, requester: str, *, project_id: str) -> int:
        """How many approved that ``requester`` does this with an app, by a request that is fresh enough."""
        newest = self._clock.now() - timedelta(days=self._settings.export_days)
        for one in self._approvals.of_requester(requester):
            fresh = one.settled_at is not None and one.settled_at >= newest
            if one.kind is kind and one.project_id == project_id and one.state is ApprovalState.DONE and fresh:
                return counted(self._approvals.votes(one.id))
        return 0

    def expire(self) -> None:
        """End what waited for too long."""
        now = self._clock.now()
        for one in self._approvals.in_state(ApprovalState.WAITING):
            if one.expires_at > now:
                continue
            with self._one, self._act(Event.APPROVAL_EXPIRED, one, APPLIANCE, requested_by=one.requester):
                why = f"Nobody decided within {self._settings.days} days."
                self._approvals.settle(
                    one.id, ApprovalState.EXPIRED, expected=ApprovalState.WAITING, at=now, outcome=why
                )
            self.decided(replace(one, state=ApprovalState.EXPIRED, outcome=why))
            self._notices.decided(replace(one, state=ApprovalState.EXPIRED, outcome=why))

    def decided(self, approval: Approval) -> None:
        """Tell everybody who must know that a request does not wait any more."""
        for told in self.when_decided:
            told(approval)

    def waiting(self) -> list[Approval]:
        """Everything that waits, oldest first, whoever asks."""
        self.expire()
        return self._approvals.in_state(ApprovalState.WAITING)

    def _act(self, event: Event, approval: Approval, principal: str, **details: object) -> AbstractContextManager[Act]:
        return act_on(self._audit, event, approval, principal, **details)


def act_on(
    audit: AuditSink, event: Event, approval: Approval, principal: str, **details: object
) -> AbstractContextManager[Act]:
    """An act about a request, as the log knows it."""
    told = {"approval": approval.id, "kind": approval.kind.value, **details}
    return act(audit, event, principal=principal, resource=approval.project_id or approval.id, details=told)


def words(text: str) -> str:
    """What somebody wrote, on one line and not too long."""
    return " ".join(text.split())[:MAX_COMMENT]
