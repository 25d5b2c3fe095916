"""The page of one app: its builds, the running preview, versions, blueprint and people."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from appliance.blueprint.model import OWNER
from appliance.blueprint.parser import parse
from appliance.core.events import Event
from appliance.db.records import Origin
from appliance.identity.return_url import safe_return_url
from appliance.studio.errors import NotAllowed, NotFound
from appliance.studio.evidence import act
from appliance.studio.people import roles_in
from appliance.studio.pipeline import TITLES
from appliance.web.access import MAKER, SIGNED_IN
from appliance.web.limits import TooMany
from appliance.web.render import page
from appliance.web.story import DOING, stories
from appliance.web.summary import summarise

if TYPE_CHECKING:
    from appliance.db.records import Project
    from appliance.web.services import Services


class AppController(Controller):
    """``/apps/<id>`` and what can be done there."""

    path = "/apps/{app_id:str}"

    @get("/", opt={"access": MAKER}, sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """The app page."""
        services: Services = request.app.state.services
        view = services.studio.project_service.view(request.state.actor, app_id)
        builds = list(reversed(services.studio.builds.of_project(app_id, limit=12)))
        return page(
            request,
            "app.html",
            view=view,
            project=view.project,
            stories=stories(builds, services.studio.events),
            app_url=services.addresses.app(view.project.slug) if view.project.slug else "",
            summary=None if view.blueprint is None else summarise(view.blueprint),
            titles=TITLES,
            doing=DOING,
            last_words=next((build.request for build in reversed(builds) if build.origin is Origin.PROMPT), ""),
            limit=services.settings.build.prompt_characters,
        )

    @post("/builds", opt={"access": MAKER})
    async def build(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Make the next version from changed words, or from an edited blueprint."""
        services: Services = request.app.state.services
        form = await request.form()
        origin = Origin.BLUEPRINT if form.get("kind") == "blueprint" else Origin.PROMPT
        if not request.app.state.limits.builds.allow(request.state.session.key):
            raise TooMany.now()
        words = str(form.get("request", ""))
        await asyncio.to_thread(
            services.studio.build_service.submit, request.state.actor, words, origin=origin, project_id=app_id
        )
        return _back(request, app_id)

    @post("/restore", opt={"access": MAKER})
    async def restore(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Make an earlier version current again."""
        services: Services = request.app.state.services
        number = str((await request.form()).get("version", ""))
        if not number.isdecimal() or len(number) > 6:
            message = "There is no such version."
            raise NotFound(message, action="Choose one from the list.")
        await asyncio.to_thread(services.studio.project_service.restore, request.state.actor, app_id, int(number))
        return _back(request, app_id, "#versions")

    @post("/people", opt={"access": MAKER})
    async def let_in(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Let a colleague in."""
        services: Services = request.app.state.services
        form = await request.form()
        email, role = str(form.get("email", "")), str(form.get("role", ""))
        await asyncio.to_thread(services.studio.project_service.let_in, request.state.actor, app_id, email, role)
        return _back(request, app_id, "#people")

    @post("/people/remove", opt={"access": MAKER})
    async def keep_out(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Take a colleague's access away."""
        services: Services = request.app.state.services
        form = await request.form()
        email = str(form.get("email", ""))
        await asyncio.to_thread(services.studio.project_service.keep_out, request.state.actor, app_id, email)
        return _back(request, app_id, "#people")

    @get("/blueprint/{number:int}", opt={"access": MAKER}, sync_to_thread=True)
    def blueprint(self, request: Request[Any, Any, Any], app_id: str, number: int) -> Response[Any]:
        """The blueprint of a version, as plain text."""
        services: Services = request.app.state.services
        project = services.studio.project_service.get(request.state.actor, app_id)
        return Response(services.studio.previews.text(project, number), media_type="text/plain; charset=utf-8")

    @get("/open", opt={"access": SIGNED_IN}, sync_to_thread=True)
    def open(self, request: Request[Any, Any, Any], app_id: str, role: str = "", to: str = "/") -> Response[Any]:
        """Go to the app with a session of its own; ``role`` is "view as", for the owner only."""
        services: Services = request.app.state.services
        project = services.studio.projects.get(app_id)
        if project is None or project.slug is None:
            message = "There is no such app."
            raise NotFound(message, action="Go back to your list of apps.")
        return enter(request, project, to=to, role=role)


def enter(request: Request[Any, Any, Any], project: Project, *, to: str, role: str = "") -> Response[Any]:
    """Send the browser to the app's origin with a one-time code for a session there.

    Raises:
        NotAllowed: the person has no role in the app, or is not the owner and asked to view it as somebody else.
    """
    services: Services = request.app.state.services
    actor = request.state.actor
    roles = roles_in(services.studio.projects, project, actor.person)
    if not roles:
        message = f"“{project.name}” has not been shared with you."
        raise NotAllowed(message, action=f"Ask {project.owner.name} to let you in.")
    if role and (roles != (OWNER,) or role not in _roles_of(services, project)):
        message = "This app cannot be viewed in that role."
        raise NotAllowed(message, action="Choose a role from the list above the app.")
    path = safe_return_url(to)
    origin = services.addresses.app(project.slug or "")
    host = origin.partition("://")[2]
    details = {"view_as": role or None, "version": project.current}
    with act(services.audit, Event.APP_OPENED, principal=actor.principal, resource=project.id, details=details):
        code = services.identity.app_sessions.issue_code(
            request.state.session, host=host, path=path, view_as=role or None
        )
    query = urlencode({"code": code, "to": path})
    # This answer is a redirect inside the studio's own frame: it must be allowed to stand there.
    return Redirect(
        f"{origin}/.intramural/session?{query}",
        status_code=303,
        headers={"Content-Security-Policy": f"default-src 'none'; frame-ancestors {services.addresses.studio}"},
    )


def _roles_of(services: Services, project: Project) -> tuple[str, ...]:
    if project.current is None:
        return ()
    return parse(services.studio.previews.text(project, project.current)).roles


def _back(request: Request[Any, Any, Any], app_id: str, fragment: str = "") -> Response[Any]:
    target = f"/apps/{app_id}{fragment}"
    if request.headers.get("hx-request") == "true":
        return Response("", headers={"HX-Redirect": target, **({"HX-Refresh": "true"} if fragment else {})})
    return Redirect(target, status_code=303)
