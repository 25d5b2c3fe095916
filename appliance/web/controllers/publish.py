"""Publishing an app: the maker's page, the request, taking it back; and the catalogue of what is published."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.authz.questions import LEVELS
from appliance.core.errors import IntramuralError, Refused
from appliance.studio.errors import NotFound
from appliance.studio.publishing import PublishForm
from appliance.web.access import SIGNED_IN, rule
from appliance.web.approval_views import LEVEL_WORDS, row
from appliance.web.places import Release, enter
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.workspace import form_of, leave_to, workspace

if TYPE_CHECKING:
    from appliance.web.forms import Form
    from appliance.web.services import Services

SHOWN_REQUESTS = 10


class PublishController(Controller):
    """``/catalogue`` and ``/apps/<id>/publish``, ``/unpublish``, ``/use``."""

    @get("/catalogue", opt=rule(SIGNED_IN, Action.VIEW_CATALOGUE), sync_to_thread=True)
    def catalogue(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Published apps that the person may use."""
        services: Services = request.app.state.services
        return page(request, "catalogue.html", apps=services.governance.publishing.catalogue(request.state.actor))

    @get("/apps/{app_id:str}/use", opt=rule(SIGNED_IN, Action.USE_RELEASE), sync_to_thread=True)
    def use(self, request: Request[Any, Any, Any], app_id: str, to: str = "/") -> Response[Any]:
        """Go to the published app."""
        services: Services = request.app.state.services
        project = services.studio.projects.get(app_id)
        if project is None:
            message = "There is no such app."
            raise NotFound(message, action="Go back to your list of apps.")
        return enter(request, Release(services, project), to=to)

    @get("/apps/{app_id:str}/publish", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What is published, what waits, and the form."""
        return _show(request, app_id)

    @post("/apps/{app_id:str}/publish", opt=rule(SIGNED_IN, Action.PUBLISH_APP))
    async def ask(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Ask for an approval."""
        form = await form_of(request)
        try:
            made = await asyncio.to_thread(_ask, request, app_id, form)
        except IntramuralError as error:
            return await asyncio.to_thread(_show, request, app_id, error)
        return leave_to(request, f"/approvals/{made}")

    @post("/apps/{app_id:str}/class", opt=rule(SIGNED_IN, Action.VIEW_APP))
    async def classify(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Give the app's data another class: a stricter one at once, a laxer one when somebody has approved it."""
        services: Services = request.app.state.services
        form = await form_of(request)
        level, classes, actor = _number(form, "level"), services.governance.classes, request.state.actor
        project = services.studio.projects.get(app_id)
        try:
            if project is not None and 0 <= level < project.level and not classes.may(actor, project, level):
                made = await asyncio.to_thread(classes.ask, actor, app_id, level, form.one("comment"))
                return leave_to(request, f"/approvals/{made.id}")
            await asyncio.to_thread(classes.change, actor, app_id, level)
        except IntramuralError as error:
            return await asyncio.to_thread(_show, request, app_id, error)
        return leave_to(request, f"/apps/{app_id}/publish")

    @post("/apps/{app_id:str}/unpublish", opt=rule(SIGNED_IN, Action.UNPUBLISH_APP))
    async def take_back(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Take the app back from its users, at once."""
        services: Services = request.app.state.services
        reason, actor = (await form_of(request)).one("reason"), request.state.actor
        project = services.studio.projects.get(app_id)
        if project is None:
            message = "There is no such app."
            raise NotFound(message, action="Reload the page.")
        await asyncio.to_thread(services.governance.publishing.withdraw, actor, project, reason)
        own = project.owner.subject == actor.person.subject
        return leave_to(request, f"/apps/{app_id}/publish" if own else "/approvals")


def _ask(request: Request[Any, Any, Any], app_id: str, form: Form) -> str:
    services: Services = request.app.state.services
    asked = PublishForm(
        version=_number(form, "version"),
        level=_number(form, "level"),
        comment=form.one("comment"),
        copy_records=form.one("records") == "copy",
        review_months=_number(form, "review"),
    )
    return services.governance.publishing.ask(request.state.actor, app_id, asked).id


def _number(form: Form, name: str) -> int:
    text = form.one(name)
    if not (text.isdecimal() and len(text) < 7):
        message = "Something in the form is missing."
        raise Refused(message, cause=f"{name}: {text[:40]!r}", action="Choose from the lists.")
    return int(text)


def _show(request: Request[Any, Any, Any], app_id: str, error: IntramuralError | None = None) -> Response[Any]:
    services: Services = request.app.state.services
    governance, actor = services.governance, request.state.actor
    project = services.studio.project_service.get(actor, app_id)
    known = governance.publishing.of(app_id)
    every = governance.approvals.of_project(app_id)
    requests, classing = ([one for one in every if one.kind == kind] for kind in ("publish", "classify"))
    version = None if project.current is None else services.studio.projects.version(app_id, project.current)
    level = project.level
    return workspace(
        request,
        app_id,
        "publish",
        "publish.html",
        status=200 if error is None else status_of(error),
        publication=known,
        live_url=services.addresses.app(Release(services, project).label) if project.slug else "",
        open_request=next((row(services, actor, one) for one in requests if not one.state.final), None),
        requests=[row(services, actor, one) for one in requests if one.state.final][:SHOWN_REQUESTS],
        findings=() if version is None else governance.publishing.findings(project, version, level),
        class_request=next((one for one in classing if not one.state.final), None),
        levels=list(zip(range(len(LEVELS)), LEVELS, LEVEL_WORDS, strict=True)),
        level=level,
        months=services.settings.approvals.review_months,
        error=error,
    )
