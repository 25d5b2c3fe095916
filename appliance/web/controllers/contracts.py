"""From an API contract to an app: hand it in, look at what each operation would do, create the app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect
from msgspec import Struct

from appliance.authz.actions import Action
from appliance.authz.questions import DEFAULT_LEVEL, LEVELS, data_class
from appliance.contract.document import MAX_BYTES
from appliance.contract.errors import ContractRefused
from appliance.core.errors import IntramuralError
from appliance.studio.contract_service import MAX_ABOUT
from appliance.studio.permits import as_principal
from appliance.studio.screening import Choice
from appliance.web.access import LOCAL, SIGNED_IN, rule
from appliance.web.approval_views import LEVEL_WORDS
from appliance.web.contract_views import binding_json, operation_rows, shown_fields
from appliance.web.controllers.imports import level_of
from appliance.web.limits import TooMany
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.rules import require

if TYPE_CHECKING:
    from appliance.studio.contract_service import ContractService, Offered

MAX_BODY_BYTES: Final = 2 * MAX_BYTES


class NewContract(Struct, forbid_unknown_fields=True):
    """A contract, as text, and a sentence about the app. ``look``: only say what it would become."""

    contract: str
    about: str = ""
    name: str = ""
    look: bool = False
    sensitive: Literal["", "mask", "send"] = ""


class ContractController(Controller):
    """``/contracts``."""

    @get("/contracts/new", opt=rule(SIGNED_IN, Action.CREATE_APP), sync_to_thread=True)
    def new(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Choose a file, or paste a contract."""
        return _start(request)

    @post("/contracts", opt=rule(SIGNED_IN, Action.CREATE_APP), request_max_body_size=MAX_BODY_BYTES)
    async def take(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Read what was handed in."""
        form = await request.form()
        pasted, about = str(form.get("pasted", "")), str(form.get("about", "")).strip()
        try:
            if not request.app.state.limits.builds.allow(request.state.session.key):
                raise TooMany.now()
            content = await _content(form.get("file"), pasted)
            offered = await asyncio.to_thread(_service(request).take, request.state.actor, content, about)
        except IntramuralError as error:
            return await asyncio.to_thread(_start, request, pasted=pasted, about=about, error=error)
        return Redirect(f"/contracts/{offered.draft.id}", status_code=303)

    @get("/contracts/{draft_id:str}", opt=rule(SIGNED_IN, Action.USE_DRAFT), sync_to_thread=True)
    def look(self, request: Request[Any, Any, Any], draft_id: str) -> Response[Any]:
        """What it would become."""
        return _show(request, _service(request).look(request.state.actor, draft_id))

    @post("/contracts/{draft_id:str}", opt=rule(SIGNED_IN, Action.USE_DRAFT), status_code=200)
    async def change(self, request: Request[Any, Any, Any], draft_id: str) -> Response[Any]:
        """The same with another name; with ``create``, the app."""
        form = {name: str(value) for name, value in (await request.form()).multi_items() if isinstance(value, str)}
        return await asyncio.to_thread(_change, request, draft_id, form)

    @post("/contracts/{draft_id:str}/discard", opt=rule(SIGNED_IN, Action.USE_DRAFT), sync_to_thread=True)
    def discard(self, request: Request[Any, Any, Any], draft_id: str) -> Response[Any]:
        """Forget it."""
        _service(request).discard(request.state.actor, draft_id)
        return Redirect("/", status_code=303)

    @post(
        "/api/contracts",
        opt=rule(LOCAL, Action.CREATE_APP),
        status_code=200,
        sync_to_thread=True,
        request_max_body_size=MAX_BODY_BYTES,
    )
    def create(self, request: Request[Any, Any, Any], data: NewContract) -> dict[str, Any]:
        """The local operator looks at what a contract would become, or starts to build it."""
        service, actor = _service(request), request.state.actor
        content = data.contract.encode()
        answer = binding_json(service.read(actor, content, data.about, data.name))
        if not data.look:
            build = service.build(actor, content, data.about, Choice.of(data.sensitive), name=data.name)
            answer |= {"app": build.project_id, "build": build.id, "events": f"/api/builds/{build.id}/events"}
        return answer


def _service(request: Request[Any, Any, Any]) -> ContractService:
    service: ContractService = request.app.state.services.transfers.contracts
    return service


async def _content(file: Any, pasted: str) -> bytes:
    if isinstance(file, UploadFile) and file.filename:
        return await file.read()
    if pasted.strip():
        return pasted.encode()
    message = "There is nothing to read yet."
    raise ContractRefused(message, action="Choose a file, or paste a contract.")


def _change(request: Request[Any, Any, Any], draft_id: str, form: dict[str, str]) -> Response[Any]:
    service, actor = _service(request), request.state.actor
    offered = service.rename(actor, draft_id, form.get("name", ""))
    if form.get("step") != "create" and not form.get("sensitive"):
        return _show(request, offered, level=level_of(form))
    try:
        if not request.app.state.limits.builds.allow(request.state.session.key):
            raise TooMany.now()
        level = level_of(form)
        require(request, as_principal(actor), Action.HOLD_DATA, data_class(level))
        build = service.create(actor, draft_id, Choice.of(form.get("sensitive", "")), level)
    except IntramuralError as error:
        return _show(request, offered, error=error, level=level_of(form))
    return Redirect(f"/apps/{build.project_id}", status_code=303)


def _start(
    request: Request[Any, Any, Any], *, pasted: str = "", about: str = "", error: IntramuralError | None = None
) -> Response[Any]:
    return page(
        request,
        "contract_new.html",
        status=200 if error is None else status_of(error),
        pasted=pasted,
        about=about,
        error=error,
        max_kib=MAX_BYTES >> 10,
        max_about=MAX_ABOUT,
    )


def _show(
    request: Request[Any, Any, Any],
    offered: Offered,
    *,
    level: int = DEFAULT_LEVEL,
    error: IntramuralError | None = None,
) -> Response[Any]:
    proposal = offered.proposal
    return page(
        request,
        "contract_show.html",
        status=200 if error is None else status_of(error),
        draft=offered.draft,
        blueprint=proposal.blueprint,
        binding=proposal.binding,
        operations=operation_rows(proposal.binding),
        fields=shown_fields(proposal),
        levels=list(zip(LEVELS, LEVEL_WORDS, strict=True)),
        level=level,
        error=error,
    )
