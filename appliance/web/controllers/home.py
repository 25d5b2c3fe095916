"""The first page: say what you need, and see what you have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect

from appliance.core.errors import IntramuralError
from appliance.web.access import MAKER, SIGNED_IN
from appliance.web.limits import TooMany
from appliance.web.problems import answer_error, status_of
from appliance.web.render import page

if TYPE_CHECKING:
    from appliance.web.services import Services

IDEAS: Final = (
    (
        "Shift handover",
        """Handover notes between shifts in our press shop: machine, shift, what happened, how urgent it is, who takes \
care of it and whether it is settled. Shift leaders write and settle notes, operators read. Show what is still open.""",
    ),
    (
        "Seedling trays",
        """Our nursery grows seedlings in trays: species, greenhouse, sowing date, planting-out date, state. \
Gardeners log losses per tray with a reason. Show trays per greenhouse.""",
    ),
    (
        "Water samples",
        """Our lab samples water at fixed measuring points: point, sampling day, temperature, acidity, who took it. \
Chemists add a result with value, unit and a verdict. Show the samples that still wait for a result.""",
    ),
    (
        "Test kitchen",
        """Our bakery tries out new breads: recipe, flour, proving time, oven temperature. After each trial bakers \
note the date, rating from poor to great and what to change. The head baker decides which recipes go on sale.""",
    ),
)


class HomeController(Controller):
    """``/`` and the form on it."""

    @get("/", opt={"access": SIGNED_IN}, sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """The prompt box and the apps."""
        return home(request)

    @post("/apps", opt={"access": MAKER})
    async def create(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Take a request; on a refusal the words stay in the box."""
        services: Services = request.app.state.services
        words = str((await request.form()).get("request", ""))
        try:
            if not request.app.state.limits.builds.allow(request.state.session.key):
                raise TooMany.now()
            build = await asyncio.to_thread(services.studio.build_service.submit, request.state.actor, words)
        except IntramuralError as error:
            if request.headers.get("hx-request") == "true":
                return answer_error(request, error)
            return await asyncio.to_thread(home, request, words=words, error=error)
        target = f"/apps/{build.project_id}"
        if request.headers.get("hx-request") == "true":
            return Response("", headers={"HX-Redirect": target})
        return Redirect(target, status_code=303)


def home(request: Request[Any, Any, Any], *, words: str = "", error: IntramuralError | None = None) -> Response[Any]:
    """The first page, with what was typed and what was wrong with it."""
    services: Services = request.app.state.services
    actor = request.state.actor
    return page(
        request,
        "home.html",
        status=200 if error is None else status_of(error),
        apps=services.studio.project_service.mine(actor),
        shared=services.studio.project_service.shared(actor),
        engine=services.engine(),
        engine_state=services.health()["engine"],
        ideas=IDEAS,
        words=words,
        error=error,
        limit=services.settings.build.prompt_characters,
    )
