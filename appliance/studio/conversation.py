"""What the model says before anything is built: a proposed change, questions about a new app, next steps.

One *turn* per app or per request for a new app, carried out on a thread of its own and looked at by polling, so that a
lost connection or a second window changes nothing. Turns live in memory: a restart forgets a turn that was not
answered, and the browser still has the words.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from contextvars import copy_context
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError, Unavailable
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.core.metering import metered
from appliance.core.ports import BodyKind
from appliance.db.repositories.usage import Cause
from appliance.studio.errors import BuildCancelled, Busy, NotFound
from appliance.studio.evidence import act, sealed_text
from appliance.studio.people import require_maker
from appliance.studio.screening import NOTHING_SAID, Choice, Cleared

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.core.conversation import Answer, Question, Revised, Reviser
    from appliance.core.ports import AuditSink, BodyVault
    from appliance.studio.people import Actor
    from appliance.studio.quotas import Quotas
    from appliance.studio.screening import Screening

MAX_TURNS: Final = 200
MAX_AT_WORK: Final = 8
MAX_SUGGESTED_FOR: Final = 100
MAX_SECONDS: Final = 300.0
_log = logging.getLogger(__name__)


class NoReviser(Unavailable):
    """No model is there that could change an app in words."""

    code = "no_reviser"


class TurnState(StrEnum):
    """How far a turn has come. ``answered``: the proposal, the questions or the build is there."""

    THINKING = "thinking"
    ANSWERED = "answered"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass
class Turn:
    """One thing said and what the model made of it.

    ``app`` is empty for a new app. ``result`` names the proposal, or the app that was begun. ``over`` is set when there
    is an answer; ``once`` is held while something is begun from it. ``cleared`` are the words as they may be sent.
    """

    id: str
    subject: str
    app: str
    words: str
    started: float
    cleared: Cleared = NOTHING_SAID
    state: TurnState = TurnState.THINKING
    text: str = ""
    result: str = ""
    questions: tuple[Question, ...] = ()
    error: IntramuralError | None = None
    ended: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    once: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds(self) -> float:
        """How long it has taken, or took."""
        return (time.monotonic() if self.ended is None else self.ended) - self.started


class Conversation:
    """Turns of all makers. ``reviser`` may be None: then words can begin an app, and edits by hand change it."""

    def __init__(
        self,
        reviser: Reviser | None,
        audit: AuditSink,
        vault: BodyVault,
        screening: Screening,
        *,
        quotas: Quotas,
        model: Callable[[], str] = lambda: "",
    ) -> None:
        """``model`` gives the digest of the model bundle for the audit log."""
        self._model = model
        self._reviser = reviser
        self._audit = audit
        self._vault = vault
        self._screening = screening
        self._quotas = quotas
        self._lock = threading.Lock()
        self._turns: OrderedDict[str, Turn] = OrderedDict()
        self._suggested: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    @property
    def can_revise(self) -> bool:
        """Whether apps can be changed in words."""
        return self._reviser is not None

    def ask_change(
        self,
        actor: Actor,
        app: str,
        words: str,
        *,
        text: str,
        propose: Callable[[Revised, str], str],
        choice: Choice = Choice.NONE,
    ) -> Turn:
        """Have the model change the blueprint ``text`` as ``words`` ask; ``propose`` turns what it wrote, and the words
        as they were sent, into the identifier of a proposal. ``choice``: what the maker said about personal data.

        Raises:
            SecretFound, AskFirst: the words hold what must not be sent, or what the maker has to decide about.
            NoReviser: there is no model for this.
            Busy: this app is being thought about already, or too many are.
            AuditUnavailable: no evidence can be written, so nothing is asked.
        """
        reviser = self._need()

        def work(turn: Turn) -> None:
            def on_text(piece: str) -> None:
                turn.text += piece
                _go_on(turn)

            turn.result = propose(reviser.revise(text, turn.words, on_text), turn.words)

        return self._begin(actor, app, words, work, choice)

    def ask_questions(self, actor: Actor, words: str, choice: Choice = Choice.NONE) -> Turn:
        """Have the model say what it would have to know before it plans an app.

        Raises:
            NoReviser, Busy, SecretFound, AskFirst, AuditUnavailable: see :meth:`ask_change`.
        """
        reviser = self._need()

        def work(turn: Turn) -> None:
            turn.questions = reviser.clarify(turn.words)

        return self._begin(actor, "", words, work, choice)

    def turn(self, actor: Actor, turn_id: str) -> Turn:
        """A turn of the person's own.

        Raises:
            NotFound: otherwise, or the appliance has been started anew since.
        """
        with self._lock:
            found = self._turns.get(turn_id)
        if found is None or found.subject != actor.person.subject:
            message = "This is no longer known; the appliance may have been started anew."
            raise NotFound(message, action="Send your words again; they are still in the box.")
        return found

    def latest(self, app: str) -> Turn | None:
        """What was last said about an app and is not settled yet."""
        with self._lock:
            return next((turn for turn in reversed(self._turns.values()) if turn.app == app), None)

    def stop(self, actor: Actor, turn_id: str) -> None:
        """End a turn early; the model stops at its next piece of text."""
        turn = self.turn(actor, turn_id)
        with self._lock:
            if turn.state is TurnState.THINKING:
                turn.stop.set()
                turn.state, turn.ended = TurnState.STOPPED, time.monotonic()
                turn.over.set()

    def settle(self, app: str) -> None:
        """Forget what was said about an app: it was accepted, discarded, or taken note of."""
        with self._lock:
            for turn in [turn for turn in self._turns.values() if turn.app == app]:
                if turn.state is not TurnState.THINKING:
                    del self._turns[turn.id]

    def erase(self, subject: str) -> dict[str, int]:
        """Forget what a person said, and stop what is being thought about; implements ``PersonalRecords``."""
        with self._lock:
            mine = [turn for turn in self._turns.values() if turn.subject == subject]
            for turn in mine:
                turn.stop.set()
                del self._turns[turn.id]
        return {"turns": len(mine)}

    def next_steps(self, text: str) -> tuple[str, ...]:
        """Requests that could follow for the app with this blueprint; none without a model.

        Raises:
            GenerationFailed: the model could not.
        """
        if self._reviser is None:
            return ()
        with self._lock:
            known = self._suggested.get(text)
        if known is None:
            known = self._reviser.suggest(text)
            with self._lock:
                self._suggested[text] = known
                while len(self._suggested) > MAX_SUGGESTED_FOR:
                    self._suggested.popitem(last=False)
        return known

    def _need(self) -> Reviser:
        if self._reviser is None:
            message = "There is no model here that can change an app in words."
            raise NoReviser(message, action="Change it by hand under Data, Access, Pages and Look.")
        return self._reviser

    def _begin(self, actor: Actor, app: str, words: str, work: Callable[[Turn], None], choice: Choice) -> Turn:
        require_maker(actor)
        self._quotas.admit_words(actor.person.subject, actor.groups)
        cleared = self._screening.words(actor, words, choice=choice, resource=app or "new-app")
        words = cleared.text
        turn = Turn(new_id("trn"), actor.person.subject, app, words, time.monotonic(), cleared)
        if app:
            self._screening.keep(app, actor, cleared)
        body = sealed_text(self._vault, words, subject=actor.person.subject, kind=BodyKind.PROMPT)
        details = {"body": body, "kind": "revision" if app else "questions"}
        resource = app or "new-app"
        with act(self._audit, Event.PROMPT_SUBMITTED, principal=actor.principal, resource=resource, details=details):
            self._admit(turn)
        asked: dict[str, object] = {"kind": str(details["kind"]), "model": self._model()}
        at_work = partial(
            act, self._audit, Event.PLAN_MADE, principal=actor.principal, resource=resource, details=asked
        )

        def recorded(turn: Turn) -> None:
            with metered() as meter:
                try:
                    with at_work() as evidence:
                        work(turn)
                        evidence.details.update({"tokens": meter.tokens} if meter.tokens else {})
                finally:
                    self._quotas.spent(actor.person, actor.groups, Cause.WISH, meter.tokens)

        context = copy_context()
        threading.Thread(
            target=context.run, args=(self._carry_out, turn, recorded), name=f"turn-{turn.id}", daemon=True
        ).start()
        return turn

    def _admit(self, turn: Turn) -> None:
        app = turn.app
        with self._lock:
            thinking = [item for item in self._turns.values() if item.state is TurnState.THINKING]
            if any(item.app == app for item in thinking if app):
                message = "Your last request is being thought about already."
                raise Busy(message, action="Wait for it, or stop it.")
            if len(thinking) >= MAX_AT_WORK:
                message = f"{len(thinking)} requests are being thought about already."
                raise Busy(message, action="Try again in a minute; your words stay in the box.")
            for old in [item for item in self._turns.values() if app and item.app == app]:
                del self._turns[old.id]
            self._turns[turn.id] = turn
            while len(self._turns) > MAX_TURNS:
                self._turns.popitem(last=False)

    def _carry_out(self, turn: Turn, work: Callable[[Turn], None]) -> None:
        error: IntramuralError | None = None
        try:
            work(turn)
        except IntramuralError as caught:
            error = caught
        except Exception as caught:  # noqa: BLE001 - the last boundary: the page must learn that it ended
            _log.exception("turn %s failed", turn.id)
            message = "Something in the appliance went wrong while it was thinking."
            error = IntramuralError(message, cause=repr(caught)[:300], action="Try again.")
        with self._lock:
            if turn.state is TurnState.THINKING:
                turn.error, turn.ended = error, time.monotonic()
                turn.state = TurnState.ANSWERED if error is None else TurnState.FAILED
            turn.over.set()


def _go_on(turn: Turn) -> None:
    if turn.stop.is_set():
        message = "You stopped this."
        raise BuildCancelled(message, action="Ask again whenever you like.")
    if turn.seconds > MAX_SECONDS:
        message = f"This took longer than {MAX_SECONDS:.0f} seconds and was stopped."
        raise Unavailable(message, action="Ask for less at once, or try again later.")


def with_answers(words: str, answers: tuple[Answer, ...]) -> str:
    """The request with what was answered, as the planner reads it."""
    said = [f"{answer.question} {answer.text}." for answer in answers if answer.text]
    return " ".join([words, *said])
