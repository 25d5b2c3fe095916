"""Who may decide on a request, in whose place, and how many approvals it needs: all of it asked of the policies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import Circumstances, Question
from appliance.studio.permits import as_principal, known_principal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from appliance.authz.authority import Authority
    from appliance.authz.engine import Decision
    from appliance.authz.questions import Resource
    from appliance.core.clock import Clock
    from appliance.db.approval_records import Approval, Delegation, Vote
    from appliance.db.repositories.approvals import Approvals
    from appliance.studio.people import Actor

_BY_DELEGATION: Final = frozenset({Action.VIEW_APPROVAL, Action.APPROVE, Action.REFUSE, Action.TRY_OUT})
"""What somebody can be let to do in another's place."""
MOST_APPROVALS: Final = 5
"""That a policy may ask for; one that asks for more can never be fulfilled."""


def resource_of(approval: Approval) -> Resource:
    """A request as policies know it."""
    return questions.approval(
        approval.id,
        kind=approval.kind.value,
        requester=approval.requester,
        author=approval.author,
        owner=approval.owner,
        level=approval.level,
    )


class Rights:
    """Asks the policies about requests."""

    def __init__(self, authority: Authority, approvals: Approvals, clock: Clock) -> None:
        self._authority, self._approvals, self._clock = authority, approvals, clock

    def question(self, actor: Actor, action: Action, approval: Approval) -> Question:
        """The question to ask: in the actor's own name if that is permitted, else in the place of whoever let them
        decide, if that is; where nothing is permitted, in their own."""
        own = Question(as_principal(actor), action, resource_of(approval))
        if action not in _BY_DELEGATION or self._allows(own):
            return own
        return next((one for one in self._in_place(actor, own) if self._allows(one)), own)

    def may(self, actor: Actor, action: Action, approval: Approval) -> bool:
        """Whether the actor could do this now."""
        return self._allows(self.question(actor, action, approval))

    def standing_in(self, actor: Actor) -> list[Delegation]:
        """Who lets the actor decide, now."""
        if not actor.person.email:
            return []
        now = self._clock.now()
        return [one for one in self._approvals.delegations(to_email=actor.person.email) if one.counts(now)]

    def enough(self, approval: Approval, count: int) -> Decision:
        """Whether ``count`` approvals are enough to carry the request out."""
        found = frozenset(one.code for one in approval.findings)
        asked = Circumstances(approvals=count, findings=found, level=approval.level)
        who = known_principal(approval.requester)
        return self._authority.decide(Question(who, Action.CARRY_OUT, resource_of(approval), asked))

    def missing(self, approval: Approval, votes: Iterable[Vote]) -> int | None:
        """How many approvals more are needed; None if no number of them would do."""
        count = counted(votes)
        wanted = range(count, max(count, MOST_APPROVALS) + 1)
        return next((number - count for number in wanted if self.enough(approval, number).allowed), None)

    def _in_place(self, actor: Actor, own: Question) -> Iterator[Question]:
        for one in self.standing_in(actor):
            principal = replace(own.principal, roles=own.principal.roles | one.roles)
            yield Question(principal, own.action, own.resource, Circumstances(delegator=one.principal))

    def _allows(self, question: Question) -> bool:
        return self._authority.decide(question).allowed


def counted(votes: Iterable[Vote]) -> int:
    """How many people approved; somebody and whoever decides in their place count once."""
    return len({one.in_place_of or one.voter for one in votes if one.approves})
