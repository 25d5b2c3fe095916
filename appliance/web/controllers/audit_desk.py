"""The local operator's way to acts on the log and the vault, while the service holds both."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Literal

from litestar import Controller, Request, get, post
from msgspec import Struct

from appliance.audit.errors import BodyDamaged, BodyGone
from appliance.audit.privacy_acts import carry_out
from appliance.authz.actions import Action
from appliance.authz.questions import VAULT
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef, SealedRef
from appliance.studio.permits import as_principal
from appliance.web.access import LOCAL, rule
from appliance.web.rules import require

if TYPE_CHECKING:
    from appliance.audit.privacy import Privacy
    from appliance.web.services import Services


_ACTIONS: Final = {
    "request": Action.REQUEST_ERASURE,
    "approve": Action.DECIDE_ERASURE,
    "reject": Action.DECIDE_ERASURE,
    "hold": Action.SET_HOLD,
    "lift": Action.SET_HOLD,
    "rotate": Action.ROTATE_KEYS,
}


class ExportBegun(Struct, forbid_unknown_fields=True):
    """What the log shall say of an export that begins."""

    details: dict[str, str | int]


class ExportEnded(Struct, forbid_unknown_fields=True):
    """Which export ended, and how."""

    index: int
    leaf_hash: str
    result: Literal["done", "failed"]
    details: dict[str, str | int]


class PrivacyAct(Struct, forbid_unknown_fields=True):
    """``target`` is a subject for ``request`` and ``hold``, the id of a request or hold otherwise."""

    act: Literal["request", "approve", "reject", "hold", "lift", "rotate"]
    target: str = ""
    reason: str = ""


class BodyWanted(Struct, forbid_unknown_fields=True):
    """A sealed body, as a leaf names it, and why somebody wants to see it."""

    kind: str
    subject: str
    digest: str
    address: str
    purpose: str


class AuditDeskController(Controller):
    """``/api/audit``: for the operator on this machine only."""

    path = "/api/audit"

    @post("/exports", opt=rule(LOCAL, Action.EXPORT_AUDIT), status_code=201, sync_to_thread=True)
    def begin_export(self, request: Request[Any, Any, Any], data: ExportBegun) -> dict[str, Any]:
        """Record that the log is about to be exported."""
        services: Services = request.app.state.services
        principal = request.state.actor.principal
        return asdict(
            services.audit.intent(
                Event.AUDIT_EXPORTED, principal=principal, resource="audit", details=dict(data.details)
            )
        )

    @post("/exports/end", opt=rule(LOCAL, Action.EXPORT_AUDIT), status_code=200, sync_to_thread=True)
    def end_export(self, request: Request[Any, Any, Any], data: ExportEnded) -> dict[str, Any]:
        """Record how an export ended."""
        services: Services = request.app.state.services
        intent = LeafRef(data.index, data.leaf_hash)
        return asdict(services.audit.outcome(intent, Outcome(data.result), details=dict(data.details)))

    @post("/bodies", opt=rule(LOCAL, Action.OPEN_WORDS), status_code=200, sync_to_thread=True)
    def open_body(self, request: Request[Any, Any, Any], data: BodyWanted) -> dict[str, str]:
        """A sealed body with its salt; or, under ``absent``, why there is none any more."""
        privacy: Privacy = request.app.state.services.privacy
        ref = SealedRef(data.kind, data.subject, data.digest, data.address)
        try:
            opened = privacy.open_body(ref, principal=request.state.actor.principal, purpose=data.purpose)
        except (BodyGone, BodyDamaged) as error:
            return {"absent": error.message, "cause": error.cause}
        return {"body": base64.b64encode(opened.body).decode(), "salt": opened.salt.hex()}

    @get("/privacy", opt=rule(LOCAL, Action.VIEW_ERASURES), sync_to_thread=True)
    def privacy(self, request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Erasure requests and legal holds."""
        privacy: Privacy = request.app.state.services.privacy
        return {"requests": [asdict(x) for x in privacy.requests()], "holds": [asdict(x) for x in privacy.holds()]}

    @post("/privacy", opt=rule(LOCAL, Action.VIEW_ERASURES, by_handler=True), status_code=200, sync_to_thread=True)
    def act(self, request: Request[Any, Any, Any], data: PrivacyAct) -> dict[str, Any]:
        """Carry out one act as the local operator."""
        services: Services = request.app.state.services
        require(request, as_principal(request.state.actor), _ACTIONS[data.act], VAULT)
        return carry_out(
            services.privacy,
            data.act,
            target=data.target,
            reason=data.reason,
            principal=request.state.actor.principal,
        )
