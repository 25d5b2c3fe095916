"""``/scim/v2``: identity systems push people and groups (RFC 7644). Bearer tokens of its own, never a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, HttpMethod, Request, Response, route

from appliance.authz.actions import Action
from appliance.core.act_context import refine
from appliance.core.events import Event, Outcome
from appliance.identity.errors import BearerRefused
from appliance.web.access import PUBLIC, rule
from appliance.web.limits import TooMany
from appliance.web.request_context import REFUSAL

if TYPE_CHECKING:
    from appliance.web.services import Services

_CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_MAX_PATH: Final = 100


class ScimController(Controller):
    """Everything below ``/scim/v2``."""

    @route(
        "/scim/v2/{path:path}",
        http_method=[HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH, HttpMethod.DELETE],
        opt=rule(PUBLIC, Action.VISIT),
        status_code=200,
    )
    async def serve(self, request: Request[Any, Any, Any], path: str) -> Response[Any]:
        """One request of an identity system."""
        services: Services = request.app.state.services
        address = request.headers.get("x-forwarded-for", "direct").rpartition(",")[2].strip()
        if not request.app.state.limits.scim.allow(address):
            raise TooMany.now()
        body = await request.body()
        return await asyncio.to_thread(_answer, request, services, path, body)


def _answer(request: Request[Any, Any, Any], services: Services, path: str, body: bytes) -> Response[Any]:
    parts = services.directory
    name = parts.tokens.who(request.headers.get("authorization", ""))
    asked = (request.method, path, dict(request.query_params), dict(request.headers), body)
    if name is None:
        message = "This token is not accepted."
        request.scope["state"][REFUSAL] = BearerRefused(message, cause="no such SCIM token")
        return _response(*parts.scim.answer(*asked))
    refine(rule="scim token")
    if request.method not in _CHANGES or path.rstrip("/").endswith("/.search"):
        return _response(*parts.scim.answer(*asked))
    event = Event.GROUP_PUSHED if path.lstrip("/").lower().startswith("groups") else Event.PERSON_PUSHED
    intent = services.audit.intent(
        event,
        principal=f"scim:{name}",
        resource=f"directory:{path[:_MAX_PATH]}",
        details={"token": name, "operation": request.method},
    )
    try:
        status, headers, answer = parts.scim.answer(*asked)
    except BaseException as error:
        services.audit.outcome(intent, Outcome.FAILED, details={"error": type(error).__name__})
        raise
    if status < 400:
        services.audit.outcome(intent, Outcome.DONE)
    else:
        services.audit.outcome(intent, Outcome.REFUSED, details={"reason": f"status {status}"})
    return _response(status, headers, answer)


def _response(status: int, headers: dict[str, str], body: str | None) -> Response[Any]:
    media_type = headers.pop("Content-Type")
    return Response(body or "", status_code=status, headers=headers, media_type=media_type)
