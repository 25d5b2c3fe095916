"""The addresses of the app's JSON API: exactly those of its contract."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from litestar import Response
from litestar.concurrency import sync_to_thread
from litestar.handlers import HTTPRouteHandler

from ..access import Verb
from ..web import AppRequest, identity_of, runtime_of
from .asking import above, asked, check_sender, named, read_body
from .computing import computed
from .listing import listed
from .model import CREATE, DELETE, LIST, READ, REFUSED, REPLACE, UPDATE
from .refusing import Refusal, refuse
from .showing import key_of, show
from .writing import changed, created, removed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..visit import Visit
    from .model import Api, Kept, Operation

JSON: Final = "application/json"
_NAMED: Final = re.compile(r"\{([^{}/]+)\}")
_SAFE: Final = ("GET", "HEAD")
_VERBS: Final = {
    LIST: Verb.READ,
    READ: Verb.READ,
    CREATE: Verb.CREATE,
    REPLACE: Verb.EDIT,
    UPDATE: Verb.EDIT,
    DELETE: Verb.DELETE,
}
"""Who may not do this with any record is told so before anything that they sent is looked at."""


def handlers(api: Api) -> Sequence[Any]:
    """A handler for each operation whose path can be an address of this app: a parameter is a whole part of it."""
    return [_handler(api, operation) for operation in api.operations if is_address(operation.path)]


def is_address(path: str) -> bool:
    """Whether each part of a path is a word or one parameter."""
    return all("{" not in part or _NAMED.fullmatch(part) for part in path.strip("/").split("/"))


def operation_of(request: AppRequest) -> Operation | None:
    """The operation that a request is for."""
    try:
        found: Operation | None = request.route_handler.opt.get("operation")
    except KeyError:  # no address of the app
        return None
    return found


def _handler(api: Api, operation: Operation) -> HTTPRouteHandler:
    names = _NAMED.findall(operation.path)
    path = api.base + operation.path
    for number, name in enumerate(names):
        path = path.replace(f"{{{name}}}", f"{{part{number}:str}}", 1)

    async def handle(request: AppRequest) -> Response[Any]:
        raw = await request.body() if operation.body is not None else b""
        for number, name in enumerate(names):
            request.path_params[name] = request.path_params[f"part{number}"]
        return await sync_to_thread(_answered, request, operation, raw)

    return HTTPRouteHandler(path, http_method=operation.method, status_code=200, opt={"operation": operation})(handle)  # type: ignore[arg-type]


def _answered(request: AppRequest, operation: Operation, raw: bytes) -> Response[Any]:
    try:
        if request.method not in _SAFE:
            check_sender(request, runtime_of(request).renderer.language)
        writing = request.method not in _SAFE and operation.work is None
        with runtime_of(request).visit(identity_of(request), writing=writing) as visit:
            return _served(visit, request, operation, raw)
    except Exception as error:  # noqa: BLE001 - every answer of the API is JSON
        return refuse(request, operation, error)


def _served(visit: Visit, request: AppRequest, operation: Operation, raw: bytes) -> Response[Any]:
    kept = operation.kept
    if operation.work is not None:
        sent = asked(visit, request, operation)
        if operation.body is not None:
            sent |= read_body(visit, request, operation.body, raw)
        return _json(operation, computed(visit, operation, operation.work, sent))
    if operation.does == REFUSED or kept is None:
        message = visit.language.say("This operation of the contract is not served: {why}.", why=operation.why)
        raise Refusal((501,), message)
    visit.require(kept.entity, _VERBS[operation.does])
    if operation.does == LIST:
        return _json(operation, listed(visit, request, operation, kept))
    if operation.does != CREATE:
        _identified(visit, request, operation, kept)
    asked(visit, request, operation)
    if operation.does == READ:
        narrowing, _ = above(visit, request, operation)
        row = named(visit, kept, request.path_params[operation.key], Verb.READ, narrowing)
        return _record(visit, operation, row)
    if operation.does == DELETE:
        shown = removed(visit, request, operation, kept)
        return _done(visit, operation, shown)
    if operation.body is None:
        raise LookupError(operation.id)
    sent = read_body(visit, request, operation.body, raw)
    if operation.does != CREATE:
        return _record(visit, operation, changed(visit, request, operation, kept, sent))
    row = created(visit, request, operation, kept, sent)
    answer = _record(visit, operation, row)
    if not operation.parents or operation.status == 201:
        answer.headers["location"] = f"{request.url.path.rstrip('/')}/{key_of(kept, row)}"
    return answer


def _identified(visit: Visit, request: AppRequest, operation: Operation, kept: Kept) -> None:
    """A record that is not there is told before what was sent is looked at."""
    narrowing, _ = above(visit, request, operation)
    named(visit, kept, request.path_params[operation.key], Verb.READ, narrowing)


def _record(visit: Visit, operation: Operation, row: Any) -> Response[Any]:
    if operation.shown is None:
        return _done(visit, operation, None)
    visit.learn(operation.shown.kept.entity, [row])
    return _done(visit, operation, show(visit, operation.shown, row))


def _done(visit: Visit, operation: Operation, shown: dict[str, Any] | None) -> Response[Any]:
    """What is shown of the record, and that it was done, as far as the operation says either."""
    if shown is None and not operation.said:
        return _empty(operation)
    told: dict[str, Any] = dict(shown or {})
    for name, what in operation.said:
        told[name] = True if what == "yes" else visit.language.say("Done.")
    return _json(operation, {operation.envelope: told} if operation.envelope else told)


def _json(operation: Operation, content: Any) -> Response[Any]:
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    headers = {"cache-control": "no-store"}
    return Response(text, media_type=operation.media or JSON, status_code=operation.status, headers=headers)


def _empty(operation: Operation) -> Response[Any]:
    return Response("", media_type="text/plain", status_code=operation.status, headers={"cache-control": "no-store"})
