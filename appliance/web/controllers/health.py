"""Health for the operator and for whatever watches the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get

from appliance.authz.actions import Action
from appliance.web.access import PUBLIC, rule

if TYPE_CHECKING:
    from appliance.web.services import Services

_ADVISORY = frozenset({"witness", "time stamps", "directory", "mail", "rules of data loss prevention"})
"""Parts that are shown, but stop nobody from working: the log goes on while nobody outside vouches for it,
and changed rules that cannot be used leave those before them in force."""


class HealthController(Controller):
    """``/health``: says what is up, and nothing about anybody."""

    path = "/health"

    @get("/live", opt=rule(PUBLIC, Action.VISIT))
    async def live(self) -> dict[str, str]:
        """The web service answers."""
        return {"status": "ok"}

    @get("/ready", opt=rule(PUBLIC, Action.VISIT), sync_to_thread=True)
    def ready(self, request: Request[Any, Any, Any]) -> Response[dict[str, object]]:
        """Whether a build could start now: engine, sandbox, audit log and database."""
        services: Services = request.app.state.services
        parts = services.health()
        ready = all(state == "ok" for part, state in parts.items() if part not in _ADVISORY)
        body: dict[str, object] = {"status": "ok" if ready else "not ready", "parts": dict(parts)}
        return Response(body, status_code=200 if ready else 503)
