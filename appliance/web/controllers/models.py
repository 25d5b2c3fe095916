"""Models: what lies on this machine, which one runs, and asking for another one; a page, and JSON for programs."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.core.errors import IntramuralError, Refused
from appliance.web.access import LOCAL, SIGNED_IN, rule
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.workspace import form_of, leave_to

if TYPE_CHECKING:
    from appliance.web.services import Services


class ModelController(Controller):
    """``/models`` for operators, ``/api/models`` for the command line."""

    @get("/models", opt=rule(SIGNED_IN, Action.SWITCH_MODEL), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """What lies there, and what runs."""
        return _show(request)

    @post("/models", opt=rule(SIGNED_IN, Action.SWITCH_MODEL))
    async def ask(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Ask that another one runs."""
        form, services = await form_of(request), _services(request)
        ask = services.governance.models.ask
        try:
            made = await asyncio.to_thread(ask, request.state.actor, form.one("folder"), form.one("comment"))
        except IntramuralError as error:
            return await asyncio.to_thread(_show, request, error)
        return leave_to(request, f"/approvals/{made.id}")

    @get("/api/models", opt=rule(LOCAL, Action.SWITCH_MODEL), sync_to_thread=True)
    def report(self, request: Request[Any, Any, Any]) -> dict[str, object]:
        """The same for the command line."""
        services = _services(request)
        chosen, waiting = services.governance.models.chosen(), services.governance.models.waiting()
        return {
            "state": services.health()["engine"],
            "chosen": None if chosen is None else asdict(chosen),
            "waiting": None if waiting is None else {"id": waiting.id, "title": waiting.title},
            "models": [asdict(one) for one in services.governance.models.shelf()],
        }

    @post("/api/models", opt=rule(LOCAL, Action.SWITCH_MODEL), status_code=201)
    async def ask_locally(self, request: Request[Any, Any, Any]) -> dict[str, object]:
        """Ask from the command line; a reviewer decides in the studio."""
        told = await request.json()
        if not isinstance(told, dict) or not all(isinstance(told.get(key), str) for key in ("folder", "reason")):
            message = "A folder and a reason are needed."
            raise Refused(message, action='Send {"folder": "…", "reason": "…"}.')
        services = _services(request)
        ask = services.governance.models.ask
        made = await asyncio.to_thread(ask, request.state.actor, told["folder"], told["reason"])
        return {"approval": made.id, "title": made.title, "url": f"{services.addresses.studio}/approvals/{made.id}"}


def _services(request: Request[Any, Any, Any]) -> Services:
    services: Services = request.app.state.services
    return services


def _show(request: Request[Any, Any, Any], error: IntramuralError | None = None) -> Response[Any]:
    services = _services(request)
    models = services.governance.models
    return page(
        request,
        "models.html",
        status=200 if error is None else status_of(error),
        shelf=models.shelf(),
        chosen=models.chosen(),
        waiting=models.waiting(),
        state=services.health()["engine"],
        described=services.engine(),
        ceiling=services.settings.model.ceiling,
        error=error,
    )
