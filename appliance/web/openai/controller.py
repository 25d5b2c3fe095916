"""``/v1``: the OpenAI-compatible API, on the studio's origin (docs/openai-api.md)."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.enums import MediaType
from litestar.response import Stream

from appliance.authz.actions import Action
from appliance.core.act_context import current_context
from appliance.core.answers import AnswerEnd
from appliance.core.ports import GenerationCancelled
from appliance.identity.api_keys import Scope
from appliance.web.access import key_rule
from appliance.web.openai import parameters
from appliance.web.openai.admission import data_class_of
from appliance.web.openai.answers import Teller, model_entry
from appliance.web.openai.errors import ApiError, as_api_error
from appliance.web.openai.running import Order, Run
from appliance.web.openai.wire import ChatRequest, TextRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from appliance.core.answers import AnswerPiece
    from appliance.core.ports import EngineDescription
    from appliance.identity.api_keys import VerifiedKey
    from appliance.web.openai.parameters import Asked
    from appliance.web.services import Services

MAX_BODY: Final = 1 << 20
CLIENT_GONE: Final = 499
"""As proxies note it; nobody is there to read it."""


class OpenAiController(Controller):
    """Bearer keys only; errors in the official shape."""

    path = "/v1"

    @get("/models", opt=key_rule(Scope.MODELS, Action.USE_MODEL))
    async def models(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """The model that runs."""
        services: Services = request.app.state.services
        return _json({"object": "list", "data": [model_entry(await _model(services), services.api.since)]})

    @get("/models/{model:path}", opt=key_rule(Scope.MODELS, Action.USE_MODEL))
    async def model(self, request: Request[Any, Any, Any], model: str) -> Response[Any]:
        """One model by its name."""
        services: Services = request.app.state.services
        known = await _model(services)
        _require_model(known, model.removeprefix("/"))
        return _json(model_entry(known, services.api.since))

    @post(
        "/chat/completions",
        opt=key_rule(Scope.CHAT, Action.USE_MODEL),
        status_code=200,
        request_max_body_size=MAX_BODY,
    )
    async def chat(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Answer a chat."""
        asked = parameters.chat(parameters.read(await request.body(), ChatRequest))
        return await _answer(request, asked, chat=True)

    @post(
        "/completions",
        opt=key_rule(Scope.COMPLETIONS, Action.USE_MODEL),
        status_code=200,
        request_max_body_size=MAX_BODY,
    )
    async def text(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Continue a text, or fill in its middle."""
        asked = parameters.text(parameters.read(await request.body(), TextRequest))
        return await _answer(request, asked, chat=False)


async def _answer(request: Request[Any, Any, Any], asked: Asked, *, chat: bool) -> Response[Any]:
    services: Services = request.app.state.services
    model = await _model(services)
    _require_model(model, asked.model)
    verified: VerifiedKey = request.state.api_key
    endpoint = "/v1/chat/completions" if chat else "/v1/completions"
    order = Order(asked, endpoint, verified.key.principal, verified.key, model, verified.groups, data_class_of(request))
    run = Run(services, request.app.state.seats, order)
    run.start()
    teller = Teller(asked, model, chat)
    try:
        if asked.stream:
            first = await _unless_gone(request, run.next())
            headers = {**_headers(), "X-Accel-Buffering": "no"}
            return Stream(_events(run, teller, first), media_type="text/event-stream", headers=headers)
        return _json(await _unless_gone(request, _whole(run, teller)))
    except _ClientGoneError:
        run.cancel()
        return Response(b"", status_code=CLIENT_GONE, media_type=MediaType.TEXT)
    except BaseException:
        run.cancel()
        raise


async def _whole(run: Run, teller: Teller) -> dict[str, Any]:
    pieces: list[AnswerPiece] = []
    while True:
        told = await run.next()
        if isinstance(told, AnswerEnd):
            return teller.whole(pieces, told)
        if not isinstance(told, str):
            pieces.append(told)


async def _events(run: Run, teller: Teller, first: AnswerPiece | AnswerEnd | str) -> AsyncIterator[bytes]:
    """Server-sent events (WHATWG HTML, section 9.2). An error after the first event is an event of its own."""
    begun = False
    stream = run.rest(first)
    try:
        async for told in stream:
            await asyncio.sleep(0)  # pieces that wait already must not keep the loop from hearing that the client left
            if isinstance(told, str):
                yield b": waiting\n\n"  # a comment: somebody is there
                continue
            if not begun:
                begun = True
                for chunk in teller.first(told):
                    yield _event(chunk)
            if isinstance(told, AnswerEnd):
                for chunk in teller.last(told):
                    yield _event(chunk)
                yield b"data: [DONE]\n\n"
            else:
                yield _event(teller.piece(told))
    except GenerationCancelled:
        return
    except Exception as error:  # noqa: BLE001 - the status is sent already: the stream itself tells of it
        yield _event(as_api_error(error).body())
    finally:
        await stream.aclose()  # type: ignore[attr-defined]


def _event(content: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(content) + b"\n\n"


class _ClientGoneError(Exception):
    """Nobody waits for the answer any more."""


async def _unless_gone(request: Request[Any, Any, Any], work: Any) -> Any:
    """The result of ``work``, unless the client hangs up before.

    Raises:
        _ClientGoneError: it did.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_leaves(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise _ClientGoneError
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        with contextlib.suppress(BaseException):
            await asyncio.gather(working, leaving, return_exceptions=True)


async def _leaves(request: Request[Any, Any, Any]) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _model(services: Services) -> EngineDescription:
    known = await asyncio.to_thread(services.api.model.description)
    if known is None:
        message = "The model is not ready yet."
        raise ApiError(message, status=503, kind="server_error", reason="service_unavailable", retry=10)
    return known


def _require_model(known: EngineDescription, name: str) -> None:
    if name != known.model:
        message = f"The model '{name[:100]}' does not exist or you do not have access to it."
        raise ApiError(message, status=404, param="model", reason="model_not_found")


def _json(content: dict[str, Any]) -> Response[Any]:
    return Response(content, media_type=MediaType.JSON, headers=_headers())


def _headers() -> dict[str, str]:
    return {"X-Request-Id": current_context().request}
