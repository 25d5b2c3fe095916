"""Errors as answers: the one place where an error becomes a status code and a page, a fragment or JSON."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect

from appliance.core.errors import IntramuralError, Refused, Unavailable
from appliance.core.ports import AuditUnavailable
from appliance.identity.errors import BearerRefused, LogoutTokenRefused, SessionEnded, SignInRefused, StepUpRequired
from appliance.studio.errors import Busy, NotAllowed, NotFound
from appliance.web.access import ForgedRequest, NotSignedIn
from appliance.web.limits import TooMany
from appliance.web.openai.errors import answer, as_api_error, is_api, of_framework
from appliance.web.render import page
from appliance.web.request_context import REFUSAL
from appliance.web.step_up import answer_step_up

if TYPE_CHECKING:
    from collections.abc import Mapping

_log = logging.getLogger(__name__)
_STATUS: Final[tuple[tuple[type[IntramuralError], int], ...]] = (
    (NotSignedIn, 401),
    (BearerRefused, 401),
    (SessionEnded, 401),
    (LogoutTokenRefused, 400),
    (NotFound, 404),
    (NotAllowed, 403),
    (ForgedRequest, 403),
    (SignInRefused, 403),
    (TooMany, 429),
    (Busy, 503),
    (Refused, 422),
    (Unavailable, 503),
    (AuditUnavailable, 503),
)
_HTTP_WORDS: Final[Mapping[int, tuple[str, str]]] = {
    404: ("There is no such page.", "Go back to your list of apps."),
    405: ("That cannot be done here.", "Go back to your list of apps."),
    413: ("That is more text than can be taken in.", "Send less at once; what you typed is still in the box."),
}
_RETRY_AFTER_SECONDS: Final = "20"


def status_of(error: IntramuralError) -> int:
    """The HTTP status of an error: refusals 4xx, parts that are away 503, the rest 422 (mistakes) or 500 (defects)."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return 500 if error.code == "internal" else 422


def wants_json(request: Request[Any, Any, Any]) -> bool:
    """Programs get JSON, people get a page."""
    return request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", "*/*")


def answer_error(request: Request[Any, Any, Any], error: IntramuralError) -> Response[Any]:
    """The answer for one of our own errors."""
    if is_api(request.url.path):
        request.scope["state"][REFUSAL] = error
        return answer(as_api_error(error))
    status = status_of(error)
    request.scope["state"][REFUSAL] = error
    if status == 500:
        _log.error("%s %s: %s", request.method, request.url.path, error)
    host = request.headers.get("host", "").partition(":")[0].lower()
    on_studio = host == request.app.state.services.addresses.studio_host
    if isinstance(error, NotSignedIn) and request.method == "GET" and on_studio and not wants_json(request):
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return Redirect(f"/sign-in?to={quote(target, safe='/')}", status_code=303)
    if isinstance(error, StepUpRequired):
        return answer_step_up(request, error, as_json=wants_json(request))
    headers = {"Retry-After": _RETRY_AFTER_SECONDS} if status in {429, 503} else {}
    if request.headers.get("hx-request") == "true":
        return page(request, "notice.html", status=status, headers=headers, error=error)
    if wants_json(request):
        return Response({"error": error.as_dict()}, status_code=status, headers=headers, media_type=MediaType.JSON)
    return page(request, "problem.html", status=status, headers=headers, error=error)


def answer_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """The answer for an error of the framework: no such route, wrong method, too large, malformed."""
    if is_api(request.url.path):
        return answer(of_framework(request, error))
    message, action = _HTTP_WORDS.get(error.status_code, ("This request cannot be used.", "Reload the page and retry."))
    known = IntramuralError(message, action=action)
    if request.headers.get("hx-request") == "true":
        return page(request, "notice.html", status=error.status_code, error=known)
    if wants_json(request):
        body = {"error": {**known.as_dict(), "code": f"http_{error.status_code}"}}
        return Response(body, status_code=error.status_code, media_type=MediaType.JSON)
    return page(request, "problem.html", status=error.status_code, error=known)


def answer_defect(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """The answer for what nobody foresaw: nothing of it is shown, all of it is logged."""
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    message = "Something in the appliance went wrong."
    return answer_error(request, IntramuralError(message, action="Try again. If it stays, tell your operator."))
