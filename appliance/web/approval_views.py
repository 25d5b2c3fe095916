"""Requests for approval as pages show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from appliance.audit.approvals import RequestState, may_approve
from appliance.authz.actions import Action
from appliance.authz.questions import LEVELS
from appliance.core.clock import SystemClock
from appliance.db.approval_records import ApprovalKind, ApprovalState
from appliance.studio.rights import counted

if TYPE_CHECKING:
    from appliance.db.approval_records import Approval
    from appliance.studio.people import Actor
    from appliance.web.services import Services

LEVEL_WORDS: Final = (
    "anybody may know it",
    "for people of the company",
    "for those who need it, such as data of customers or staff",
    "for very few, such as health or pay",
)
KIND_WORDS: Final = {
    ApprovalKind.PUBLISH: "Publishing",
    ApprovalKind.POLICY: "Policy",
    ApprovalKind.MODEL: "Model",
    ApprovalKind.EXPORT: "Export",
    ApprovalKind.CLASSIFY: "Data class",
    ApprovalKind.ERASURE: "Erasure",
}
_STATE_WORDS: Final = {
    ApprovalState.WAITING: ("waiting", ""),
    ApprovalState.APPROVED: ("approved, not carried out yet", "warn"),
    ApprovalState.DONE: ("approved", "good"),
    ApprovalState.REFUSED: ("refused", "warn"),
    ApprovalState.WITHDRAWN: ("withdrawn", ""),
    ApprovalState.EXPIRED: ("expired", "warn"),
}


def row(services: Services, actor: Actor, approval: Approval) -> dict[str, Any]:
    """One request, with what the person may do with it."""
    approvals = services.governance.approvals
    votes = approvals.votes(approval.id)
    waiting, own = approval.state is ApprovalState.WAITING, approval.requester == actor.principal
    voted = any(vote.voter == actor.principal for vote in votes)
    question = approvals.rights.question(actor, Action.APPROVE, approval)
    decision = services.governance.authority.decide(question)
    state, tone = _STATE_WORDS[approval.state]
    return {
        "approval": approval,
        "kind": KIND_WORDS[approval.kind],
        "state": state,
        "tone": tone,
        "votes": votes,
        "count": counted(votes),
        "missing": approvals.rights.missing(approval, votes) if waiting else 0,
        "blocked": _blocked(services, approval, counted(votes)) if waiting else "",
        "level": LEVELS[approval.level],
        "own": own,
        "voted": voted,
        "may_approve": waiting and decision.allowed and not voted,
        "may_refuse": waiting and approvals.rights.may(actor, Action.REFUSE, approval),
        "may_withdraw": not approval.state.final and approvals.rights.may(actor, Action.WITHDRAW, approval),
        "may_carry_out": approval.state is ApprovalState.APPROVED
        and (decision.allowed or approval.requester == actor.principal),
        "may_try": waiting
        and approval.kind is ApprovalKind.PUBLISH
        and approvals.rights.may(actor, Action.TRY_OUT, approval),
        "why_not": "" if decision.refusal is None else f"{decision.refusal.says} {decision.refusal.next}",
        "in_place_of": question.circumstances.delegator if decision.allowed else "",
    }


def _blocked(services: Services, approval: Approval, count: int) -> str:
    """Why no number of approvals would do, or nothing."""
    rights = services.governance.approvals.rights
    if rights.missing(approval, services.governance.approvals.votes(approval.id)) is not None:
        return ""
    decision = rights.enough(approval, count + 5)
    return "" if decision.refusal is None else f"{decision.refusal.says} {decision.refusal.next}"


def erasures_waiting(services: Services, actor: Actor) -> list[Any]:
    """Erasure requests that the person could approve now; they are kept beside the vault."""
    if not actor.auditor:
        return []
    now = SystemClock().now()
    waiting = [one for one in services.privacy.requests() if one.state is RequestState.WAITING]
    return [one for one in waiting if may_approve(one, actor.principal, now)]


def waiting_count(services: Services, actor: Actor) -> int:
    """How much waits for the person: the number beside “Approvals” on every page."""
    return len(services.governance.approvals.waiting_for(actor)) + len(erasures_waiting(services, actor))
