"""The first page: say what you need, and see what you have."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Controller, Request, Response, get, post

from appliance.authz.actions import Action
from appliance.authz.questions import DEFAULT_LEVEL
from appliance.core.conversation import Answer
from appliance.core.errors import IntramuralError
from appliance.db.records import Origin
from appliance.dlp.redactor import restore
from appliance.planner.request import check_request
from appliance.studio.conversation import TurnState, with_answers
from appliance.studio.errors import NotFound
from appliance.studio.screening import Choice
from appliance.web.access import SIGNED_IN, rule
from appliance.web.problems import answer_error, status_of
from appliance.web.render import page
from appliance.web.rules import require_model
from appliance.web.workspace import form_of, leave_to, slow_down

if TYPE_CHECKING:
    from appliance.studio.conversation import Turn
    from appliance.studio.people import Actor
    from appliance.web.forms import Form
    from appliance.web.services import Services

_PATIENCE_SECONDS: Final = 0.6

IDEAS: Final = (
    (
        "Shift handover",
        """Handover notes between shifts in our press shop: machine, shift, what happened, how urgent it is, who takes \
care of it and whether it is settled. Shift leaders write and settle notes, operators read. Show what is still open.""",
    ),
    (
        "Seedling trays",
        """Our nursery grows seedlings in trays: species, greenhouse, sowing date, planting-out date, state. \
Gardeners log losses per tray with a reason. Show trays per greenhouse.""",
    ),
    (
        "Water samples",
        """Our lab samples water at fixed measuring points: point, sampling day, temperature, acidity, who took it. \
Chemists add a result with value, unit and a verdict. Show the samples that still wait for a result.""",
    ),
    (
        "Test kitchen",
        """Our bakery tries out new breads: recipe, flour, proving time, oven temperature. After each trial bakers \
note the date, rating from poor to great and what to change. The head baker decides which recipes go on sale.""",
    ),
)


class HomeController(Controller):
    """``/`` and the form on it."""

    @get("/", opt=rule(SIGNED_IN, Action.USE_STUDIO), sync_to_thread=True)
    def show(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """The prompt box and the apps."""
        return home(request)

    @post("/apps", opt=rule(SIGNED_IN, Action.CREATE_APP))
    async def create(self, request: Request[Any, Any, Any]) -> Response[Any]:
        """Take a request, or a template; on a refusal the words stay in the box."""
        services: Services = request.app.state.services
        form = await request.form()
        words, template = str(form.get("request", "")), str(form.get("template", ""))
        choice = Choice.of(str(form.get("sensitive", "")))
        try:
            slow_down(request)
            if not template:
                require_model(request, services, DEFAULT_LEVEL)
            target = await asyncio.to_thread(_begin, services, request.state.actor, words, template, choice)
        except IntramuralError as error:
            if request.headers.get("hx-request") == "true":
                return answer_error(request, error)
            return await asyncio.to_thread(home, request, words=words, error=error)
        return leave_to(request, target)

    @get("/start/{turn_id:str}", opt=rule(SIGNED_IN, Action.USE_DRAFT), sync_to_thread=True)
    def ask(self, request: Request[Any, Any, Any], turn_id: str) -> Response[Any]:
        """What would have to be known before the first build."""
        services: Services = request.app.state.services
        turn = services.studio.conversation.turn(request.state.actor, turn_id)
        if turn.result:
            return leave_to(request, f"/apps/{turn.result}")
        told = restore(turn.words, turn.cleared.values)
        return page(request, "questions.html", turn=turn, told=told)

    @post("/start/{turn_id:str}", opt=rule(SIGNED_IN, Action.USE_DRAFT))
    async def start(self, request: Request[Any, Any, Any], turn_id: str) -> Response[Any]:
        """Build, with what was answered; what was skipped is taken as its first choice, and said so."""
        services: Services = request.app.state.services
        form = await form_of(request)
        turn = services.studio.conversation.turn(request.state.actor, turn_id)
        if not turn.result:
            answers = tuple(
                Answer(question.text, _answer(form, number, question.choices))
                for number, question in enumerate(turn.questions)
            )
            words = with_answers(turn.words, answers)
            choice = Choice.of(form.one("sensitive"))
            await asyncio.to_thread(_build_once, services, request.state.actor, turn, words, choice)
        return leave_to(request, f"/apps/{turn.result}")


def _begin(services: Services, actor: Actor, words: str, template: str, choice: Choice) -> str:
    """Start an app; returns where it is looked at."""
    studio = services.studio
    if template:
        chosen = next((item for item in services.gallery if item.name == template), None)
        if chosen is None:
            message = "There is no such template."
            raise NotFound(message, action="Choose one from the list.")
        build = studio.build_service.submit(actor, chosen.blueprint_text, origin=Origin.BLUEPRINT)
        return f"/apps/{build.project_id}"
    if not studio.conversation.can_revise:
        return f"/apps/{studio.build_service.submit(actor, words, choice=choice).project_id}"
    clean = check_request(words, limit=services.settings.build.prompt_characters).text
    turn = studio.conversation.ask_questions(actor, clean, choice)
    turn.over.wait(_PATIENCE_SECONDS)
    if turn.state is TurnState.ANSWERED and not turn.questions:
        _build_once(services, actor, turn, turn.words, choice)
        return f"/apps/{turn.result}"
    return f"/start/{turn.id}"


def _build_once(services: Services, actor: Actor, turn: Turn, words: str, choice: Choice) -> None:
    """One build for one turn, however often and from wherever it is asked for."""
    with turn.once:
        if not turn.result:
            studio = services.studio
            cleared = turn.cleared
            if words != turn.words:  # the answers are words, too
                cleared = studio.screening.words(actor, words, choice=choice, resource="new-app", before=cleared)
            studio.conversation.stop(actor, turn.id)
            turn.result = studio.build_service.submit(actor, cleared).project_id


def _answer(form: Form, number: int, choices: tuple[str, ...]) -> str:
    if form.one("skip"):
        return choices[0] if choices else ""
    return form.one(f"own{number}") or form.one(f"q{number}")


def home(request: Request[Any, Any, Any], *, words: str = "", error: IntramuralError | None = None) -> Response[Any]:
    """The first page, with what was typed and what was wrong with it."""
    services: Services = request.app.state.services
    actor = request.state.actor
    return page(
        request,
        "home.html",
        status=200 if error is None else status_of(error),
        apps=services.studio.project_service.mine(actor),
        shared=[
            one
            for one in services.governance.publishing.catalogue(actor)
            if one[0].owner.subject != actor.person.subject
        ],
        engine=services.engine(),
        engine_state=services.health()["engine"],
        ideas=IDEAS,
        gallery=services.gallery,
        words=words,
        error=error,
        limit=services.settings.build.prompt_characters,
    )
