"""Requests for approval: what waits for me, my own, what was decided; one request; who decides in whose place."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.authz.questions import APPLIANCE, POLICY
from appliance.blueprint.parser import parse
from appliance.core.clock import SystemClock
from appliance.core.errors import IntramuralError
from appliance.db.approval_records import ApprovalKind
from appliance.studio.approval import Wanted
from appliance.studio.errors import NotFound
from appliance.studio.people import principal_of
from appliance.web.access import SIGNED_IN, rule
from appliance.web.approval_views import erasures_waiting, row
from appliance.web.checks import grouped
from appliance.web.policy_views import trial_of
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.rules import permits
from appliance.web.summary import summarise
from appliance.web.workspace import form_of, leave_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.db.approval_records import Approval
    from appliance.studio.models import Shelved
    from appliance.web.services import Services

SHOWN: Final = 50


class ApprovalController(Controller):
    """``/approvals``."""

    @get("/approvals", opt=rule(SIGNED_IN, Action.USE_STUDIO), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """What waits for me, my requests, and what was decided."""
        return _overview(request)

    @get("/approvals/{approval_id:str}", opt=rule(SIGNED_IN, Action.VIEW_APPROVAL), sync_to_thread=True)
    def one(self, request: Request[Any, Any, Any], approval_id: str) -> Response[Any]:
        """One request, with everything that helps to decide."""
        return _one(request, approval_id)

    @post("/approvals/{approval_id:str}/approve", opt=rule(SIGNED_IN, Action.APPROVE))
    async def approve(self, request: Request[Any, Any, Any], approval_id: str) -> Response[Any]:
        """Approve; with enough approvals it is carried out."""
        comment, decisions = (await form_of(request)).one("comment"), _services(request).governance.decisions
        return await _decided(
            request, approval_id, lambda: decisions.approve(request.state.actor, approval_id, comment)
        )

    @post("/approvals/{approval_id:str}/refuse", opt=rule(SIGNED_IN, Action.REFUSE))
    async def refuse(self, request: Request[Any, Any, Any], approval_id: str) -> Response[Any]:
        """Refuse, with the reason."""
        reason, decisions = (await form_of(request)).one("reason"), _services(request).governance.decisions
        return await _decided(request, approval_id, lambda: decisions.refuse(request.state.actor, approval_id, reason))

    @post("/approvals/{approval_id:str}/withdraw", opt=rule(SIGNED_IN, Action.WITHDRAW))
    async def withdraw(self, request: Request[Any, Any, Any], approval_id: str) -> Response[Any]:
        """Take one's own request back."""
        decisions = _services(request).governance.decisions
        return await _decided(request, approval_id, lambda: decisions.withdraw(request.state.actor, approval_id))

    @post("/approvals/{approval_id:str}/carry-out", opt=rule(SIGNED_IN, Action.VIEW_APPROVAL))
    async def carry_out(self, request: Request[Any, Any, Any], approval_id: str) -> Response[Any]:
        """Try again what was approved and could not be carried out."""
        decisions, principal = _services(request).governance.decisions, request.state.actor.principal
        return await _decided(request, approval_id, lambda: decisions.carry_out(approval_id, principal))

    @post("/delegations", opt=rule(SIGNED_IN, Action.DELEGATE_APPROVAL))
    async def delegate(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Let somebody decide in one's place for a while."""
        form, services = await form_of(request), _services(request)
        days = int(form.one("days")) if form.one("days").isdecimal() and len(form.one("days")) < 4 else 0
        give = services.governance.delegations.give
        try:
            await asyncio.to_thread(give, request.state.actor, form.one("email"), days=days, reason=form.one("reason"))
        except IntramuralError as error:
            return await asyncio.to_thread(_overview, request, error)
        return leave_to(request, "/approvals")

    @post("/delegations/{delegation_id:str}/end", opt=rule(SIGNED_IN, Action.DELEGATE_APPROVAL))
    async def take_back(self, request: Request[Any, Any, Any], delegation_id: str) -> Response[Any]:
        """End that before its time."""
        end = _services(request).governance.delegations.take_back
        await asyncio.to_thread(end, request.state.actor, delegation_id)
        return leave_to(request, "/approvals")

    @post("/apps/{app_id:str}/export/request", opt=rule(SIGNED_IN, Action.VIEW_APP))
    async def ask_to_export(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Ask that an app with confidential data may leave as an archive."""
        comment = (await form_of(request)).one("comment")
        made = await asyncio.to_thread(_ask_to_export, request, app_id, comment)
        return leave_to(request, f"/approvals/{made.id}")


def _services(request: Request[Any, Any, Any]) -> Services:
    services: Services = request.app.state.services
    return services


async def _decided(request: Request[Any, Any, Any], approval_id: str, act: Callable[[], Approval]) -> Response[Any]:
    try:
        await asyncio.to_thread(act)
    except IntramuralError as error:
        return await asyncio.to_thread(_one, request, approval_id, error)
    return leave_to(request, f"/approvals/{approval_id}")


def _overview(request: Request[Any, Any, Any], error: IntramuralError | None = None) -> Response[Any]:
    services, actor = _services(request), request.state.actor
    governance = services.governance
    answers = actor.roles & {"reviewer", "operator"}
    waiting = [row(services, actor, one) for one in governance.approvals.waiting_for(actor)]
    own = [row(services, actor, one) for one in governance.approvals.mine(actor)[:SHOWN]]
    decided = [row(services, actor, one) for one in governance.approvals.history(actor)[:SHOWN]]
    return page(
        request,
        "approvals.html",
        status=200 if error is None else status_of(error),
        waiting=waiting,
        erasures=erasures_waiting(services, actor),
        own=own,
        decided=[one for one in decided if not one["own"]],
        delegates=permits(services, actor, Action.DELEGATE_APPROVAL, APPLIANCE),
        given=governance.delegations.given(actor),
        held=governance.approvals.rights.standing_in(actor),
        sees_policy=permits(services, actor, Action.VIEW_POLICY, POLICY),
        most_days=services.settings.approvals.delegation_days,
        published=governance.publishing.published() if answers else [],
        now=SystemClock().now(),
        error=error,
    )


def _one(request: Request[Any, Any, Any], approval_id: str, error: IntramuralError | None = None) -> Response[Any]:
    services, actor = _services(request), request.state.actor
    approval, _ = services.governance.approvals.view(actor, approval_id)
    return page(
        request,
        "approval.html",
        status=200 if error is None else status_of(error),
        row=row(services, actor, approval),
        approval=approval,
        release=_release(services, approval) if approval.kind is ApprovalKind.PUBLISH else None,
        change=trial_of(services, actor, approval) if approval.kind is ApprovalKind.POLICY else None,
        models=_exchange(services, approval) if approval.kind is ApprovalKind.MODEL else None,
        error=error,
    )


def _exchange(services: Services, approval: Approval) -> dict[str, Shelved | None]:
    """What a reviewer sees of the model that is asked for, and of the one that runs."""
    shelf = services.governance.models.shelf()
    wanted = next((one for one in shelf if one.folder == approval.subject["folder"]), None)
    same = wanted is not None and wanted.digest == approval.subject["digest"]
    return {"wanted": wanted if same else None, "running": next((one for one in shelf if one.running), None)}


def _release(services: Services, approval: Approval) -> dict[str, Any] | None:
    """What a reviewer sees of the version: its plan in words, what is new since the release before, its checks."""
    studio = services.studio
    project = studio.projects.get(approval.project_id or "")
    version = None if project is None else studio.projects.version(project.id, int(approval.subject["version"]))
    if project is None or version is None:
        return None
    now = services.governance.releases.publication(project.id)
    text = studio.previews.text(project, version.number)
    changes: list[str] = []
    if now is not None and now.version is not None and now.version != version.number:
        said = studio.differences.between(project.id, now.version, version.number)
        changes = [line.text for line in (*said.screens, *said.data, *said.access)]
    events = [] if version.build_id is None else studio.events.after(version.build_id, 0)
    return {
        "project": project,
        "version": version,
        "text": text,
        "summary": summarise(parse(text)),
        "before": None if now is None else now.version,
        "changes": changes,
        "checks": grouped(events),
    }


def _ask_to_export(request: Request[Any, Any, Any], app_id: str, comment: str) -> Approval:
    services, actor = _services(request), request.state.actor
    project = services.studio.projects.get(app_id)
    if project is None:
        message = "There is no such app."
        raise NotFound(message, action="Go back to your list of apps.")
    wanted = Wanted(
        kind=ApprovalKind.EXPORT,
        title=f"Export “{project.name}” with its records",
        comment=comment,
        project_id=project.id,
        owner=principal_of(project.owner),
        level=project.level,
    )
    return services.governance.approvals.request(actor, wanted)
