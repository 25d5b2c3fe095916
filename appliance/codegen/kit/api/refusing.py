"""Refusals in JSON: as the contract says, otherwise as problem details (RFC 9457)."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any, Final

from litestar import Response
from litestar.exceptions import HTTPException

from ..identity import NotIdentified
from ..saving import ChangedMeanwhile
from ..visit import NoSuchRow, NotAllowed
from ..web import log, runtime_of

if TYPE_CHECKING:
    from ..language import Language
    from ..web import AppRequest
    from .model import Fault, Operation

PROBLEM: Final = "application/problem+json"
Errors = tuple[tuple[str, str], ...]
_TITLES: Final = {
    400: "That did not work",
    401: "Please sign in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible",
    409: "Not possible now",
    413: "Too large",
    415: "That did not work",
    422: "That did not work",
    501: "Not served",
}
_CODES: Final = {
    400: "invalid",
    401: "not_signed_in",
    403: "not_allowed",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    501: "not_served",
}


class Refusal(Exception):  # noqa: N818 - an answer, no fault
    """A request that is understood and refused. ``errors``: property and message. ``wanted``: statuses, best first."""

    def __init__(self, wanted: tuple[int, ...], message: str, errors: Errors = ()) -> None:
        super().__init__(message)
        self.wanted, self.message, self.errors = wanted, message, errors

    @classmethod
    def invalid(cls, message: str, errors: Errors = ()) -> Refusal:
        """What was sent is not what the contract or the app takes."""
        return cls((422, 400), message, errors)

    @classmethod
    def asked(cls, message: str, errors: Errors = ()) -> Refusal:
        """A parameter is not what the contract says."""
        return cls((400, 422), message, errors)

    @classmethod
    def conflict(cls, message: str, errors: Errors = ()) -> Refusal:
        """What is there already stands against it."""
        return cls((409, 422, 400), message, errors)

    def status(self, operation: Operation | None) -> int:
        """The first wanted status that the contract has; without any, the best one."""
        declared = {fault.status for fault in operation.faults} if operation is not None else set()
        return next((status for status in self.wanted if str(status) in declared), self.wanted[0])


def refuse(request: AppRequest, operation: Operation | None, error: Exception) -> Response[Any]:
    """The answer to whatever went wrong; what nobody expected is logged and told to nobody."""
    language = runtime_of(request).renderer.language
    status, message, errors = _explained(request, operation, error)
    heading = language.say(_TITLES.get(status, "Something went wrong"))
    fault = operation.fault(status) if operation is not None else None
    headers = {"cache-control": "no-store"}
    if fault is not None and fault.members:
        content = _filled(fault, request, status, heading, message, errors)
        return Response(json.dumps(content), media_type=fault.media, status_code=status, headers=headers)
    told: dict[str, Any] = {"type": "about:blank", "title": heading, "status": status, "detail": message}
    if errors:
        told["errors"] = [{"pointer": _pointer(name), "detail": text} for name, text in errors]
    return Response(json.dumps(told), media_type=PROBLEM, status_code=status, headers=headers)


def _explained(  # noqa: PLR0911 - one return for each thing that can be wrong
    request: AppRequest, operation: Operation | None, error: Exception
) -> tuple[int, str, Errors]:
    language = runtime_of(request).renderer.language
    say = language.say
    if isinstance(error, Refusal):
        return error.status(operation), error.message, error.errors
    if isinstance(error, NotIdentified):
        return 401, say("Your sign-in is missing or has run out. Load the page again."), ()
    if isinstance(error, NotAllowed):
        return 403, language.tell(error), ()
    if isinstance(error, NoSuchRow):
        return 404, say("There is no such {record}, or you may not see it.", record=say(str(error))), ()
    if isinstance(error, ChangedMeanwhile):
        message = say("This clashes with a record that somebody saved just now. Look at the list, then try again.")
        return Refusal.conflict(message).status(operation), message, ()
    if isinstance(error, HTTPException):
        return error.status_code, _http(language, error.status_code), ()
    log.error("request failed: %s %s", request.method, request.url.path, exc_info=error)
    return 500, say("Nothing was changed. Try again; if it happens again, tell the app's owner."), ()


def _http(language: Language, status: int) -> str:
    words = {404: "There is nothing at this address.", 405: "This address cannot be used like that."}
    return language.say(words.get(status, "The request could not be understood."))


def _pointer(name: str) -> str:
    """A property as a JSON pointer in a URI fragment (RFC 6901, section 6)."""
    return "#/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in name.split(".")) if name else "#"


def _filled(  # noqa: PLR0917 - private, and always called in this order
    fault: Fault, request: AppRequest, status: int, heading: str, message: str, errors: Errors
) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "message": message,
        "title": heading,
        "code": _CODES.get(status, "failed"),
        "status": status,
        "type": "about:blank",
        "path": request.url.path,
        "now": dt.datetime.now(dt.UTC).isoformat(),
        "errors": [f"{name}: {text}" if name else text for name, text in errors],
    }
    made: dict[str, Any] = {}
    for name, what in fault.members:
        *outer, last = name.split("\n")
        inside = made
        for part in outer:
            inside = inside.setdefault(part, {})
        inside[last] = _listed(what, errors) if what.startswith("errors ") else plain[what]
    return made


def _listed(what: str, errors: Errors) -> list[dict[str, str]]:
    pairs = [pair.split("=", 1) for pair in what.split()[1:]]
    words = {"field": 0, "message": 1}
    return [
        {name: _pointer(error[0]) if told == "pointer" else error[words[told]] for name, told in pairs}
        for error in errors
    ]
