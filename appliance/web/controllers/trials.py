"""Trying out what a request to publish is about: its page, the way into the running app, beginning anew."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.blueprint.parser import parse
from appliance.studio.errors import NotFound
from appliance.web.access import SIGNED_IN, rule
from appliance.web.approval_views import row
from appliance.web.places import Trial, enter
from appliance.web.render import page
from appliance.web.workspace import form_of, leave_to

if TYPE_CHECKING:
    from appliance.web.services import Services


class TrialController(Controller):
    """``/approvals/<id>/try``."""

    path = "/approvals/{approval_id:str}/try"

    @get("/", opt=rule(SIGNED_IN, Action.TRY_OUT), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], approval_id: str, role: str = "") -> Response[Any]:
        """The running app, with every role to choose."""
        place = _place(request, approval_id)
        trials, blueprint = place.services.governance.trials, parse(place.text())
        return page(
            request,
            "trial.html",
            approval=place.approval,
            row=row(place.services, request.state.actor, place.approval),
            blueprint=blueprint,
            version=place.number(),
            as_role=role if role in blueprint.roles else "",
            examples=trials.with_examples(place.approval),
        )

    @get("/open", opt=rule(SIGNED_IN, Action.TRY_OUT), sync_to_thread=True)
    def open(self, request: Request[Any, Any, Any], approval_id: str, role: str = "", to: str = "/") -> Response[Any]:
        """Go to the app with a session of its own; ``role`` is in whose place."""
        place = _place(request, approval_id)
        place.start()  # also tells the front door of it
        return enter(request, place, to=to, role=role)

    @post("/restart", opt=rule(SIGNED_IN, Action.TRY_OUT))
    async def restart(self, request: Request[Any, Any, Any], approval_id: str) -> Response[Any]:
        """Begin anew, with the examples or without any record."""
        services: Services = request.app.state.services
        examples = (await form_of(request)).one("records") != "empty"
        restart = services.governance.trials.restart
        await asyncio.to_thread(restart, request.state.actor, approval_id, examples=examples)
        return leave_to(request, f"/approvals/{approval_id}/try")


def _place(request: Request[Any, Any, Any], approval_id: str) -> Trial:
    """The trial of a request that the person may see.

    Raises:
        NotFound: no such request, or its app is gone.
    """
    services: Services = request.app.state.services
    approval = services.governance.approvals.get(request.state.actor, approval_id)
    project = services.studio.projects.get(approval.project_id or "")
    if project is None or not project.slug:
        message = "There is no app to try."
        raise NotFound(message, action="Go back to the list of requests.")
    return Trial(services, project, approval)
