"""The pages on which an app is changed by hand, and the edits that they gather. Nothing here changes the app itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.blueprint.behaviour import Part
from appliance.blueprint.words import COLOURS
from appliance.studio.errors import NotFound
from appliance.web.access import SIGNED_IN, rule
from appliance.web.design_views import LANGUAGES, field_lines, kinds, locked, matrices, page_choices, page_lines
from appliance.web.edit_forms import edits_of
from appliance.web.edit_words import VERBS
from appliance.web.workspace import back_to, form_of, gathered_for, workspace

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Protection
    from appliance.blueprint.model import Blueprint, Entity
    from appliance.web.forms import Form
    from appliance.web.services import Services

_SECTION_OF: Final = {
    "field": "data",
    "entity": "data",
    "page": "pages",
    "role": "access",
    "access": "access",
    "look": "look",
    "check": "checks",
    "code": "code",
}


class DesignController(Controller):
    """``/apps/<id>/data`` and its neighbours."""

    path = "/apps/{app_id:str}"

    @get("/data", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def data(self, request: Request[Any, Any, Any], app_id: str, entity: str = "", add: str = "") -> Response[Any]:
        """Kinds of records and their fields."""
        gathered = gathered_for(request, app_id)
        shown = _chosen(gathered.blueprint, entity)
        return workspace(
            request,
            app_id,
            "data",
            "data.html",
            gathered=gathered,
            blueprint=gathered.blueprint,
            entity=shown,
            lines=field_lines(gathered.before, gathered.blueprint, shown),
            kinds=kinds(gathered.blueprint),
            lock=locked(gathered.blueprint, _locks(request, app_id), Part.ENTITY, shown.name),
            adding=add == "entity",
        )

    @get("/pages", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def pages(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What stands in the app's menu."""
        gathered = gathered_for(request, app_id)
        return workspace(
            request,
            app_id,
            "pages",
            "screens.html",
            gathered=gathered,
            lines=page_lines(gathered.before, gathered.blueprint, _locks(request, app_id)),
            choices=page_choices(gathered.blueprint),
        )

    @get("/access", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def access(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Who may do what."""
        gathered = gathered_for(request, app_id)
        return workspace(
            request,
            app_id,
            "access",
            "access.html",
            gathered=gathered,
            blueprint=gathered.blueprint,
            tables=matrices(gathered.before, gathered.blueprint, _locks(request, app_id)),
            verbs=[(verb.value, word.capitalize()) for verb, word in VERBS.items()],
            roles_lock=locked(gathered.blueprint, _locks(request, app_id), Part.ROLES, ""),
        )

    @get("/look", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def look(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Name, purpose, colour and language."""
        gathered = gathered_for(request, app_id)
        colours = [("", "By name"), *((colour, colour.capitalize()) for colour in COLOURS)]
        return workspace(
            request,
            app_id,
            "look",
            "look.html",
            gathered=gathered,
            blueprint=gathered.blueprint,
            colours=colours,
            languages=LANGUAGES,
        )

    @post("/edits", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def edit(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Gather the edits that a form means."""
        services: Services = request.app.state.services
        form = await form_of(request)
        await asyncio.to_thread(
            services.studio.gathering.add,
            request.state.actor,
            app_id,
            lambda blueprint: edits_of(form, blueprint),
        )
        return _shown_again(app_id, form)

    @post("/edits/back", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def take_back(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Forget the last edit."""
        services: Services = request.app.state.services
        form = await form_of(request)
        await asyncio.to_thread(services.studio.gathering.take_back, request.state.actor, app_id)
        return _shown_again(app_id, form)

    @post("/edits/forget", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def forget(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """Forget all of them."""
        services: Services = request.app.state.services
        form = await form_of(request)
        await asyncio.to_thread(services.studio.gathering.forget, request.state.actor, app_id)
        return _shown_again(app_id, form)


def _locks(request: Request[Any, Any, Any], app_id: str) -> tuple[Protection, ...]:
    services: Services = request.app.state.services
    return services.studio.revisions.locks(request.state.actor, app_id)


def _chosen(blueprint: Blueprint, name: str) -> Entity:
    """The entity of that name, else the first: it may have been renamed or removed by what was gathered since."""
    if len(name) > 200:
        message = "There is no such kind of record."
        raise NotFound(message, action="Choose one from the list.")
    return next((entity for entity in blueprint.entities if entity.name == name), blueprint.entities[0])


def _shown_again(app_id: str, form: Form) -> Response[Any]:
    """The page that the form stood on; a kind of record that got another name is shown under that."""
    kind = form.one("form")
    section = _SECTION_OF.get(kind.partition("-")[0]) or form.one("section")
    if section not in {"data", "pages", "access", "look", "checks", "code"}:
        section = "app"
    entity = form.one("entity")
    if kind in {"entity-rename", "entity-add"}:
        entity = form.one("name")
    return back_to(app_id, section, entity=entity if section == "data" else "")
