"""The blueprint as text: shown, checked while somebody types, formatted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.blueprint.protection import describe
from appliance.db.records import Origin
from appliance.studio.errors import NotFound
from appliance.web.access import SIGNED_IN, rule
from appliance.web.render import page
from appliance.web.story import stories
from appliance.web.summary import summarise
from appliance.web.workspace import leave_to, slow_down, workspace

if TYPE_CHECKING:
    from appliance.blueprint.model import Blueprint
    from appliance.web.services import Services

MAX_CHECKED: Final = 64_000


class TextController(Controller):
    """``/apps/<id>/blueprint``."""

    path = "/apps/{app_id:str}/blueprint"

    @get("/", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], app_id: str, build: str = "") -> Response[Any]:
        """The text; ``build`` shows what a failed build had planned, to be corrected."""
        services: Services = request.app.state.services
        studio = services.studio
        view = studio.project_service.view(request.state.actor, app_id)
        text = view.blueprint_text
        if build or not text:
            wanted = studio.build_service.find(request.state.actor, build) if build else view.latest
            if wanted is not None and wanted.project_id == app_id:
                text = stories([wanted], studio.events)[0].text
        locks = studio.revisions.locks(request.state.actor, app_id)
        protections = [("locked by IT; ask them to change it", describe(item)) for item in locks]
        if view.blueprint is not None:
            mine = "locked by you against requests in words; take the line “protect” out to open it"
            protections += [(mine, describe(item)) for item in view.blueprint.protections]
        return workspace(
            request,
            app_id,
            "blueprint",
            "blueprint.html",
            text=text,
            mistake=None,
            counts="",
            example=_example(view.blueprint),
            protections=protections,
            summary=None if view.blueprint is None else summarise(view.blueprint),
        )

    @post("/", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def propose(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What an edited blueprint changes; the first working version of an app is built at once."""
        services: Services = request.app.state.services
        actor = request.state.actor
        text = str((await request.form()).get("text", ""))
        slow_down(request)
        project = await asyncio.to_thread(services.studio.project_service.get, actor, app_id)
        if project.current is None:
            submit = services.studio.build_service.submit
            await asyncio.to_thread(submit, actor, text, origin=Origin.BLUEPRINT, project_id=app_id)
            return leave_to(request, f"/apps/{app_id}")
        made = await asyncio.to_thread(services.studio.revisions.propose_text, actor, app_id, text)
        return leave_to(request, f"/apps/{app_id}/proposals/{made.id}")

    @post("/check", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def check(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Whether a text is a blueprint, and its canonical form where it is one."""
        services: Services = request.app.state.services
        services.studio.project_service.get(request.state.actor, app_id)
        text = str((await request.form()).get("text", ""))[: MAX_CHECKED + 1]
        mistake, counts, canonical = _checked(text)
        answer = page(request, "text_state.html", mistake=mistake, counts=counts)
        return Response({"html": answer.content, "text": canonical}, media_type="application/json")

    @get("/{number:int}", opt=rule(SIGNED_IN, Action.VIEW_VERSION), sync_to_thread=True)
    def plain(self, request: Request[Any, Any, Any], app_id: str, number: int) -> Response[Any]:
        """The blueprint of a version, as plain text."""
        services: Services = request.app.state.services
        project = services.studio.project_service.get(request.state.actor, app_id)
        if number > 10**6:
            message = "There is no such version."
            raise NotFound(message, action="Choose one from the list.")
        return Response(services.studio.previews.text(project, number), media_type="text/plain; charset=utf-8")


def _checked(text: str) -> tuple[BlueprintError | None, str, str]:
    """What is wrong with a text; or what it holds, and its canonical form."""
    if len(text) > MAX_CHECKED:
        message = f"the text is longer than {MAX_CHECKED:,} characters"
        return BlueprintError(message, line=1, column=1, hint="Split the app into two."), "", ""
    try:
        blueprint = parse(text)
    except BlueprintError as error:
        return error, "", ""
    return None, _counts(blueprint), to_text(blueprint)


def _counts(blueprint: Blueprint) -> str:
    kinds = len(blueprint.entities)
    fields = sum(len(entity.fields) for entity in blueprint.entities)
    parts = [(kinds, "kind of record", "kinds of records"), (fields, "field", "fields")]
    parts += [(len(blueprint.roles), "role", "roles"), (len(blueprint.pages), "page", "pages")]
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in parts)


def _example(blueprint: Blueprint | None) -> str:
    if blueprint is None:
        return "Loan.due to due_date"
    entity = blueprint.entities[0]
    return f"{entity.name}.{entity.fields[0].name} to new_name"
