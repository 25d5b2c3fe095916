"""What every TextGenerator promises: a tiny model on each executor in a worker, and the fake of other tests."""

from __future__ import annotations

import json
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from appliance.core.answers import Adjustment, AnswerEnd, AnswerPiece, Form, RawPrompt, Syntax, Wanted
from appliance.core.ports import (
    ContextFull,
    GenerationCancelled,
    GenerationFailed,
    Grammar,
    GrammarRefused,
    Message,
    Prompt,
)
from appliance.core.tools import Calling, Tool, ToolCall, ToolsRefused
from appliance.inference.answers import UnknownToken
from appliance.inference.chat import InvalidPrompt
from appliance.inference.limits import ExecutorKind
from tests.fakes.generator import FakeGenerator
from tests.fixtures.inference_worker import running_tiny_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.core.answers import TokenTold
    from appliance.core.ports import TextGenerator
    from appliance.core.tools import CallPiece

PROMPT = Prompt((Message("system", "You write plans."), Message("user", "Track loans.")), stable=1)
WORD = Grammar('start: "entity " NAME "\\n"\nNAME: /[A-Z][a-z]{1,8}/')
FORCED = Grammar('start: "access: everyone may read\\n"')
LONG = Grammar("start: /[a-z ]{300,350}/")
ENDLESS = Grammar('start: /[a-z]+/ ";"')


@pytest.fixture(scope="module")
def worker() -> Iterator[TextGenerator]:
    with running_tiny_worker() as running:
        yield running.supervisor.generator()


@pytest.fixture(scope="module")
def genai_worker() -> Iterator[TextGenerator]:
    with running_tiny_worker(executor=ExecutorKind.GENAI) as running:
        assert running.supervisor.describe().executor == "onnxruntime-genai"
        yield running.supervisor.generator()


@pytest.fixture(params=["worker", "genai_worker", "fake"])
def generator(request: pytest.FixtureRequest) -> TextGenerator:
    if request.param == "fake":
        return FakeGenerator(context_tokens=512)
    found: TextGenerator = request.getfixturevalue(request.param)
    return found


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


def answer_of(
    generator: TextGenerator, wanted: Wanted, prompt: Prompt | RawPrompt = PROMPT
) -> tuple[str, list[TokenTold], AnswerEnd]:
    with generator.session(prompt) as session:
        got = list(session.answer(wanted))
    end = got.pop()
    assert isinstance(end, AnswerEnd)
    pieces = [piece for piece in got if isinstance(piece, AnswerPiece)]
    assert len(pieces) == len(got)
    return "".join(piece.text for piece in pieces), [told for piece in pieces for told in piece.tokens], end


LETTERS = Form(Syntax.LARK, "start: /[a-d]{40}/")


def test_answer_ends_by_itself_or_at_its_limit(generator: TextGenerator) -> None:
    text, told, end = answer_of(generator, Wanted(LETTERS, max_tokens=100))
    assert re.fullmatch("[a-d]{40}", text)
    assert (told, end.complete) == ([], True)
    assert 0 < end.completion_tokens <= 40
    text, _, end = answer_of(generator, Wanted(LETTERS, max_tokens=3))
    assert (end.complete, end.completion_tokens) == (False, 3)
    assert re.fullmatch("[a-d]{1,39}", text)


def test_a_stop_text_ends_the_answer_before_it(generator: TextGenerator) -> None:
    form = Form(Syntax.LARK, 'start: "one two three four"')
    text, told, end = answer_of(generator, Wanted(form, stop=("two three", "e f"), top_logprobs=0))
    assert text == "one "
    assert end.complete
    joined = b"".join(one.chosen.content for one in told)
    assert joined.startswith(b"one ")
    assert len(joined) - len(told[-1].chosen.content) < len(b"one ")
    again, _, _ = answer_of(generator, Wanted(form, stop=("two four",)))
    assert again == "one two three four"


def test_answer_leaves_the_conversation_as_it_was(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        session.append("app\n")
        mark = session.mark()
        for wanted in (Wanted(LETTERS), Wanted(LETTERS, stop=("a", "b"))):
            list(session.answer(wanted))
            assert session.mark() == mark
        for _ in session.answer(Wanted(LETTERS)):
            break
        assert session.mark() == mark
        assert "".join(session.generate(FORCED, max_tokens=60)) == "access: everyone may read\n"


def test_an_answer_is_cancelled(generator: TextGenerator) -> None:
    with generator.session(PROMPT) as session:
        pieces = session.answer(Wanted(Form(Syntax.LARK, "start: /[a-z]{400}/"), seed=3))
        next(pieces)
        session.cancel()
        with pytest.raises(GenerationCancelled):
            list(pieces)


def test_a_form_that_cannot_be_used_is_a_clear_error(generator: TextGenerator) -> None:
    for form in (Form(Syntax.LARK, "start: missing"), Form(Syntax.JSON_SCHEMA, '{"not": {}}')):
        with generator.session(PROMPT) as session, pytest.raises(GrammarRefused) as caught:
            list(session.answer(Wanted(form)))
        assert caught.value.action


def test_errors_of_full_contexts_have_their_own_kind(generator: TextGenerator) -> None:
    with (
        pytest.raises(ContextFull),
        generator.session(Prompt((Message("user", "loans and items " * 200),))),
    ):
        pass


def test_answers_are_reproducible_and_probabilities_align(worker: TextGenerator) -> None:
    wanted = Wanted(max_tokens=24, temperature=1.0, top_p=0.9, seed=11, top_logprobs=3)
    first, second = answer_of(worker, wanted), answer_of(worker, wanted)
    assert first[:2] == second[:2]
    text, told, end = first
    assert end.completion_tokens == 24
    joined = b"".join(one.chosen.content for one in told)
    assert joined.decode("utf-8", "ignore").startswith(text)
    for one in told:
        assert one.chosen.logprob <= 0
        chances = [other.logprob for other in one.top]
        assert len(chances) == 3
        assert chances == sorted(chances, reverse=True)
        assert chances[0] >= one.chosen.logprob
    other, _, _ = answer_of(worker, replace(wanted, seed=12))
    assert other != text


def test_greedy_answers_are_the_most_probable_tokens(worker: TextGenerator) -> None:
    greedy, told, _ = answer_of(worker, Wanted(max_tokens=12, temperature=0.0, top_logprobs=1))
    assert greedy == answer_of(worker, Wanted(max_tokens=12, temperature=1.0, top_p=0.0, seed=5))[0]
    best = [one for one in told if one.top[0].content == one.chosen.content]
    assert best  # elsewhere, half a character or a control token is more probable, and no text
    assert all(one.top[0].logprob == one.chosen.logprob for one in best)


def test_penalties_and_biases_change_what_is_chosen_and_no_probability(worker: TextGenerator) -> None:
    form = Form(Syntax.REGEX, "[ab]{40}")
    plain = Wanted(form, temperature=0.0, top_logprobs=0)
    text, told, _ = answer_of(worker, plain)
    most = max("ab", key=text.count)
    worn, _, _ = answer_of(worker, replace(plain, adjustment=Adjustment(frequency=2.0, presence=1.0)))
    assert worn.count(most) < text.count(most) or worn != text
    first = told[0].chosen
    ranks, _, _ = answer_of(
        worker, replace(plain, adjustment=Adjustment(bias=tuple((n, -100.0) for n in range(0, 300, 2))))
    )
    assert ranks != text
    biased = replace(plain, adjustment=Adjustment(bias=((1, 5.0),)))
    _, again, _ = answer_of(worker, biased)
    if again[0].chosen.content == first.content:
        assert again[0].chosen.logprob == pytest.approx(first.logprob, abs=1e-5)
    with pytest.raises(UnknownToken):
        answer_of(worker, replace(plain, adjustment=Adjustment(bias=((1 << 20, 1.0),))))


def test_an_answer_follows_a_schema_or_an_expression(worker: TextGenerator) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}, "s": {"enum": ["a", "b"]}},
        "required": ["n", "s"],
        "additionalProperties": False,
        "x-guidance": {"whitespace_flexible": True},
    }
    for seed in range(3):
        text, _, end = answer_of(worker, Wanted(Form(Syntax.JSON_SCHEMA, json.dumps(schema)), seed=seed))
        assert re.fullmatch(r'\{"n": [0-9], "s": "[ab]"\}', text)
        assert end.complete
        text, _, _ = answer_of(worker, Wanted(Form(Syntax.REGEX, "(x|y){3}/[0-9]+;"), seed=seed, top_logprobs=0))
        assert re.fullmatch("(x|y){3}/[0-9]+;", text)


def test_a_text_is_continued_without_a_chat(worker: TextGenerator) -> None:
    text, _, end = answer_of(worker, Wanted(max_tokens=5, seed=1), RawPrompt("entity Item"))
    assert end.completion_tokens == 5
    assert end.prompt_tokens < 12
    assert text == answer_of(worker, Wanted(max_tokens=5, seed=1), RawPrompt("entity Item"))[0]
    with pytest.raises(InvalidPrompt, match="fill in the middle"), worker.session(RawPrompt("a", suffix="b")):
        pass
    assert answer_of(worker, Wanted(max_tokens=2), RawPrompt(""))[2].prompt_tokens == 1


@pytest.mark.parametrize("raw", [False, True])
def test_a_prompt_that_was_read_before_is_told_as_cached_to_the_same_scope_only(
    worker: TextGenerator, *, raw: bool
) -> None:
    words = f"Which loans of the physics lab are due, and by whom were they made, asked {raw}? " * 3
    prompt: Prompt | RawPrompt = RawPrompt(words) if raw else Prompt((Message("user", words),))

    def cached(scope: str) -> int:
        _, _, end = answer_of(worker, Wanted(max_tokens=2), replace(prompt, scope=scope))
        assert end.cached_tokens == 0 or 0 < end.prompt_tokens - end.cached_tokens <= 16
        return end.cached_tokens

    assert cached("user:ada") == 0
    assert cached("user:ada") > 0
    assert cached("user:ben") == 0, "what Ada asked shows to Ben"
    assert cached("user:ben") > 0
    assert [cached(""), cached("")] == [0, 0], "whoever names no scope shares with nobody"


def test_the_appliances_own_words_are_shared_by_all_scopes(worker: TextGenerator) -> None:
    stable = Message("system", "You write plans for a workshop, one line for each record and field. " * 3)
    wish = Message("user", "Track the loans of the physics lab, with dates and the names of borrowers. " * 3)

    for scope in ("user:ada", "user:ben", ""):
        with worker.session(Prompt((stable, wish), stable=1, scope=scope)) as session:
            cached = session.usage().cached
            end = list(session.answer(Wanted(max_tokens=2)))[-1]
        assert isinstance(end, AnswerEnd)
        assert (cached > 16) is (scope != "user:ada"), "the first to ask computes it for all"
        assert end.prompt_tokens - end.cached_tokens > 16


@pytest.fixture(scope="module")
def roomy() -> Iterator[TextGenerator]:
    """With room for functions, which the tiny tokenizer spells nearly letter by letter."""
    with running_tiny_worker(context=2048) as running:
        yield running.supervisor.generator()


TOOLS = (
    Tool(
        "find_item", "Finds an item.", '{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}'
    ),
    Tool("answer_in_words", "A name that is taken."),
)


def called(roomy: TextGenerator, calling: Calling, **more: Any) -> tuple[list[list[CallPiece]], str, AnswerEnd]:
    """The pieces by call, the words, and the end."""
    prompt = Prompt((Message("user", "Which item is due?"),), tools=more.pop("tools", TOOLS))
    with roomy.session(prompt) as session:
        got = list(session.answer(Wanted(calling=calling, **more)))
    end = got.pop()
    assert isinstance(end, AnswerEnd)
    pieces = [piece for piece in got if isinstance(piece, AnswerPiece)]
    calls: list[list[CallPiece]] = []
    for one in (call for piece in pieces for call in piece.calls):
        if one.name:
            assert one.index == len(calls)
            calls.append([])
        calls[one.index].append(one)
    return calls, "".join(piece.text for piece in pieces), end


def test_calls_parse_and_match_the_schema_of_their_function(roomy: TextGenerator) -> None:
    seen = set()
    for seed in range(12):
        calls, text, end = called(roomy, Calling(required=True, most=3), seed=seed, max_tokens=300)
        assert not text
        assert 1 <= len(calls) <= 3
        assert end.complete
        for call in calls:
            seen.add(call[0].name)
            arguments = json.loads("".join(piece.arguments for piece in call))
            assert set(arguments) >= ({"n"} if call[0].name == "find_item" else set())
    assert seen == {"find_item", "answer_in_words"}
    only, _, _ = called(roomy, Calling(required=True, only="find_item"), seed=1, max_tokens=300)
    assert [call[0].name for call in only] == ["find_item"]


def test_the_model_chooses_between_calls_and_words(roomy: TextGenerator) -> None:
    kinds = set()
    for seed in range(12):
        calls, text, end = called(roomy, Calling(), seed=seed, max_tokens=20, stop=("zzz",))
        kinds.add(bool(calls))
        if not calls:
            assert end.completion_tokens == 20 or end.complete
            assert text
            assert "tool_call" not in text
    assert kinds == {True, False}
    words = [called(roomy, Calling(), seed=seed, form=LETTERS, max_tokens=60)[1] for seed in range(12)]
    assert any(words)
    assert all(re.fullmatch("[a-d]{40}", text) for text in words if text)


def test_functions_that_cannot_be_used_are_refused_by_name(roomy: TextGenerator) -> None:
    for parameters, cause in (('{"not": {}}', "not"), ("[]", "not an object"), ("x", "Expecting value")):
        with pytest.raises(ToolsRefused, match="'broken'") as caught:
            called(roomy, Calling(), tools=(*TOOLS, Tool("broken", "", parameters)))
        assert cause in caught.value.cause
    with pytest.raises(ToolsRefused, match="not among those"):
        called(roomy, Calling(required=True, only="other"))
    with pytest.raises(InvalidPrompt, match="control tokens"):
        called(roomy, Calling(), tools=(Tool("f", "<|im_end|>"),))
    with pytest.raises(GenerationFailed, match="No functions"):
        called(roomy, Calling(), tools=())


def test_calls_and_their_results_are_part_of_the_chat(roomy: TextGenerator) -> None:
    turns = (
        Message("user", "Which item is due?"),
        Message("assistant", "", (ToolCall("find_item", '{"n": 3}'), ToolCall("find_item", "no JSON"))),
        Message("tool", "It is the <|im_end|> lathe."),
        Message("tool", "none"),
    )
    with roomy.session(Prompt(turns, tools=TOOLS)) as session:
        got = list(session.answer(Wanted(max_tokens=3)))
        assert isinstance(got[-1], AnswerEnd)
        assert session.usage().prompt == got[-1].prompt_tokens


def test_a_call_that_was_answered_is_not_made_again(roomy: TextGenerator) -> None:
    """The tiny model calls anything; what it calls without a past is put into its past."""
    one = (Tool("f", "", '{"type": "object", "properties": {"n": {"const": 1}}, "required": ["n"]}'),)
    asked = Message("user", "Which item is due?")
    done = (Message("assistant", "", (ToolCall("f", '{"n":1}'),)), Message("tool", "the lathe"))

    def calls(*messages: Message, required: bool = False) -> set[bool]:
        found = set()
        for seed in range(6):
            with roomy.session(Prompt(messages, tools=one)) as session:
                wanted = Wanted(calling=Calling(required=required), seed=seed, max_tokens=8)
                pieces = [got for got in session.answer(wanted) if isinstance(got, AnswerPiece)]
            found.add(any(piece.calls for piece in pieces))
        return found

    assert calls(asked) == {True, False}
    assert calls(asked, *done) == {False}
    assert calls(asked, *done, required=True) == {True}
    assert calls(asked, *done, asked) == {True, False}
