"""Errors in the official shape: ``{"error": {"message", "type", "param", "code"}}`` and the official status codes.

https://platform.openai.com/docs/guides/error-codes
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from litestar import Response
from litestar.enums import MediaType

from appliance.core.errors import IntramuralError, Refused, Unavailable
from appliance.core.ports import ContextFull, GenerationBusy, GenerationFailed, GrammarRefused
from appliance.core.tools import ToolsRefused
from appliance.identity.api_keys import ApiKeyRefused
from appliance.inference.answers import UnknownToken
from appliance.inference.chat import InvalidPrompt
from appliance.studio.errors import NotAllowed, NotFound

if TYPE_CHECKING:
    from litestar import Request
    from litestar.exceptions import HTTPException

PREFIX: Final = "/v1/"
RETRY_SECONDS: Final = 20
INVALID: Final = "invalid_request_error"
LIMITED: Final = "rate_limit_error"
_log = logging.getLogger(__name__)


class ApiError(Refused):
    """A request that cannot be answered, as the caller is told of it."""

    code = "api_request"

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        param: str | None = None,
        reason: str | None = None,
        retry: int = 0,
        cause: str = "",
    ) -> None:
        super().__init__(message, cause=cause)
        self.status, self.kind, self.param, self.reason, self.retry = status, kind, param, reason, retry

    def body(self) -> dict[str, dict[str, str | None]]:
        """The answer's JSON."""
        told = {"message": self.message, "type": self.kind, "param": self.param, "code": self.reason}
        return {"error": told}


def is_api(path: str) -> bool:
    """Whether an address belongs to the API, so that its errors have the official shape."""
    return path.startswith(PREFIX) or path == PREFIX.rstrip("/")


def rate_limited(message: str, *, retry: int = RETRY_SECONDS, reason: str = "rate_limit_exceeded") -> ApiError:
    """429, to be tried again after ``retry`` seconds."""
    return ApiError(message, status=429, kind=LIMITED, reason=reason, retry=retry)


@dataclass(frozen=True, slots=True)
class _Told:
    """How a kind of error is told."""

    status: int
    reason: str
    kind: str = INVALID
    param: str | None = None
    retry: int = 0
    tells_cause: bool = False


_KINDS: Final[tuple[tuple[type[IntramuralError], _Told], ...]] = (
    (ApiKeyRefused, _Told(401, "invalid_api_key")),
    (NotAllowed, _Told(403, "insufficient_permissions")),
    (NotFound, _Told(404, "not_found")),
    (GenerationBusy, _Told(429, "rate_limit_exceeded", LIMITED, retry=RETRY_SECONDS)),
    (ContextFull, _Told(400, "context_length_exceeded", param="messages", tells_cause=True)),
    (ToolsRefused, _Told(400, "invalid_function_parameters", param="tools", tells_cause=True)),
    (GrammarRefused, _Told(400, "invalid_response_format", param="response_format", tells_cause=True)),
    (UnknownToken, _Told(400, "invalid_value", param="logit_bias")),
    (InvalidPrompt, _Told(400, "invalid_value", param="messages")),
    (Refused, _Told(400, "refused")),
)
_UNAVAILABLE: Final = _Told(503, "service_unavailable", "server_error", retry=RETRY_SECONDS)


def as_api_error(error: Exception) -> ApiError:
    """What the caller is told of any error; of a defect nothing but that there is one."""
    if isinstance(error, ApiError):
        return error
    if not isinstance(error, IntramuralError):
        _log.error("a request of the API failed", exc_info=error)
        message = "The server had an error while processing your request."
        return ApiError(message, status=500, kind="server_error", reason="server_error")
    told = next((told for kind, told in _KINDS if isinstance(error, kind)), _UNAVAILABLE)
    if told is _UNAVAILABLE and not isinstance(error, (GenerationFailed, Unavailable)):
        _log.error("a request of the API failed: %s", error)
    parts = (error.message, f"({error.cause})" if told.tells_cause and error.cause else "", error.action)
    said = " ".join(part for part in parts if part)
    return ApiError(said, status=told.status, kind=told.kind, param=told.param, reason=told.reason, retry=told.retry)


def answer(error: ApiError) -> Response[Any]:
    """The answer for an error."""
    headers = {"Retry-After": str(error.retry)} if error.retry else {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(error.body(), status_code=error.status, headers=headers, media_type=MediaType.JSON)


def of_framework(request: Request[Any, Any, Any], error: HTTPException) -> ApiError:
    """An error of the framework: no such address, wrong method, body too large."""
    if error.status_code == 404:
        message = f"Unknown request URL: {request.method} {request.url.path}."
        return ApiError(message, status=404, reason="unknown_url")
    if error.status_code == 405:
        return ApiError(f"Not allowed to {request.method} on {request.url.path}.", status=405)
    if error.status_code == 413:
        return ApiError("The request is too large.", status=413, reason="request_too_large")
    return ApiError("The request cannot be used.", status=error.status_code)
