"""Builds for programs and for the live page: start, follow, stop."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final, Literal

from litestar import Controller, Request, Response, get, post
from litestar.response import Redirect, Stream
from msgspec import Struct, field

from appliance.authz.actions import Action
from appliance.core.ports import Person
from appliance.studio.events import FINAL
from appliance.studio.people import Via, require_maker
from appliance.studio.screening import Choice
from appliance.web.access import EITHER, LOCAL, SIGNED_IN, local_actor, rule
from appliance.web.standing import while_signed_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.db.records import BuildEvent
    from appliance.studio.events import EventStream
    from appliance.web.services import Services

KEEP_ALIVE_SECONDS: Final = 15.0


class OnBehalfOf(Struct, forbid_unknown_fields=True):
    """The person whose app it will be."""

    subject: str
    name: str
    email: str = ""


class NewApp(Struct, forbid_unknown_fields=True):
    """A request for an app."""

    request: str
    owner: OnBehalfOf | None = field(default=None)
    sensitive: Literal["", "mask", "send"] = ""
    """What to do about personal data that the policy asks about."""


class BuildController(Controller):
    """``/api``: JSON and server-sent events."""

    path = "/api"

    @post("/apps", opt=rule(LOCAL, Action.CREATE_APP), status_code=201, sync_to_thread=True)
    def create(self, request: Request[Any, Any, Any], data: NewApp) -> dict[str, str]:
        """Start to build an app as the local operator, for its ``owner``."""
        services: Services = request.app.state.services
        actor = request.state.actor
        if data.owner is not None:
            actor = local_actor(services, Person(data.owner.subject, data.owner.name, data.owner.email))
        build = services.studio.build_service.submit(actor, data.request, choice=Choice.of(data.sensitive))
        return {"app": build.project_id, "build": build.id, "events": f"/api/builds/{build.id}/events"}

    @get("/builds/{build_id:str}/events", opt=rule(EITHER, Action.VIEW_APP))
    async def events(self, request: Request[Any, Any, Any], build_id: str, after: int = 0) -> Response[Any]:
        """Server-sent events (WHATWG HTML §9.2) from the one after ``after`` or ``Last-Event-ID`` to the end."""
        services: Services = request.app.state.services
        if request.state.actor.via is not Via.LOCAL:
            require_maker(request.state.actor)
            services.studio.build_service.find(request.state.actor, build_id)
        last = request.headers.get("last-event-id", "")
        start = int(last) if last.isdecimal() and len(last) < 10 else after
        return Stream(
            while_signed_in(request, follow(services.studio.events, build_id, start)),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    @post("/builds/{build_id:str}/cancel", opt=rule(SIGNED_IN, Action.PROMPT_APP), sync_to_thread=True)
    def cancel(self, request: Request[Any, Any, Any], build_id: str) -> Response[Any]:
        """Stop a build."""
        services: Services = request.app.state.services
        build = services.studio.build_service.find(request.state.actor, build_id)
        services.studio.build_service.cancel(request.state.actor, build_id)
        if request.headers.get("hx-request") == "true":
            return Response("", status_code=204)
        return Redirect(f"/apps/{build.project_id}", status_code=303)


async def follow(events: EventStream, build_id: str, after: int) -> AsyncIterator[bytes]:
    """Events as they are stored, encoded; ends after the final one. Unknown builds have no events and end never."""
    loop = asyncio.get_running_loop()
    fresh = asyncio.Event()
    last = after

    def wake() -> None:
        loop.call_soon_threadsafe(fresh.set)

    with events.listening(build_id, wake):
        while True:
            fresh.clear()
            batch = await asyncio.to_thread(events.after, build_id, last)
            for event in batch:
                last = event.seq
                yield encode(event)
            if batch and batch[-1].type in FINAL:
                return
            if not batch:
                try:
                    await asyncio.wait_for(fresh.wait(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield b": still there\n\n"


def encode(event: BuildEvent) -> bytes:
    """One event: ``id`` for resuming; ``data`` is a JSON object: ``seq``, ``type``, ``at`` and the type's own."""
    body = {"seq": event.seq, "type": event.type, "at": event.at.isoformat(), **event.data}
    return f"id: {event.seq}\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()
