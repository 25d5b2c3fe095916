"""Questions to the policies about a request: an answer goes into the audit log, and ends the request if it is no."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from appliance.authz import questions
from appliance.authz.actions import Action, Kind
from appliance.authz.questions import ORDINARY, Circumstances, Principal, Question, Resource
from appliance.authz.wording import REFUSALS
from appliance.core.act_context import refine
from appliance.studio.errors import NotAllowed, NotFound
from appliance.studio.people import NotYours
from appliance.studio.permits import as_principal
from appliance.web.resources import Found, found_for

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection

    from appliance.authz.engine import Decision
    from appliance.studio.people import Actor
    from appliance.web.services import Services

DECISION: Final = "intramural_decision"
"""Where the last decision about a request stands, in the request's state."""
DECIDES_ITSELF: Final = "intramural_decides_itself"
_HIDDEN: Final = frozenset({Kind.APP, Kind.VERSION, Kind.DRAFT, Kind.APPROVAL})
"""Kinds of which a stranger is not told whether there is one."""
_TOLD: Final = frozenset(
    {Action.PREVIEW_APP, Action.USE_RELEASE, Action.USE_KIOSK, Action.APPROVE, Action.REFUSE, Action.UNPUBLISH_APP}
)
"""Actions whose refusal is told, because whoever asks knows that there is something."""


async def decide_route(connection: ASGIConnection[Any, Any, Any, Any], services: Services, action: Action) -> None:
    """Decide about the request as its route names it; the resource is found by the address.

    Raises:
        NotAllowed, NotFound: it is not permitted, or there is no such thing.
    """
    actor = getattr(connection.state, "actor", None)
    principal = questions.VISITOR if actor is None else as_principal(actor)
    found = await asyncio.to_thread(found_for, services, action, connection.path_params, actor)
    require(connection, found.principal or principal, action, found.resource, found.circumstances, exists=found.exists)


def require(
    connection: ASGIConnection[Any, Any, Any, Any],
    principal: Principal,
    action: Action,
    resource: Resource,
    circumstances: Circumstances = ORDINARY,
    *,
    exists: bool = True,
) -> Decision:
    """Ask the policies in force; the answer becomes part of whatever the request writes into the audit log.

    Raises:
        NotAllowed: it is refused; message and action say why and what next.
        NotFound: it is refused, and whoever asks is not told whether there is one.
    """
    services: Services = connection.app.state.services
    circumstances = replace(circumstances, assurance=_assurance(connection, services))
    question = services.governance.authority.fitted(Question(principal, action, resource, circumstances))
    decision = services.governance.authority.decide(question)
    note(connection, question, decision)
    if not decision.allowed:
        raise refusal(question, decision, exists=exists)
    return decision


def _assurance(connection: ASGIConnection[Any, Any, Any, Any], services: Services) -> int:
    """2 where the person has just proved once more, and more strongly, who they are."""
    session, identity = getattr(connection.state, "session", None), services.identity
    return 2 if session is not None and identity.step_up.met_by(session.assurance, identity.clock.now()) else 1


def note(connection: ASGIConnection[Any, Any, Any, Any], question: Question, decision: Decision) -> None:
    """Let the decision stand in the request, and in the context of its acts."""
    connection.scope["state"][DECISION] = decision
    refine(
        rule=decision.rule,
        decision="permit" if decision.allowed else "deny",
        policy=decision.policy,
        asked=question.as_details(),
    )


def permits(services: Services, actor: Actor, action: Action, found: Found | Resource) -> bool:
    """Whether somebody could do it: for pages, which show no button that would be refused. Nothing is recorded."""
    resource = found if isinstance(found, Resource) else found.resource
    circumstances = ORDINARY if isinstance(found, Resource) else found.circumstances
    return services.governance.authority.decide(Question(as_principal(actor), action, resource, circumstances)).allowed


def require_model(request: ASGIConnection[Any, Any, Any, Any], services: Services, level: int) -> None:
    """Whether words about data of ``level`` may be handed to the model. A yes is not noted: what the words are for is
    decided and noted already.

    Raises:
        NotAllowed: they may not.
    """
    ceiling = questions.LEVELS.index(services.settings.model.ceiling)
    model = questions.model("default", ceiling=ceiling)
    question = Question(as_principal(request.state.actor), Action.USE_MODEL, model, Circumstances(level=level))
    decision = services.governance.authority.decide(question)
    if not decision.allowed:
        note(request, question, decision)
        raise refusal(question, decision)


def require_model_for(request: ASGIConnection[Any, Any, Any, Any], app_id: str) -> None:
    """The same for words about an app: they are as secret as what it holds."""
    services: Services = request.app.state.services
    known = services.studio.projects.get(app_id)
    require_model(request, services, questions.DEFAULT_LEVEL if known is None else known.level)


def refusal(question: Question, decision: Decision, *, exists: bool = True) -> NotAllowed | NotFound:
    """The error that tells a person of a refusal."""
    error = _worded(question, decision, exists=exists)
    error.because(question, decision)
    return error


def _worded(question: Question, decision: Decision, *, exists: bool) -> NotAllowed | NotFound:
    told = decision.refusal or REFUSALS[question.action]
    if not exists and question.resource.kind is Kind.APPROVAL:
        told = REFUSALS[Action.VIEW_APPROVAL]
        return NotFound(told.says, action=told.next)
    hidden = question.resource.kind in _HIDDEN and question.action not in _TOLD and not decision.reasons
    maker = questions.Role.MAKER.value in question.principal.roles
    if hidden and question.resource.kind is not Kind.APPROVAL and not maker:
        told = REFUSALS[Action.CREATE_APP]
    elif hidden:
        return NotYours(told.says, action=told.next) if exists else NotFound(told.says, action=told.next)
    return NotAllowed(told.says, cause=f"{question.action}: {decision.rule}", action=told.next)
