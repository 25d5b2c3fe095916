"""What every TextGenerator promises: the worker with a tiny random model, and the fake that other tests use."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.core.ports import GenerationCancelled, GenerationFailed, Grammar, Message, Prompt
from tests.fakes.generator import FakeGenerator
from tests.fixtures.inference_worker import running_tiny_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.core.ports import TextGenerator

PROMPT = Prompt((Message("system", "You write plans."), Message("user", "Track loans.")), stable=1)
WORD = Grammar('start: "entity " NAME "\\n"\nNAME: /[A-Z][a-z]{1,8}/')
FORCED = Grammar('start: "access: everyone may read\\n"')
LONG = Grammar("start: /[a-z ]{300,350}/")
ENDLESS = Grammar('start: /[a-z]+/ ";"')


@pytest.fixture(scope="module")
def worker() -> Iterator[TextGenerator]:
    with running_tiny_worker() as running:
        yield running.supervisor.generator()


@pytest.fixture(params=["worker", "fake"])
def generator(request: pytest.FixtureRequest) -> TextGenerator:
    if request.param == "worker":
        found: TextGenerator = request.getfixturevalue("worker")
        return found
    return FakeGenerator(context_tokens=512)


def test_text_is_a_sentence_of_the_grammar(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        for seed in range(5):
            text = "".join(session.generate(WORD, max_tokens=60, temperature=1.0, seed=seed))
            assert re.fullmatch(r"entity [A-Z][a-z]{1,8}\n", text), text


def test_forced_text_is_counted_as_forced_and_not_sampled(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        assert "".join(session.generate(FORCED, max_tokens=60)) == "access: everyone may read\n"
        usage = session.usage()
    assert usage.forced > 0
    assert usage.sampled == 0


def test_max_tokens_cuts_off_with_a_prefix_of_a_sentence(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        text = "".join(session.generate(LONG, max_tokens=5))
        usage = session.usage()
    assert re.fullmatch(r"[a-z ]{1,100}", text)
    assert usage.sampled + usage.forced == 5


def test_rewind_forgets_what_came_after_the_mark(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        session.append("app\n")
        mark = session.mark()
        "".join(session.generate(WORD, max_tokens=60))
        session.append("more")
        assert session.mark() > mark
        session.rewind(mark)
        assert session.mark() == mark
        assert re.fullmatch(r"entity [A-Z][a-z]{1,8}\n", "".join(session.generate(WORD, max_tokens=60)))


def test_marks_at_different_points_differ(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        marks = [session.mark()]
        for text in ("entity ", "x", "y ", "z"):
            session.append(text)
            marks.append(session.mark())
        "".join(session.generate(WORD, max_tokens=60))
        marks.append(session.mark())
    assert marks == sorted(set(marks))


def test_unknown_mark_is_refused(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session, pytest.raises(GenerationFailed, match="no such point"):
        session.rewind(5)


def test_malformed_grammar_is_a_clear_error_and_the_session_lives_on(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        with pytest.raises(GenerationFailed, match="cannot be compiled") as caught:
            "".join(session.generate(Grammar("start: missing"), max_tokens=5))
        assert caught.value.cause
        assert caught.value.action
        assert "".join(session.generate(FORCED, max_tokens=60)) == "access: everyone may read\n"


def test_grammar_that_matches_nothing_is_a_clear_error(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session, pytest.raises(GenerationFailed):
        "".join(session.generate(Grammar("start: A\nA: /a/ & /b/"), max_tokens=5))


def test_full_context_is_a_clear_error(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        with pytest.raises(GenerationFailed, match="context is full") as caught:
            session.append("loans and items " * 200)
        assert caught.value.action
        assert "".join(session.generate(FORCED, max_tokens=60)) == "access: everyone may read\n"


def test_prompt_that_does_not_fit_is_refused(generator: TextGenerator) -> None:
    prompt = Prompt((Message("user", "loans and items " * 200),))
    with pytest.raises(GenerationFailed, match="context is full"), generator.session(prompt):
        pass


def test_generation_that_fills_the_context_fails(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session, pytest.raises(GenerationFailed, match="context is full"):
        "".join(session.generate(Grammar("start: /[a-z]{2000,2100}/"), max_tokens=5000, temperature=1.0))


def test_cancel_stops_a_running_generation(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        pieces = session.generate(Grammar("start: /[a-z]{400,450}/"), max_tokens=400, temperature=2.0, seed=1)
        next(pieces)
        canceller = threading.Thread(target=session.cancel)
        canceller.start()
        canceller.join()
        with pytest.raises(GenerationCancelled):
            for _ in pieces:
                pass
        with pytest.raises(GenerationCancelled):
            session.append("more")
    with generator.session(PROMPT) as session:
        assert "".join(session.generate(FORCED, max_tokens=60))


def test_abandoned_generation_leaves_no_trace(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        session.append("app\n")
        mark = session.mark()
        for _ in session.generate(LONG, max_tokens=100):
            break
        assert session.mark() == mark
        assert "".join(session.generate(FORCED, max_tokens=60)) == "access: everyone may read\n"


def test_usage_adds_up(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        given = session.usage().prompt
        assert given > 0
        session.append("some words to read\n")
        "".join(session.generate(WORD, max_tokens=60))
        usage = session.usage()
    assert usage.prompt > given
    assert usage.sampled > 0
    assert usage.prefill_seconds >= 0
    assert usage.decode_seconds >= 0


def test_closed_session_refuses(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        pass
    with pytest.raises(GenerationFailed):
        session.append("x")


def test_same_seed_same_text(worker: TextGenerator) -> None:
    texts = []
    for _ in range(2):
        with worker.session(PROMPT) as session:
            texts.append("".join(session.generate(LONG, max_tokens=40, temperature=1.5, seed=42)))
    assert texts[0] == texts[1]


def test_description_is_told(generator: TextGenerator) -> None:
    told = generator.describe()
    assert told.model
    assert len(told.bundle_digest) == 64
    assert told.context_tokens == 512
    assert told.threads == 1


def test_text_outside_ascii_survives(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        session.append("Grüße 👩‍🔬 ")
        text = "".join(session.generate(Grammar('start: "Ω 😀 é" /[a-c]/'), max_tokens=60))
        assert re.fullmatch("Ω 😀 é[a-c]", text)
        session.append("ü")


def test_conversations_of_several_clients_are_written_together() -> None:
    """Eight clients of one worker: the same texts as one after the other, and nobody waits for a place."""
    with running_tiny_worker(slots=8) as running:
        queued: list[int] = []
        generator = replace(running.supervisor.generator(), on_queued=queued.append)

        def converse(number: int) -> str:
            prompt = Prompt(
                (Message("system", "You write plans."), Message("user", f"Track loans {number}.")), stable=1
            )
            with generator.session(prompt) as session:
                first = "".join(session.generate(WORD, max_tokens=60, temperature=1.0, seed=number))
                session.append("note ")
                return first + "".join(session.generate(LONG, max_tokens=60, temperature=1.0, seed=number))

        alone = [converse(number) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(converse, range(8))) == alone
        assert not queued
