"""Turns with the model: they end in an answer, a failure or a stop, whatever happens, and belong to one person."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from appliance.core.conversation import Answer, Question, Revised
from appliance.core.errors import Refused
from appliance.core.ports import Grammar, LeafRef, Message, Person, Prompt, SealedRef
from appliance.studio.conversation import Conversation, NoReviser, TurnState, with_answers
from appliance.studio.errors import Busy, NotFound
from appliance.studio.model_use import ModelUse, SharedGenerator
from appliance.studio.quotas import QuotaReached
from appliance.studio.screening import Cleared
from tests.fakes.generator import FakeGenerator
from tests.fakes.studio_planner import SHIFTS, ScriptedReviser
from tests.fixtures.studio import MARA, maker

if TYPE_CHECKING:
    from collections.abc import Callable


NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class Log:
    """An audit sink and vault that only count."""

    def __init__(self) -> None:
        self.intents = 0

    def intent(self, event: object, **_: object) -> LeafRef:
        self.intents += 1
        return LeafRef(self.intents, "")

    def outcome(self, intent: LeafRef, result: object, **_: object) -> LeafRef:
        return intent

    def seal(self, body: bytes, *, subject: str, kind: object) -> SealedRef:
        return SealedRef("prompt", subject, "", "")


class Slow(ScriptedReviser):
    """Waits until it may go on, at each piece of text."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def revise(self, blueprint_text: str, request: str, on_text: Callable[[str], None]) -> str:
        on_text("app\n")
        self.go.wait(10)
        on_text("more\n")
        return blueprint_text


class Unscreened:
    """Words go through as they are: what is found in them is tried elsewhere."""

    def words(self, actor: object, words: str, **_: object) -> Cleared:
        return Cleared(words)

    def keep(self, *_: object) -> None:
        """Nothing to keep."""


class Counted:
    """Quotas that nobody has used up."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.counted: list[tuple[str, str, dict[str, int]]] = []
        self.done = threading.Event()

    def admit_words(self, *_: object) -> None:
        if self.error is not None:
            raise self.error

    def spent(self, person: Person, groups: object, cause: str, tokens: dict[str, int]) -> None:
        self.counted.append((person.subject, str(cause), dict(tokens)))
        self.done.set()


def talk(reviser: ScriptedReviser | None, quotas: Counted | None = None) -> Conversation:
    log = Log()
    return Conversation(reviser, log, log, Unscreened(), quotas=quotas or Counted())  # type: ignore[arg-type]


class Thrifty(ScriptedReviser):
    """Asks a model for each wish, which costs something, and then perhaps fails."""

    def __init__(self, *, fails: bool = False) -> None:
        super().__init__()
        self.fails = fails

    def revise(self, blueprint_text: str, request: str, on_text: Callable[[str], None]) -> Revised:
        generator = SharedGenerator(FakeGenerator(["ok"]), ModelUse())
        with generator.session(Prompt((Message("user", request),))) as session:
            for piece in session.generate(Grammar('start: "ok"'), max_tokens=4):
                on_text(piece)
            if self.fails:
                message = "No change of this app was found in these words."
                raise Refused(message)
        return Revised(blueprint_text)


@pytest.mark.parametrize("fails", [False, True])
def test_what_a_wish_cost_is_counted_however_it_ends(fails: bool) -> None:
    quotas = Counted()
    turn = talk(Thrifty(fails=fails), quotas).ask_change(
        maker(), "app_x", "a due date", text=SHIFTS, propose=lambda _text, _words: "prp_1"
    )
    assert turn.over.wait(10)
    assert quotas.done.wait(10)
    ((subject, cause, tokens),) = quotas.counted
    assert (subject, cause) == ("demo-maya", "wish")
    assert tokens["prompt"] > 0
    assert tokens["sampled"] + tokens["forced"] > 0


def test_who_has_used_up_their_tokens_asks_for_nothing() -> None:
    reached = QuotaReached("You used them up.", again=NOW, now=NOW)
    conversation = talk(ScriptedReviser(), Counted(reached))
    with pytest.raises(QuotaReached):
        conversation.ask_change(maker(), "app_x", "a due date", text=SHIFTS, propose=lambda _text, _words: "prp_1")
    assert conversation.latest("app_x") is None


def test_an_answer_names_what_was_proposed() -> None:
    seen: list[str] = []
    conversation = talk(ScriptedReviser())
    turn = conversation.ask_change(
        maker(), "app_x", "a due date", text=SHIFTS, propose=lambda text, _: seen.append(text) or "prp_1"
    )
    assert turn.over.wait(10)
    assert (turn.state, turn.result) == (TurnState.ANSWERED, "prp_1")
    assert "due date" in seen[0].text
    assert turn.text == seen[0].text
    conversation.settle("app_x")
    assert conversation.latest("app_x") is None


def test_a_failure_of_the_model_or_of_ours_ends_the_turn() -> None:
    conversation = talk(ScriptedReviser())
    turn = conversation.ask_change(maker(), "app_x", "fail", text=SHIFTS, propose=lambda *_: "")
    assert turn.over.wait(10)
    assert turn.state is TurnState.FAILED
    assert turn.error is not None
    assert turn.error.code == "generation_failed"

    def broken(_: str, __: str) -> str:
        raise ZeroDivisionError

    turn = conversation.ask_change(maker(), "app_x", "due", text=SHIFTS, propose=broken)
    assert turn.over.wait(10)
    assert (turn.state, turn.error.code if turn.error else "") == (TurnState.FAILED, "internal")


def test_a_turn_is_stopped_and_proposes_nothing() -> None:
    reviser, proposed = Slow(), []
    conversation = talk(reviser)
    turn = conversation.ask_change(maker(), "app_x", "x", text=SHIFTS, propose=lambda *_: proposed.append(1) or "p")
    with pytest.raises(Busy):
        conversation.ask_change(maker(), "app_x", "y", text=SHIFTS, propose=lambda *_: "")
    conversation.stop(maker(), turn.id)
    reviser.go.set()
    for thread in threading.enumerate():
        if thread.name == f"turn-{turn.id}":
            thread.join(10)
    assert (turn.state, turn.result, proposed) == (TurnState.STOPPED, "", [])


def test_a_turn_belongs_to_whoever_began_it() -> None:
    conversation = talk(ScriptedReviser(questions=(Question("a", "Who?", ("One", "Two")),)))
    turn = conversation.ask_questions(maker(), "Keep notes")
    assert turn.over.wait(10)
    assert turn.questions[0].text == "Who?"
    assert conversation.turn(maker(), turn.id) is turn
    with pytest.raises(NotFound):
        conversation.turn(maker(MARA), turn.id)


def test_without_a_model_only_what_needs_none_is_offered() -> None:
    conversation = talk(None)
    assert not conversation.can_revise
    assert conversation.next_steps(SHIFTS) == ()
    with pytest.raises(NoReviser):
        conversation.ask_questions(maker(), "Keep notes")


def test_answers_become_part_of_the_request() -> None:
    answers = (Answer("Who settles?", "Leaders"), Answer("How long?", ""))
    assert with_answers("Keep notes.", answers) == "Keep notes. Who settles? Leaders."
