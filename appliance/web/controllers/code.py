"""The Code page: an app's own functions, their examples, and how their last checks went."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.web.access import SIGNED_IN, rule
from appliance.web.code_views import OUTPUTS, input_choices, place_lines
from appliance.web.workspace import form_of, gathered_for, leave_to, slow_down, workspace

if TYPE_CHECKING:
    from appliance.web.services import Services


class CodeController(Controller):
    """``/apps/<id>/code``."""

    path = "/apps/{app_id:str}/code"

    @get("/", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Every custom place."""
        services: Services = request.app.state.services
        studio = services.studio
        gathered = gathered_for(request, app_id)
        project = studio.project_service.get(request.state.actor, app_id)
        version = None if project.current is None else studio.projects.version(app_id, project.current)
        events = [] if version is None or version.build_id is None else studio.events.after(version.build_id, 0)
        return workspace(
            request,
            app_id,
            "code",
            "code.html",
            gathered=gathered,
            lines=place_lines(gathered.before, gathered.blueprint, events),
            inputs=input_choices(gathered.blueprint),
            outputs=OUTPUTS,
        )

    @post("/again", opt=rule(SIGNED_IN, Action.PROMPT_APP))
    async def again(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Have one place written anew: a build of the same blueprint begins."""
        services: Services = request.app.state.services
        form = await form_of(request)
        slow_down(request)
        await asyncio.to_thread(services.studio.code.again, request.state.actor, app_id, form.one("place"))
        return leave_to(request, f"/apps/{app_id}")
