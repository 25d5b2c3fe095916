"""Questions to the policies from inside a use case; the answer goes into the audit log with the act, or ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.authz.questions import Principal, PrincipalKind
from appliance.authz.wording import REFUSALS
from appliance.core.act_context import refine
from appliance.studio.errors import NotAllowed
from appliance.studio.people import Actor, Via

if TYPE_CHECKING:
    from appliance.authz.authority import Authority
    from appliance.authz.engine import Decision
    from appliance.authz.questions import Question


def as_principal(actor: Actor) -> Principal:
    """The person, or the operator at this machine, as policies know them."""
    kind = PrincipalKind.SERVICE if actor.via is Via.LOCAL else PrincipalKind.USER
    return Principal(kind, actor.principal, actor.roles, actor.groups)


def known_principal(name: str) -> Principal:
    """Somebody who does not act now and of whom only the name is known."""
    return Principal(PrincipalKind.USER if name.startswith("user:") else PrincipalKind.SERVICE, name)


def permit(authority: Authority, question: Question) -> Decision:
    """Ask, and go on only if it is permitted.

    Raises:
        NotAllowed: it is refused; message and action say why and what next.
    """
    question = authority.fitted(question)
    decision = authority.decide(question)
    refine(
        rule=decision.rule,
        decision="permit" if decision.allowed else "deny",
        policy=decision.policy,
        asked=question.as_details(),
    )
    if not decision.allowed:
        told = decision.refusal or REFUSALS[question.action]
        error = NotAllowed(told.says, cause=f"{question.action}: {decision.rule}", action=told.next)
        error.because(question, decision)
        raise error
    return decision
