"""What people and departments used, for the operator: a page, CSV, and JSON for programs. Each look is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get

from appliance.authz.actions import Action
from appliance.core.events import Event
from appliance.studio.evidence import act
from appliance.studio.quotas import as_csv
from appliance.web.access import LOCAL, SIGNED_IN, rule
from appliance.web.render import page

if TYPE_CHECKING:
    from appliance.studio.quotas import UsageRow
    from appliance.web.services import Services

CHOICES = (1, 7, 30, 90, 365)


class UsageController(Controller):
    """``/usage`` for operators, ``/api/usage`` for the command line."""

    @get("/usage", opt=rule(SIGNED_IN, Action.ADMINISTER), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], days: int = 30) -> Response[Any]:
        """By department, each with its people."""
        services: Services = request.app.state.services
        rows = _look(request, days, "page")
        quotas = services.settings.quotas
        most = max((row.tokens for row in rows), default=0) or 1
        return page(request, "usage.html", rows=rows, days=days, choices=CHOICES, quotas=quotas, most=most)

    @get("/usage.csv", opt=rule(SIGNED_IN, Action.ADMINISTER), sync_to_thread=True)
    def download(self, request: Request[Any, Any, Any], days: int = 30) -> Response[Any]:
        """The same as a file."""
        content = as_csv(_look(request, days, "csv"))
        headers = {"Content-Disposition": f'attachment; filename="usage-{days}-days.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)

    @get("/api/usage", opt=rule(LOCAL, Action.ADMINISTER), sync_to_thread=True)
    def report(self, request: Request[Any, Any, Any], days: int = 30) -> dict[str, object]:
        """The same for the command line."""
        rows = _look(request, days, "json")
        return {"days": days, "rows": [row.as_dict() for row in rows], "csv": as_csv(rows)}


def _look(request: Request[Any, Any, Any], days: int, format_: str) -> list[UsageRow]:
    services: Services = request.app.state.services
    details = {"days": days, "format": format_}
    with act(
        services.audit, Event.USAGE_VIEWED, principal=request.state.actor.principal, resource="usage", details=details
    ) as done:
        rows = services.studio.quotas.report(days)
        done.details["rows"] = len(rows)
    return rows
