"""From a table to an app: hand it in, look at what it would become, change that, create the app."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.response import Redirect

from appliance.authz.actions import Action
from appliance.authz.questions import DEFAULT_LEVEL, LEVELS, data_class
from appliance.core.errors import IntramuralError
from appliance.importer.compose import compose
from appliance.importer.errors import ImportRefused
from appliance.importer.grid import Source
from appliance.importer.limits import LIMITS
from appliance.studio.permits import as_principal
from appliance.studio.screening import Choice
from appliance.web.access import SIGNED_IN, rule
from appliance.web.approval_views import LEVEL_WORDS
from appliance.web.import_form import TYPE_NAMES, decisions_of
from appliance.web.limits import TooMany
from appliance.web.problems import status_of
from appliance.web.render import page
from appliance.web.rules import require

if TYPE_CHECKING:
    from appliance.studio.importing import ImportService, Proposed

MAX_BODY_BYTES: Final = LIMITS.file_bytes + (1 << 20)
SHOWN_ROWS: Final = 6


class ImportController(Controller):
    """``/imports``."""

    @get("/imports/new", opt=rule(SIGNED_IN, Action.IMPORT_TABLE), sync_to_thread=True)
    def new(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Choose files, or paste a table."""
        return _start(request)

    @post("/imports", opt=rule(SIGNED_IN, Action.IMPORT_TABLE), request_max_body_size=MAX_BODY_BYTES)
    async def take(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Read what was handed in."""
        form = await request.form()
        pasted = str(form.get("pasted", ""))
        try:
            if not request.app.state.limits.builds.allow(request.state.session.key):
                raise TooMany.now()
            sources = await _sources(form.getall("files", []), pasted)
            taken = await asyncio.to_thread(_service(request).take, request.state.actor, sources)
        except IntramuralError as error:
            return await asyncio.to_thread(_start, request, pasted=pasted, error=error)
        return Redirect(f"/imports/{taken.draft.id}", status_code=303)

    @get("/imports/{draft_id:str}", opt=rule(SIGNED_IN, Action.USE_DRAFT), sync_to_thread=True)
    def look(self, request: Request[Any, Any, Any], draft_id: str) -> Response[Any]:
        """The proposal."""
        return _show(request, _service(request).look(request.state.actor, draft_id))

    @post("/imports/{draft_id:str}", opt=rule(SIGNED_IN, Action.USE_DRAFT), status_code=200)
    async def change(self, request: Request[Any, Any, Any], draft_id: str) -> Response[Any]:
        """The proposal with the form's decisions; with ``create``, the app."""
        form = {name: str(value) for name, value in (await request.form()).multi_items() if isinstance(value, str)}
        return await asyncio.to_thread(_change, request, draft_id, form)

    @post("/imports/{draft_id:str}/discard", opt=rule(SIGNED_IN, Action.USE_DRAFT), sync_to_thread=True)
    def discard(self, request: Request[Any, Any, Any], draft_id: str) -> Response[Any]:
        """Forget it."""
        _service(request).discard(request.state.actor, draft_id)
        return Redirect("/", status_code=303)

    @get("/apps/{app_id:str}/left-out/{number:int}", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def left_out(self, request: Request[Any, Any, Any], app_id: str, number: int) -> Response[Any]:
        """The rows of one table that are not in the app."""
        content = _service(request).left_out(request.state.actor, app_id, number)
        headers = {"Content-Disposition": f'attachment; filename="left-out-{number + 1}.csv"'}
        return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _service(request: Request[Any, Any, Any]) -> ImportService:
    service: ImportService = request.app.state.services.transfers.imports
    return service


async def _sources(files: list[Any], pasted: str) -> list[Source]:
    sources = [
        Source(file.filename or "Table", await file.read())
        for file in files[: LIMITS.files + 1]
        if isinstance(file, UploadFile) and file.filename
    ]
    if pasted.strip():
        sources.append(Source("Pasted table", pasted.encode()))
    if not sources:
        message = "There is nothing to read yet."
        raise ImportRefused(message, action="Choose a file, or paste a table.")
    return sources


def _change(request: Request[Any, Any, Any], draft_id: str, form: dict[str, str]) -> Response[Any]:
    service, actor = _service(request), request.state.actor
    shown = service.look(actor, draft_id)
    proposed = service.decide(actor, draft_id, decisions_of(form, shown.proposal, shown.draft.decisions))
    if form.get("step") != "create" and not form.get("sensitive"):
        return _show(request, proposed, level=level_of(form))
    try:
        if not request.app.state.limits.builds.allow(request.state.session.key):
            raise TooMany.now()
        level = level_of(form)
        require(request, as_principal(actor), Action.HOLD_DATA, data_class(level))
        build = service.create(actor, draft_id, Choice.of(form.get("sensitive", "")), level)
    except IntramuralError as error:
        return _show(request, proposed, error=error, level=level_of(form))
    return Redirect(f"/apps/{build.project_id}", status_code=303)


def level_of(form: dict[str, str]) -> int:
    """The class of data that a form names."""
    told = form.get("level", "")
    return LEVELS.index(told) if told in LEVELS else DEFAULT_LEVEL


def _start(request: Request[Any, Any, Any], *, pasted: str = "", error: IntramuralError | None = None) -> Response[Any]:
    return page(
        request,
        "import_new.html",
        status=200 if error is None else status_of(error),
        pasted=pasted,
        error=error,
        limits=LIMITS,
    )


def _show(
    request: Request[Any, Any, Any],
    proposed: Proposed,
    *,
    level: int = DEFAULT_LEVEL,
    error: IntramuralError | None = None,
) -> Response[Any]:
    problem = error
    if problem is None and not proposed.proposal.open_questions:
        try:
            compose(proposed.proposal)
        except ImportRefused as refused:
            problem = refused
    return page(
        request,
        "import_show.html",
        status=200 if error is None else status_of(error),
        draft=proposed.draft,
        proposal=proposed.proposal,
        types=TYPE_NAMES,
        shown=SHOWN_ROWS,
        levels=list(zip(LEVELS, LEVEL_WORDS, strict=True)),
        level=level,
        error=problem,
    )
