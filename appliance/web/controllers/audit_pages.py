"""What auditors see: search, one entry with its proof, how a version came to be, and an archive to take away."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.background_tasks import BackgroundTask
from litestar.response import File

from appliance.audit.export.formats import FORMATS
from appliance.authz.actions import Action
from appliance.core.errors import IntramuralError
from appliance.core.events import Event
from appliance.web.access import EITHER, SIGNED_IN, rule
from appliance.web.audit_views import (
    FIELDS,
    found_as_json,
    lineage_as_json,
    looked_as_json,
    more_query,
    pretty,
    row,
    search_of,
)
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.workspace import form_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.audit.lineage import Lineage
    from appliance.audit.reading import Body, Found
    from appliance.web.services import Services

EVENTS: Final = tuple(event.value for event in Event)


class AuditPagesController(Controller):
    """``/audit`` and ``/api/audit/entries``, ``/api/audit/lineage``: for auditors, and the operator on this machine."""

    @get("/audit", opt=rule(SIGNED_IN, Action.READ_AUDIT), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """The newest entries, or those that fit. Words under seal are looked for by the form below only."""
        values = {name: str(value) for name, value in request.query_params.items() if name not in {"text", "purpose"}}
        return _search(request, values)

    @post("/audit", opt=rule(SIGNED_IN, Action.OPEN_WORDS), status_code=200)
    async def look_into(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """The same with words under seal, for a purpose."""
        form = await form_of(request)
        values = {name: form.one(name) for name in (*FIELDS, "before")}
        return await asyncio.to_thread(_search, request, values)

    @get("/audit/entries/{index:int}", opt=rule(SIGNED_IN, Action.READ_AUDIT), sync_to_thread=True)
    def entry(self, request: Request[Any, Any, Any], index: int) -> Response[Any]:
        """One entry."""
        return _entry(request, index, ())

    @post("/audit/entries/{index:int}/bodies", opt=rule(SIGNED_IN, Action.OPEN_WORDS), status_code=200)
    async def bodies(self, request: Request[Any, Any, Any], index: int) -> Response[Any]:
        """The entry with the words that it names, opened for a purpose."""
        services: Services = request.app.state.services
        purpose, principal = (await form_of(request)).one("purpose"), request.state.actor.principal
        try:
            opened = await asyncio.to_thread(services.reader.bodies, index, principal=principal, purpose=purpose)
        except IntramuralError as error:
            return await asyncio.to_thread(_entry, request, index, (), error)
        return await asyncio.to_thread(_entry, request, index, opened)

    @get("/audit/apps/{app_id:str}/versions/{number:int}", opt=rule(SIGNED_IN, Action.READ_AUDIT), sync_to_thread=True)
    def lineage(self, request: Request[Any, Any, Any], app_id: str, number: int) -> Response[Any]:
        """How a version came to be."""
        services: Services = request.app.state.services
        found = services.reader.lineage(app_id, number, principal=request.state.actor.principal)
        names, studio = _names(services), services.studio
        checks = [event for event in studio.events.after(found.build, 0) if event.type == "check"]
        return page(
            request,
            "audit_lineage.html",
            found=found,
            name=names.get(app_id, app_id),
            steps=[_step(act.intent, act.outcome, names) for act in found.steps],
            openings=[_step(act.intent, act.outcome, names) for act in found.openings],
            changes=_changes(services, found),
            checks=len(checks),
            passed=sum(bool(event.data["passed"]) for event in checks),
        )

    @post("/audit/export", opt=rule(SIGNED_IN, Action.EXPORT_AUDIT), status_code=200)
    async def export(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """An archive with proofs, without words from under the seal."""
        services: Services = request.app.state.services
        form, principal = await form_of(request), request.state.actor.principal
        first, last, format_ = form.one("first"), form.one("last"), form.one("format")
        made = await asyncio.to_thread(services.export_log, principal, format_, first, last)
        return File(
            made,
            filename="audit.zip",
            media_type="application/zip",
            content_disposition_type="attachment",
            headers={"Cache-Control": "no-store"},
            background=BackgroundTask(made.unlink, missing_ok=True),
        )

    @get("/api/audit/entries", opt=rule(EITHER, Action.READ_AUDIT), sync_to_thread=True)
    def entries_for_programs(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """A page of entries; ``next`` of the answer is ``before`` of the next question."""
        services: Services = request.app.state.services
        values = {name: str(value) for name, value in request.query_params.items() if name not in {"text", "purpose"}}
        wanted = search_of(values, services.studio.projects.all_standing(), services.studio.project_service.name_in_log)
        return found_as_json(services.reader.search(wanted, principal=request.state.actor.principal))

    @get("/api/audit/entries/{index:int}", opt=rule(EITHER, Action.READ_AUDIT), sync_to_thread=True)
    def entry_for_programs(self, request: Request[Any, Any, Any], index: int) -> dict[str, Any]:
        """One entry with its inclusion proof."""
        services: Services = request.app.state.services
        return looked_as_json(services.reader.entry(index, principal=request.state.actor.principal))

    @post("/api/audit/entries/{index:int}/bodies", opt=rule(EITHER, Action.OPEN_WORDS), status_code=200)
    async def bodies_for_programs(self, request: Request[Any, Any, Any], index: int) -> dict[str, Any]:
        """The words that an entry names; the form has ``purpose``."""
        services: Services = request.app.state.services
        purpose, principal = (await form_of(request)).one("purpose"), request.state.actor.principal
        opened = await asyncio.to_thread(services.reader.bodies, index, principal=principal, purpose=purpose)
        return {"bodies": [asdict(body) for body in opened]}

    @get("/api/audit/lineage/{app_id:str}/{number:int}", opt=rule(EITHER, Action.READ_AUDIT), sync_to_thread=True)
    def lineage_for_programs(self, request: Request[Any, Any, Any], app_id: str, number: int) -> dict[str, Any]:
        """How a version came to be."""
        services: Services = request.app.state.services
        return lineage_as_json(services.reader.lineage(app_id, number, principal=request.state.actor.principal))


def _search(request: Request[Any, Any, Any], values: Mapping[str, str]) -> Response[Any]:
    services: Services = request.app.state.services
    names = _names(services)
    found: Found | None = None
    problem: IntramuralError | None = None
    try:
        wanted = search_of(values, services.studio.projects.all_standing(), services.studio.project_service.name_in_log)
        found = services.reader.search(wanted, principal=request.state.actor.principal)
    except IntramuralError as error:
        problem = error
    return page(
        request,
        "audit.html",
        status=200 if problem is None else status_of(problem),
        values={name: values.get(name, "") for name in FIELDS},
        events=EVENTS,
        formats=tuple(FORMATS),
        rows=[] if found is None else [row(entry, names) for entry in found.entries],
        found=found,
        more="" if found is None else more_query(values, found.following),
        error=problem,
    )


def _entry(
    request: Request[Any, Any, Any], index: int, bodies: tuple[Body, ...], error: IntramuralError | None = None
) -> Response[Any]:
    services: Services = request.app.state.services
    looked = services.reader.entry(index, principal=request.state.actor.principal)
    names = _names(services)
    return page(
        request,
        "audit_entry.html",
        status=200 if error is None else status_of(error),
        looked=looked,
        line=row(looked.entry, names),
        partner=None if looked.partner is None else row(looked.partner, names),
        details=pretty(looked.entry),
        bodies=bodies,
        error=error,
    )


def _step(intent: Any, outcome: Any, names: Mapping[str, str]) -> dict[str, Any]:
    return {**row(intent, names), "result": None if outcome is None else outcome.leaf.result}


def _changes(services: Services, found: Lineage) -> tuple[str, ...]:
    if found.version < 2 or services.studio.projects.version(found.app, found.version) is None:
        return ()
    words = services.studio.differences.between(found.app, found.version - 1, found.version)
    return tuple(said.text for said in (*words.screens, *words.data, *words.access))


def _names(services: Services) -> dict[str, str]:
    return {project.id: project.name for project in services.studio.projects.all_standing()}
