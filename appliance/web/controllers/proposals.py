"""A change before it happens: proposed from edits, from text or from an earlier version; then accepted or withdrawn."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.studio.errors import NotFound
from appliance.studio.proposal import Source
from appliance.web.access import SIGNED_IN, rule
from appliance.web.workspace import back_to, form_of, leave_to, slow_down, workspace

if TYPE_CHECKING:
    from appliance.studio.proposal import Proposal
    from appliance.web.services import Services


class ProposalController(Controller):
    """``/apps/<id>/proposals`` and the ways to get there without the model."""

    path = "/apps/{app_id:str}"

    @post("/changes", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def from_edits(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What the gathered edits do."""
        services: Services = request.app.state.services
        actor = request.state.actor
        slow_down(request)
        gathered = await asyncio.to_thread(services.studio.gathering.get, actor, app_id)
        if not gathered.edits:
            return back_to(app_id, "data")
        made = await asyncio.to_thread(services.studio.revisions.propose_edits, actor, app_id, gathered.edits)
        return leave_to(request, f"/apps/{app_id}/proposals/{made.id}")

    @post("/restore", opt=rule(SIGNED_IN, Action.RESTORE_VERSION))
    async def from_version(self, request: Request[Any, Any, Any], app_id: str) -> Response[Any]:
        """What going back to an earlier version does."""
        services: Services = request.app.state.services
        actor = request.state.actor
        number = str((await request.form()).get("version", ""))
        if not number.isdecimal() or len(number) > 6:
            message = "There is no such version."
            raise NotFound(message, action="Choose one from the list.")
        made = await asyncio.to_thread(services.studio.revisions.propose_restore, actor, app_id, int(number))
        return leave_to(request, f"/apps/{app_id}/proposals/{made.id}")

    @get("/proposals/{proposal_id:str}", opt=rule(SIGNED_IN, Action.VIEW_APP), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any], app_id: str, proposal_id: str) -> Response[Any]:
        """What would change."""
        services: Services = request.app.state.services
        made = services.studio.revisions.get(request.state.actor, app_id, proposal_id)
        if made.build is not None:
            return back_to(app_id, "app")
        section = {Source.EDITS: "data", Source.TEXT: "blueprint", Source.RESTORE: "versions"}.get(made.source, "app")
        versions = services.studio.projects.versions(app_id)
        return workspace(
            request, app_id, section, "proposal_page.html", proposal=made, next_version=versions[0].number + 1
        )

    @post("/proposals/{proposal_id:str}/answer", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def answer(self, request: Request[Any, Any, Any], app_id: str, proposal_id: str) -> Response[Any]:
        """Say what only the maker knows; the proposal is worked out again."""
        services: Services = request.app.state.services
        form = await form_of(request)
        actor = request.state.actor
        revisions = services.studio.revisions
        standing = await asyncio.to_thread(revisions.get, actor, app_id, proposal_id)
        answers = {question.id: form.one(f"q-{question.id}") for question in standing.questions}
        said = {question: answer for question, answer in answers.items() if answer}
        made = await asyncio.to_thread(revisions.answer, actor, app_id, proposal_id, said)
        return leave_to(request, _place(app_id, made))

    @post("/proposals/{proposal_id:str}/accept", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def accept(self, request: Request[Any, Any, Any], app_id: str, proposal_id: str) -> Response[Any]:
        """Make the change: a build begins."""
        services: Services = request.app.state.services
        form = await form_of(request)
        actor = request.state.actor
        slow_down(request)
        revisions = services.studio.revisions
        standing = await asyncio.to_thread(revisions.get, actor, app_id, proposal_id)
        confirmed = tuple(form.all("confirm"))
        await asyncio.to_thread(revisions.accept, actor, app_id, proposal_id, confirmed=confirmed)
        await asyncio.to_thread(_settle, services, request, app_id, standing)
        return leave_to(request, f"/apps/{app_id}")

    @post("/proposals/{proposal_id:str}/withdraw", opt=rule(SIGNED_IN, Action.EDIT_APP))
    async def withdraw(self, request: Request[Any, Any, Any], app_id: str, proposal_id: str) -> Response[Any]:
        """Leave everything as it is."""
        services: Services = request.app.state.services
        actor = request.state.actor
        made = await asyncio.to_thread(services.studio.revisions.withdraw, actor, app_id, proposal_id)
        await asyncio.to_thread(_settle, services, request, app_id, made)
        section = {Source.TEXT: "blueprint", Source.RESTORE: "versions"}.get(made.source, "app")
        return leave_to(request, f"/apps/{app_id}" + ("" if section == "app" else f"/{section}"))


def _settle(services: Services, request: Request[Any, Any, Any], app_id: str, made: Proposal) -> None:
    """What led to the proposal has had its answer."""
    if made.source is Source.EDITS:
        services.studio.gathering.forget(request.state.actor, app_id)
    services.studio.conversation.settle(app_id)


def _place(app_id: str, made: Proposal) -> str:
    """Where a proposal is looked at: in the conversation if it came from there."""
    return f"/apps/{app_id}" if made.source is Source.MODEL else f"/apps/{app_id}/proposals/{made.id}"
