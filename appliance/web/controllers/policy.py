"""The policies: what is in force, what was, and a change that two people make."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.authz.questions import POLICY
from appliance.core.errors import IntramuralError
from appliance.studio.errors import NotFound
from appliance.web.access import SIGNED_IN, rule
from appliance.web.policy_views import told
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.rules import permits
from appliance.web.workspace import leave_to

if TYPE_CHECKING:
    from appliance.web.services import Services

MAX_BODY_BYTES: Final = 1 << 20


class PolicyController(Controller):
    """``/policy``."""

    @get("/policy", opt=rule(SIGNED_IN, Action.VIEW_POLICY), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """What is in force, and the form for a change."""
        return _show(request)

    @get("/policy/versions/{number:int}", opt=rule(SIGNED_IN, Action.VIEW_POLICY), sync_to_thread=True)
    def version(self, request: Request[Any, Any, Any], number: int) -> Response[Any]:
        """The text of a version, as plain text."""
        services: Services = request.app.state.services
        _, versions = services.governance.policy.view(request.state.actor)
        if number not in {one.number for one in versions}:
            message = "There is no such version of the policy."
            raise NotFound(message, action="Choose one from the list.")
        text = services.governance.policy.text(number)
        return Response(text, media_type="text/plain; charset=utf-8")

    @post("/policy/try", opt=rule(SIGNED_IN, Action.PROPOSE_POLICY), status_code=200)
    async def try_out(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """What a text would have decided otherwise; nothing is kept."""
        form = await request.form()
        return await asyncio.to_thread(_show, request, str(form.get("text", "")), str(form.get("comment", "")))

    @post("/policy", opt=rule(SIGNED_IN, Action.PROPOSE_POLICY))
    async def propose(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Ask for an approval."""
        services: Services = request.app.state.services
        form = await request.form()
        text, comment = str(form.get("text", "")), str(form.get("comment", ""))
        try:
            made = await asyncio.to_thread(
                services.governance.policy.propose, request.state.actor, _lines(text), comment
            )
        except IntramuralError as error:
            return await asyncio.to_thread(_show, request, text, comment, error)
        return leave_to(request, f"/approvals/{made.id}")


def _show(
    request: Request[Any, Any, Any], text: str | None = None, comment: str = "", error: IntramuralError | None = None
) -> Response[Any]:
    services: Services = request.app.state.services
    actor, policy = request.state.actor, services.governance.policy
    engine, versions = policy.view(actor)
    change = None
    if text is not None and error is None:
        try:
            change = told(engine.text, _lines(text), policy.try_out(actor, _lines(text))[1])
        except IntramuralError as problem:
            error = problem
    return page(
        request,
        "policy.html",
        status=200 if error is None else status_of(error),
        engine=engine,
        versions=versions,
        text=engine.text if text is None else text,
        comment=comment,
        change=change,
        may_propose=permits(services, actor, Action.PROPOSE_POLICY, POLICY),
        error=error,
    )


def _lines(text: str) -> str:
    """Browsers send lines with a carriage return."""
    return "\n".join(text.splitlines()) + "\n"
