"""Around every request: the context that its acts carry into the audit log, and the record of a refusal.

The address is the one that the front door saw: Caddy replaces whatever a client put into ``X-Forwarded-For`` with the
peer's address, because no proxy is trusted in front of it (docs/audit-events.md). Nobody but Caddy and the operator's
account can reach the service's socket.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import TYPE_CHECKING, Final

from litestar.datastructures import Headers
from litestar.enums import ScopeType

from appliance.core.act_context import ActContext, acting, refine
from appliance.core.errors import IntramuralError
from appliance.core.events import Event, Outcome
from appliance.core.ids import new_id
from appliance.identity.api_keys import ApiKeyRefused
from appliance.identity.errors import BearerRefused, LogoutTokenRefused, SessionEnded, SignInRefused
from appliance.studio.errors import ByPolicy, NotAllowed
from appliance.studio.people import NotYours
from appliance.web.access import ForgedRequest
from appliance.web.limits import RateLimit
from appliance.web.openai.errors import is_api
from appliance.web.rules import DECIDES_ITSELF, DECISION

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

    from appliance.core.ports import AuditSink

NOBODY: Final = "nobody"
LOCAL: Final = "local"
REFUSAL: Final = "intramural_refusal"
"""Where the answer to an error leaves the error, in the request's state."""
RECORDED: Final = (
    NotAllowed,
    NotYours,
    ForgedRequest,
    SignInRefused,
    BearerRefused,
    LogoutTokenRefused,
    SessionEnded,
    ApiKeyRefused,
)
"""Refusals that are evidence. Asking somebody to sign in, or a mistake in a form, is none."""
SIGN_INS: Final = (SignInRefused, BearerRefused, LogoutTokenRefused, SessionEnded)
_MAX_PATH: Final = 200
_log = logging.getLogger(__name__)


class UndecidedError(RuntimeError):
    """A handler that decides itself did not: its answer does not leave the appliance."""


class RequestContext:
    """ASGI middleware. At most 30 refusals at once and 60 a minute are recorded for each address; all are refused."""

    def __init__(self, app: ASGIApp, audit: AuditSink) -> None:
        self.app = app
        self._audit = audit
        self._limit = RateLimit(burst=30, per_minute=60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        source = source_of(Headers.from_scope(scope))
        recorded = False

        async def recording(message: Message) -> None:
            nonlocal recorded
            error = state.get(REFUSAL)
            if message["type"] == "http.response.start" and _undecided(state, message["status"]):
                raise UndecidedError(str(scope["path"]))
            if message["type"] == "http.response.start" and isinstance(error, RECORDED) and not recorded:
                recorded = True
                if self._limit.allow(source):
                    await asyncio.to_thread(self._record, scope, error)
            await send(message)

        with acting(ActContext(source=source, request=new_id("req"), rule="public")):
            await self.app(scope, receive, recording)

    def _record(self, scope: Scope, error: IntramuralError) -> None:
        event = Event.SIGN_IN_REFUSED if isinstance(error, SIGN_INS) else Event.ACCESS_REFUSED
        event = Event.API_REFUSED if is_api(str(scope["path"])) else event
        actor = scope["state"].get("actor")
        principal = scope["state"].get("principal") or (NOBODY if actor is None else actor.principal)
        # Addresses can hold one-time codes and searches behind the question mark; paths hold identifiers only.
        details = {"method": str(scope.get("method", "")), "path": _path(scope), "code": error.code}
        try:
            _tell(error)
            intent = self._audit.intent(event, principal=principal, resource="studio", details=details)
            self._audit.outcome(intent, Outcome.REFUSED, details={"error": error.code})
        except IntramuralError:
            _log.exception("a refusal could not be recorded")  # it stays a refusal


def _tell(error: IntramuralError) -> None:
    """Let the context say what refused: the policy that did, or the kind of error where none was asked."""
    decided = error.decided if isinstance(error, ByPolicy) else None
    if decided is None:
        refine(rule=type(error).__name__, decision="deny")
    else:
        question, decision = decided
        refine(rule=decision.rule, decision="deny", policy=decision.policy, asked=question.as_details())


def _undecided(state: dict[str, object], status: int) -> bool:
    return status < 300 and DECIDES_ITSELF in state and DECISION not in state


def source_of(headers: Headers) -> str:
    """The address that the front door saw; ``local`` where no proxy handed the request on."""
    told = headers.get("x-forwarded-for")
    if told is None:
        return LOCAL
    try:
        return str(ipaddress.ip_address(told.rpartition(",")[2].strip()))
    except ValueError:
        return "unknown"


def _path(scope: Scope) -> str:
    return str(scope["path"]).encode("utf-8", "replace").decode()[:_MAX_PATH]
