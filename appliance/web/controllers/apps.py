"""The page of one app: the conversation, the running app, and who was let in."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.blueprint.parser import parse
from appliance.db.records import BuildState, Origin
from appliance.db.repositories.projects import GROUP_PREFIX
from appliance.studio.assumed import assumed
from appliance.studio.errors import NotFound
from appliance.studio.run import TITLES
from appliance.studio.screening import Choice
from appliance.web.access import SIGNED_IN, rule
from appliance.web.controllers.history import told_changes
from appliance.web.controllers.talk import standing_proposal
from appliance.web.places import Preview, enter
from appliance.web.rules import require_model_for
from appliance.web.story import DOING, stories
from appliance.web.workspace import leave_to, slow_down, workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.db.records import Build, Project
    from appliance.studio.people import Actor
    from appliance.studio.proposal import Proposal
    from appliance.web.services import Services

TOLD: Final = 6


class AppController(Controller):
    """``/apps/<id>`` and what can be done there."""

    path = "/apps/{app_id:str}"

    @get("/", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], app_id: str, role: str = "", words: str = "") -> Response[Any]:
        """The conversation about the app, and the running app beside it."""
        services: Services = request.app.state.services
        studio = services.studio
        actor = request.state.actor
        project = studio.project_service.get(actor, app_id)
        builds = list(reversed(studio.builds.of_project(app_id, limit=12)))
        turn = studio.conversation.latest(app_id)
        proposal = None if turn is not None else standing_proposal(services, actor, project)
        if turn is not None and turn.result:
            proposal = studio.revisions.get(actor, app_id, turn.result)
        told, told_of = stories(builds, studio.events), studio.screening.told
        for story in told[-TOLD:]:
            if story.build.version is not None and story.build.version > 1:
                story.changes = told_changes(services, app_id, story.build.version)
        settled = not builds or builds[-1].state.final
        gathered = None if project.current is None else studio.gathering.get(actor, app_id)
        return workspace(
            request,
            app_id,
            "app",
            "app.html",
            stories=told,
            assumed=() if gathered is None else assumed(builds, studio.events, gathered.blueprint),
            gathered=gathered,
            titles=TITLES,
            doing=DOING,
            turn=turn,
            proposal=proposal,
            reopened=_reopened(services, actor, project, builds),
            next_version=(project.current or 0) + 1,
            as_role=role if role in _roles_of(services, project) else "",
            words=words[: services.settings.build.prompt_characters],
            can_revise=studio.conversation.can_revise,
            suggesting=settled and turn is None and proposal is None and project.current is not None,
            last_words=told_of(app_id, _last_words(builds)),
            told=told_of,
        )

    @get("/people", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def people(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Who was let in."""
        services: Services = request.app.state.services
        return workspace(request, app_id, "people", "people.html", groups=services.directory.directory.group_names())

    @post("/builds", opt=rule(SIGNED_IN, Action.PROMPT_APP))
    async def build(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Make the next version from changed words, or from an edited blueprint."""
        services: Services = request.app.state.services
        form = await request.form()
        origin = Origin.BLUEPRINT if form.get("kind") == "blueprint" else Origin.PROMPT
        slow_down(request)
        words, choice = str(form.get("request", "")), Choice.of(str(form.get("sensitive", "")))
        if origin is Origin.PROMPT:
            await asyncio.to_thread(require_model_for, request, app_id)
        submit = services.studio.build_service.submit
        await asyncio.to_thread(submit, request.state.actor, words, origin=origin, project_id=app_id, choice=choice)
        return leave_to(request, f"/apps/{app_id}")

    @post("/people", opt=rule(SIGNED_IN, Action.SHARE_APP))
    async def let_in(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Let a colleague in."""
        services: Services = request.app.state.services
        form = await request.form()
        group, role = str(form.get("group", "")), str(form.get("role", ""))
        email = f"{GROUP_PREFIX}{group}" if group else str(form.get("email", ""))
        await asyncio.to_thread(services.studio.project_service.let_in, request.state.actor, app_id, email, role)
        return leave_to(request, f"/apps/{app_id}/people")

    @post("/people/remove", opt=rule(SIGNED_IN, Action.SHARE_APP))
    async def keep_out(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Take a colleague's access away."""
        services: Services = request.app.state.services
        form = await request.form()
        email = str(form.get("email", ""))
        await asyncio.to_thread(services.studio.project_service.keep_out, request.state.actor, app_id, email)
        return leave_to(request, f"/apps/{app_id}/people")

    @get("/open", opt=rule(SIGNED_IN, Action.PREVIEW_APP), sync_to_thread=True)
    def open(self, request: Request[Any, Any, Any], app_id: str, role: str = "", to: str = "/") -> Response[Any]:
        """Go to the app with a session of its own; ``role`` is "view as", for the owner only."""
        services: Services = request.app.state.services
        project = services.studio.projects.get(app_id)
        if project is None or project.slug is None:
            message = "There is no such app."
            raise NotFound(message, action="Go back to your list of apps.")
        return enter(request, Preview(services, project), to=to, role=role)


def _last_words(builds: Sequence[Build]) -> str:
    return next((build.request for build in reversed(builds) if build.origin is Origin.PROMPT), "")


def _reopened(services: Services, actor: Actor, project: Project, builds: Sequence[Build]) -> Proposal | None:
    """The change that the last build could not make: it is open again."""
    last = builds[-1] if builds else None
    if last is None or last.state not in {BuildState.FAILED, BuildState.CANCELLED} or project.current is None:
        return None
    if last.origin not in {Origin.REVISION, Origin.RESTORE}:
        return None
    return next(iter(services.studio.revisions.open(actor, project.id)), None)


def _roles_of(services: Services, project: Project) -> tuple[str, ...]:
    if project.current is None:
        return ()
    return parse(services.studio.previews.text(project, project.current)).roles
