"""An app as an archive: the page that says what is in it, the download, and the operator's way to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.response import File

from appliance.authz.actions import Action
from appliance.studio.errors import NotFound
from appliance.web.access import LOCAL, SIGNED_IN, local_actor, rule
from appliance.web.limits import TooMany
from appliance.web.render import page
from appliance.web.resources import about
from appliance.web.rules import permits
from appliance.web.workspace import form_of

if TYPE_CHECKING:
    from appliance.studio.exporting import Archive
    from appliance.web.services import Services


class ExportController(Controller):
    """``/apps/<id>/export``, and ``/api/apps/<id or slug>/export`` for the operator."""

    @get("/apps/{app_id:str}/export", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What an export holds, and the report of an import."""
        services: Services = request.app.state.services
        project = services.studio.project_service.get(request.state.actor, app_id)
        try:
            report = services.transfers.imports.report(request.state.actor, app_id)
        except NotFound:
            report = None
        live = services.governance.releases.publication(app_id)
        may = permits(services, request.state.actor, Action.EXPORT_APP, about(services, project, request.state.actor))
        return page(request, "export.html", project=project, report=report, may_export=may, live=live)

    @post("/apps/{app_id:str}/export", opt=rule(SIGNED_IN, Action.EXPORT_APP), status_code=200)
    async def download(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """The archive."""
        services: Services = request.app.state.services
        if not request.app.state.limits.builds.allow(request.state.session.key):
            raise TooMany.now()
        published = (await form_of(request)).one("which") == "published"
        export = services.transfers.exports.export
        return _send(await asyncio.to_thread(export, request.state.actor, app_id, published=published))

    @post("/api/apps/{app:str}/export", opt=rule(LOCAL, Action.EXPORT_APP), status_code=200)
    async def for_operator(self, request: Request[Any, Any, Any], app: str, published: bool = False) -> Response[Any]:
        """The archive of anybody's app, for the operator on this machine, by identifier or address."""
        services: Services = request.app.state.services
        found = services.studio.projects.get(app) or next(
            (project for project in services.studio.projects.all_standing() if project.slug == app), None
        )
        if found is None:
            message = f"There is no app {app!r}."
            raise NotFound(message, action="Use the name in its address, or its identifier.")
        actor = local_actor(services, found.owner)
        export = services.transfers.exports.export
        return _send(await asyncio.to_thread(export, actor, found.id, published=published))


def _send(archive: Archive) -> Response[Any]:
    return File(
        archive.path,
        filename=archive.name,
        media_type="application/zip",
        content_disposition_type="attachment",
        headers={"Cache-Control": "no-store"},
        background=BackgroundTask(archive.remove),
    )
