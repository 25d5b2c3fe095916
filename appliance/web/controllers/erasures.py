"""Erasure requests and legal holds for the people who decide: whoever asked, somebody else approves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from appliance.audit.approvals import REQUEST_DAYS, RequestState, covers, expired, may_approve
from appliance.audit.privacy_acts import carry_out
from appliance.authz.actions import Action
from appliance.core.errors import IntramuralError
from appliance.web.access import SIGNED_IN, rule
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.workspace import form_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.audit.approvals import ErasureRequest, LegalHold
    from appliance.web.forms import Form
    from appliance.web.services import Services

SHOWN_DECIDED = 50


class ErasureController(Controller):
    """``/erasures``: for auditors."""

    path = "/erasures"

    @get("/", opt=rule(SIGNED_IN, Action.VIEW_ERASURES), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """What waits, what was decided, and which holds stand."""
        return _show(request)

    @post("/", opt=rule(SIGNED_IN, Action.REQUEST_ERASURE))
    async def ask(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Ask for an erasure; somebody else decides."""
        form = await form_of(request)
        return await asyncio.to_thread(_act, request, "request", _subject(form), form.one("reason"))

    @post("/{request_id:str}/approve", opt=rule(SIGNED_IN, Action.DECIDE_ERASURE))
    async def approve(self, request: Request[Any, Any, Any], request_id: str) -> Response[Any]:
        """Approve and carry out."""
        return await asyncio.to_thread(_act, request, "approve", request_id, "")

    @post("/{request_id:str}/refuse", opt=rule(SIGNED_IN, Action.DECIDE_ERASURE))
    async def refuse(self, request: Request[Any, Any, Any], request_id: str) -> Response[Any]:
        """Decline, with the reason."""
        reason = (await form_of(request)).one("reason")
        return await asyncio.to_thread(_act, request, "reject", request_id, reason)

    @post("/holds", opt=rule(SIGNED_IN, Action.SET_HOLD))
    async def hold(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Let a legal hold stand."""
        form = await form_of(request)
        return await asyncio.to_thread(_act, request, "hold", _subject(form), form.one("reason"))

    @post("/holds/{hold_id:str}/lift", opt=rule(SIGNED_IN, Action.SET_HOLD))
    async def lift(self, request: Request[Any, Any, Any], hold_id: str) -> Response[Any]:
        """End a legal hold, with the reason."""
        reason = (await form_of(request)).one("reason")
        return await asyncio.to_thread(_act, request, "lift", hold_id, reason)


def _subject(form: Form) -> str:
    """The subject, as the log shows it or without what it puts before it."""
    return form.one("subject").removeprefix("user:")


def _act(request: Request[Any, Any, Any], act: str, target: str, reason: str) -> Response[Any]:
    services: Services = request.app.state.services
    try:
        carry_out(services.privacy, act, target=target, reason=reason, principal=request.state.actor.principal)
    except IntramuralError as error:
        return _show(request, error)
    return Redirect("/erasures", status_code=303)


def _show(request: Request[Any, Any, Any], error: IntramuralError | None = None) -> Response[Any]:
    services: Services = request.app.state.services
    principal, now = request.state.actor.principal, datetime.now(UTC)
    requests, holds = services.privacy.look(principal=principal)
    names = _names(services)
    waiting = [one for one in requests if one.state is RequestState.WAITING]
    decided = [one for one in reversed(requests) if one.state is not RequestState.WAITING][:SHOWN_DECIDED]
    return page(
        request,
        "erasures.html",
        status=200 if error is None else status_of(error),
        waiting=[_row(one, holds, names, principal, now) for one in waiting],
        decided=[_row(one, (), names, principal, now) for one in decided],
        holds=[(one, names.get(one.subject, ""), datetime.fromisoformat(one.set_at)) for one in holds],
        days=REQUEST_DAYS,
        error=error,
    )


def _row(
    one: ErasureRequest, holds: Iterable[LegalHold], names: dict[str, str], principal: str, now: datetime
) -> dict[str, Any]:
    asked = datetime.fromisoformat(one.requested_at)
    return {
        "request": one,
        "name": names.get(one.subject, ""),
        "asked": asked,
        "until": asked + timedelta(days=REQUEST_DAYS),
        "decided": datetime.fromisoformat(one.decided_at) if one.decided_at else None,
        "own": one.requested_by == principal,
        "expired": expired(one, now),
        "open_to_me": may_approve(one, principal, now),
        "held": [hold for hold in holds if covers(hold, one.subject)],
    }


def _names(services: Services) -> dict[str, str]:
    """Names of people who own apps; of others only the subject is known here."""
    return {project.owner.subject: project.owner.name for project in services.studio.projects.all_standing()}
