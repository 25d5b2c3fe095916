"""Decisions on requests, and what follows: approved or refused, withdrawn, carried out.

A request with enough approvals is ``approved`` and is carried out at once, by the part that knows how; what a crash
interrupts there, the next start carries out.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from appliance.authz.actions import Action
from appliance.core.act_context import APPLIANCE
from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Event
from appliance.db.approval_records import Approval, ApprovalKind, ApprovalState, Vote
from appliance.studio.approval import act_on, words
from appliance.studio.errors import NotFound
from appliance.studio.permits import permit
from appliance.studio.rights import counted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from appliance.authz.authority import Authority
    from appliance.authz.questions import Question
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.db.repositories.approvals import Approvals
    from appliance.studio.approval import ApprovalService
    from appliance.studio.evidence import Act
    from appliance.studio.notices import Notices
    from appliance.studio.people import Actor

_log = logging.getLogger(__name__)


class NotWaiting(Refused):
    """It was decided already, or it is too old."""

    code = "not_waiting"


CarryOut = Callable[[Approval, tuple[Vote, ...], str], None]
"""A request that is approved, its votes, and the principal in whose name it happens. Raises IntramuralError."""


class Decisions:
    """What reviewers, auditors and requesters do with a request. One at a time."""

    def __init__(
        self,
        service: ApprovalService,
        approvals: Approvals,
        authority: Authority,
        *,
        audit: AuditSink,
        notices: Notices,
        clock: Clock,
    ) -> None:
        self._service, self._approvals, self._authority = service, approvals, authority
        self._audit, self._notices, self._clock = audit, notices, clock
        self._rights = service.rights
        self._one = threading.RLock()
        self.carriers: dict[ApprovalKind, CarryOut] = {}
        """How what was approved is carried out; a kind that is not here is done when it is approved."""

    def approve(self, actor: Actor, approval_id: str, comment: str) -> Approval:
        """Approve; with enough approvals it is carried out before this returns.

        Raises:
            NotAllowed: the policies do not let this person approve it.
            NotWaiting: it is decided already, or too old.
            IntramuralError: it is approved, but could not be carried out; its page says why, and can try again.
        """
        with self._one:
            approval, question = self._undecided(actor, approval_id, Action.APPROVE)
            vote = self._vote(actor, approval, question, comment, approves=True)
            told = {"requested_by": approval.requester, "in_place_of": vote.in_place_of or None}
            with self._act(
                Event.APPROVAL_APPROVED, approval, actor.principal, comment=vote.comment, **told
            ) as evidence:
                self._approvals.vote(vote)
                votes = self._approvals.votes(approval.id)
                missing = self._rights.missing(approval, votes)
                evidence.details.update(approvals=counted(votes), missing=-1 if missing is None else missing)
                if missing == 0:
                    self._settle(approval, ApprovalState.APPROVED, expected=ApprovalState.WAITING)
            return self.carry_out(approval.id, actor.principal) if missing == 0 else self._again(approval.id)

    def refuse(self, actor: Actor, approval_id: str, reason: str) -> Approval:
        """Refuse, which ends the request.

        Raises:
            NotAllowed, NotWaiting: as for :meth:`approve`.
            Refused: no reason is given.
        """
        with self._one:
            approval, question = self._undecided(actor, approval_id, Action.REFUSE)
            said = _reason(reason)
            vote = self._vote(actor, approval, question, said, approves=False)
            told = {"requested_by": approval.requester, "in_place_of": vote.in_place_of or None}
            with self._act(Event.APPROVAL_REFUSED, approval, actor.principal, reason=said, **told):
                self._approvals.vote(vote)
                self._settle(approval, ApprovalState.REFUSED, expected=ApprovalState.WAITING, outcome=said)
            settled = self._again(approval.id)
        self._notices.decided(settled)
        return settled

    def withdraw(self, actor: Actor, approval_id: str) -> Approval:
        """Take one's own request back, while it waits or could not be carried out."""
        with self._one:
            approval = self._service.get(actor, approval_id)
            permit(self._authority, self._rights.question(actor, Action.WITHDRAW, approval))
            if approval.state.final:
                raise _not_waiting(approval)
            with self._act(Event.APPROVAL_WITHDRAWN, approval, actor.principal):
                self._settle(approval, ApprovalState.WITHDRAWN, expected=approval.state)
            return self._again(approval.id)

    # --- what follows ------------------------------------------------------------------------------------------

    def carry_out(self, approval_id: str, principal: str) -> Approval:
        """Do what was approved, in the name of ``principal``; it is ``done``, or stays ``approved`` and says why.

        Raises:
            NotWaiting: it is not approved, or done already.
            NotAllowed: by the policies of now it lacks something.
            IntramuralError: it could not be done.
        """
        with self._one:
            approval = self._again(approval_id)
            if approval.state is not ApprovalState.APPROVED:
                raise _not_waiting(approval)
            votes = tuple(self._approvals.votes(approval.id))
            decision = self._rights.enough(approval, counted(votes))
            if not decision.allowed and decision.refusal is not None:
                message = decision.refusal.says
                raise NotWaiting(message, action=decision.refusal.next)
            carrier = self.carriers.get(approval.kind)
            try:
                if carrier is not None:
                    carrier(approval, votes, principal)
            except IntramuralError as error:
                self._approvals.settle(
                    approval.id,
                    ApprovalState.APPROVED,
                    expected=ApprovalState.APPROVED,
                    at=self._clock.now(),
                    outcome=f"{error.message} {error.action}".strip(),
                )
                raise
            self._settle(approval, ApprovalState.DONE, expected=ApprovalState.APPROVED)
            settled = self._again(approval.id)
        self._notices.decided(settled)
        return settled

    def resume(self) -> None:
        """Carry out what was approved and then interrupted; for the start. What fails says so on its page."""
        for one in self._service.waiting():
            # Its last vote was kept, and then the appliance stopped.
            if self._approvals.votes(one.id) and self._rights.missing(one, self._approvals.votes(one.id)) == 0:
                self._settle(one, ApprovalState.APPROVED, expected=ApprovalState.WAITING)
        for one in self._approvals.in_state(ApprovalState.APPROVED):
            try:
                self.carry_out(one.id, APPLIANCE)
            except IntramuralError:
                _log.exception("the approved request %s could not be carried out", one.id)

    def _undecided(self, actor: Actor, approval_id: str, action: Action) -> tuple[Approval, Question]:
        approval = self._service.get(actor, approval_id)
        question = self._rights.question(actor, action, approval)
        permit(self._authority, question)
        if approval.state is not ApprovalState.WAITING:
            raise _not_waiting(approval)
        return approval, question

    def _vote(self, actor: Actor, approval: Approval, question: Question, comment: str, *, approves: bool) -> Vote:
        return Vote(
            approval_id=approval.id,
            voter=actor.principal,
            voter_name=actor.person.name,
            approves=approves,
            comment=words(comment),
            at=self._clock.now(),
            in_place_of=question.circumstances.delegator,
        )

    def _settle(self, approval: Approval, state: ApprovalState, *, expected: ApprovalState, outcome: str = "") -> None:
        if not self._approvals.settle(approval.id, state, expected=expected, at=self._clock.now(), outcome=outcome):
            raise _not_waiting(self._again(approval.id))
        if expected is ApprovalState.WAITING:
            self._service.decided(approval)

    def _again(self, approval_id: str) -> Approval:
        found = self._approvals.get(approval_id)
        if found is None:
            message = "There is no such request."
            raise NotFound(message, action="Go back to the list of requests.")
        return found

    def _act(self, event: Event, approval: Approval, principal: str, **details: object) -> AbstractContextManager[Act]:
        return act_on(self._audit, event, approval, principal, **details)


def _reason(text: str) -> str:
    said = words(text)
    if not said:
        message = "A reason is needed, so that whoever asked knows what to change."
        raise Refused(message, action="Say it in a sentence.")
    return said


def _not_waiting(approval: Approval) -> NotWaiting:
    message = "This request does not wait for a decision any more."
    return NotWaiting(
        message, cause=f"it is {approval.state.value}", action="Look at its page: it says what became of it."
    )
