"""The conversation: a change asked for in words, what the model is at, and what could come next."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.blueprint.parser import parse
from appliance.core.errors import IntramuralError
from appliance.planner.request import check_request
from appliance.studio.conversation import TurnState
from appliance.studio.errors import NotFound
from appliance.studio.proposal import Source
from appliance.studio.screening import Choice
from appliance.web.access import SIGNED_IN, rule
from appliance.web.render import page
from appliance.web.rules import require_model_for
from appliance.web.workspace import back_to, slow_down

if TYPE_CHECKING:
    from appliance.core.conversation import Revised
    from appliance.db.records import Project
    from appliance.studio.conversation import Turn
    from appliance.studio.people import Actor
    from appliance.studio.proposal import Proposal
    from appliance.web.services import Services


class TalkController(Controller):
    """``/apps/<id>/requests``, ``/turns`` and ``/suggestions``."""

    path = "/apps/{app_id:str}"

    @post("/requests", opt=rule(SIGNED_IN, Action.PROMPT_APP))
    async def ask(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Have the model work out a change; nothing happens to the app."""
        services: Services = request.app.state.services
        form = await request.form()
        words, choice = str(form.get("request", "")), Choice.of(str(form.get("sensitive", "")))
        slow_down(request)
        await asyncio.to_thread(require_model_for, request, app_id)
        turn = await asyncio.to_thread(_ask, services, request.state.actor, app_id, words, choice)
        return await asyncio.to_thread(_shown, request, app_id, turn)

    @get("/turns/{turn_id:str}", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def look(self, request: Request[Any, Any, Any], app_id: str, turn_id: str) -> Response[Any]:
        """How far it has come."""
        services: Services = request.app.state.services
        services.studio.project_service.get(request.state.actor, app_id)
        turn = services.studio.conversation.turn(request.state.actor, turn_id)
        if turn.app != app_id:
            message = "There is no such request."
            raise NotFound(message, action="Go back to the app.")
        return _shown(request, app_id, turn)

    @post("/turns/{turn_id:str}/stop", opt=rule(SIGNED_IN, Action.PROMPT_APP), sync_to_thread=True)
    def stop(self, request: Request[Any, Any, Any], app_id: str, turn_id: str) -> Response[Any]:
        """Stop thinking."""
        services: Services = request.app.state.services
        services.studio.project_service.get(request.state.actor, app_id)
        services.studio.conversation.stop(request.state.actor, turn_id)
        return _shown(request, app_id, services.studio.conversation.turn(request.state.actor, turn_id))

    @get("/suggestions", opt=rule(SIGNED_IN, Action.PROMPT_APP), sync_to_thread=True)
    def suggest(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What could come next; nothing where the model has no idea or is not ready."""
        services: Services = request.app.state.services
        view = services.studio.project_service.view(request.state.actor, app_id)
        steps: tuple[str, ...] = ()
        try:
            steps = services.studio.conversation.next_steps(view.blueprint_text)
        except IntramuralError:
            # Ideas are a courtesy: a model that is busy or away must not spoil the page.
            steps = ()
        return page(request, "suggestions.html", steps=steps)


def _ask(services: Services, actor: Actor, app_id: str, words: str, choice: Choice) -> Turn:
    studio = services.studio
    view = studio.project_service.view(actor, app_id)
    clean = check_request(words, limit=services.settings.build.prompt_characters).text
    if view.blueprint is None:
        message = "This app has no working version yet."
        raise NotFound(message, action="Describe it first; then it can be changed.")

    def propose(revised: Revised, sent: str) -> str:
        made = studio.revisions.propose_blueprint(
            actor, app_id, parse(revised.text), words=sent, left_out=revised.left_out
        )
        for older in studio.revisions.open(actor, app_id):
            if older.source is Source.MODEL and older.id != made.id:
                studio.revisions.withdraw(actor, app_id, older.id)
        return made.id

    return studio.conversation.ask_change(
        actor, app_id, clean, text=view.blueprint_text, propose=propose, choice=choice
    )


def standing_proposal(services: Services, actor: Actor, project: Project) -> Proposal | None:
    """The newest change that was asked for in words and is neither accepted nor withdrawn."""
    if project.current is None:
        return None
    found = services.studio.revisions.open(actor, project.id)
    return next((made for made in found if made.source is Source.MODEL), None)


def _shown(request: Request[Any, Any, Any], app_id: str, turn: Turn) -> Response[Any]:
    if request.headers.get("hx-request") != "true":
        return back_to(app_id, "app")
    services: Services = request.app.state.services
    actor = request.state.actor
    project = services.studio.project_service.get(actor, app_id)
    made = None
    if turn.state is TurnState.ANSWERED and turn.result:
        made = services.studio.revisions.get(actor, app_id, turn.result)
    versions = services.studio.projects.versions(app_id)
    number, told = versions[0].number + 1, services.studio.screening.told
    return page(request, "turn.html", turn=turn, project=project, proposal=made, next_version=number, told=told)
