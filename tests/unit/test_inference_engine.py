"""The engine on a tiny random model: what it computes, what it skips, and when it stops."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from appliance.core.ports import GenerationCancelled, GenerationFailed
from appliance.inference.execution import StepInterrupted
from appliance.inference.executor import Graphs, OnnxExecutor
from appliance.inference.kv_cache import CacheShape, KvCache
from appliance.inference.limits import ExecutorKind
from appliance.inference.ownership import Owner
from appliance.inference.sessions import open_session
from appliance.inference.work import Work
from tests.fixtures.inference_parts import Parts, engine_parts
from tests.fixtures.tiny_bundle import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import onnxruntime as ort

    from model_bundle.verify import VerifiedBundle

LETTERS = "start: /[a-z ]{20,25}/"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> VerifiedBundle:
    return tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")


@pytest.fixture(params=ExecutorKind)
def parts(bundle: VerifiedBundle, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Parts]:
    with engine_parts(bundle, tmp_path / "prefixes", executor=request.param) as made:
        yield made


@pytest.fixture(scope="module")
def session(bundle: VerifiedBundle) -> ort.InferenceSession:
    return open_session(bundle.graph_path, threads=1)


def executor(bundle: VerifiedBundle, session: ort.InferenceSession) -> tuple[OnnxExecutor, KvCache]:
    graph = bundle.manifest.graph
    cache = KvCache(CacheShape(graph.layers, graph.kv_heads, 128, graph.head_dim))
    return OnnxExecutor(Graphs(session), cache, vocabulary=graph.vocabulary, max_chunk=64), cache


def some_tokens(count: int, *, seed: int = 0) -> list[int]:
    return [int(token) for token in np.random.default_rng(seed).integers(0, 500, count)]


def test_prefill_in_chunks_equals_prefill_at_once(bundle: VerifiedBundle, session: ort.InferenceSession) -> None:
    tokens = some_tokens(60)
    whole, whole_cache = executor(bundle, session)
    expected = whole.chunk(0, tokens, rows=1)
    chunked, chunked_cache = executor(bundle, session)
    for start, end in ((0, 1), (1, 20), (20, 59)):
        assert len(chunked.chunk(0, tokens[start:end], rows=0)) == 0
    found = chunked.chunk(0, tokens[59:], rows=1)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    np.testing.assert_allclose(chunked_cache.prefix(0, 60), whole_cache.prefix(0, 60), atol=2e-5)


def test_bound_shared_cache_equals_a_growing_one(bundle: VerifiedBundle, session: ort.InferenceSession) -> None:
    """The reference hands plain arrays in and takes new ones out; nothing is shared or bound."""
    tokens = some_tokens(40, seed=1)
    graph = bundle.manifest.graph
    names = [f"{layer}.{part}" for layer in range(graph.layers) for part in ("key", "value")]
    past = {name: np.zeros((1, graph.kv_heads, 0, graph.head_dim), np.float32) for name in names}
    bound, _ = executor(bundle, session)
    seen = 0
    for count in (17, 1, 1, 20, 1):
        chunk = tokens[seen : seen + count]
        seen += count
        feeds: dict[str, object] = {
            "input_ids": np.array([chunk], np.int64),
            "seqlens_k": np.array([seen - 1], np.int32),
            "total_sequence_length": np.array(seen, np.int32),
            "logit_rows": np.array([count - 1], np.int64),
            **{f"past_key_values.{name}": value for name, value in past.items()},
        }
        logits, *present = session.run(["logits", *(f"present.{name}" for name in names)], feeds)
        past = dict(zip(names, present, strict=True))
        np.testing.assert_allclose(bound.chunk(0, chunk, rows=1), logits, atol=2e-5)


def test_rewind_then_regenerate_equals_fresh(parts: Parts) -> None:
    tokens = some_tokens(30)
    fresh = parts.run(parts.work(tokens, LETTERS)).generated
    parts.run(parts.work([*tokens[:20], *some_tokens(40, seed=3)], LETTERS))
    assert parts.run(parts.work(tokens, LETTERS)).generated == fresh


def test_known_tokens_are_not_computed_again(parts: Parts) -> None:
    tokens = some_tokens(40)
    ada = Owner("ada")
    parts.run(Work(tokens, owner=ada))
    parts.steps.clear()
    outcome = parts.run(Work([*tokens, 7, 8, 9], owner=ada))
    assert outcome.cached == 40
    assert parts.steps == [3]
    assert parts.run(Work([*tokens, 7, 8, 9])).cached == 0, "somebody else's"


def test_forced_text_costs_no_step(parts: Parts) -> None:
    outcome = parts.run(parts.work(some_tokens(10), 'start: "access Item: everyone may read\\n"'))
    assert parts.text(outcome) == "access Item: everyone may read\n"
    assert outcome.forced == len(outcome.generated)
    assert outcome.sampled == 0
    assert parts.steps == []


def test_forced_text_between_choices_is_one_chunk(parts: Parts) -> None:
    tokens = some_tokens(10)
    lark = 'start: /[ab]/ ", that is all there is to say about " /[cd]/'
    outcome = parts.run(parts.work(tokens, lark))
    assert re.fullmatch("[ab], that is all there is to say about [cd]", parts.text(outcome))
    assert outcome.sampled + outcome.forced == len(outcome.generated)
    assert outcome.forced > outcome.sampled
    assert len(parts.steps) == outcome.sampled
    assert sum(parts.steps) < 10 + len(outcome.generated)


def test_no_step_after_the_last_token(parts: Parts) -> None:
    parts.run(Work(some_tokens(10)))
    parts.steps.clear()
    outcome = parts.run(parts.work(some_tokens(10), "start: /[ab]/"))
    assert len(outcome.generated) == 1
    assert len(parts.steps) == 1


def test_end_token_ends_where_the_grammar_could_go_on(parts: Parts) -> None:
    """Random weights draw the end token among about 500 others, so a long text would mean that it is not offered."""
    lengths = []
    for seed in range(8):
        work = parts.work(some_tokens(10), "start: /[ab]*/", temperature=5.0, seed=seed, max_tokens=200)
        outcome = parts.run(work)
        assert not set(outcome.generated) & parts.model.tokenizer.special_ids
        lengths.append(len(outcome.generated))
    assert min(lengths) < 200


def test_cancel_takes_effect_between_prefill_chunks(parts: Parts) -> None:
    work = Work(some_tokens(200))
    work.cancel()
    with pytest.raises(GenerationCancelled):
        parts.run(work)
    assert parts.steps == []


def test_cancel_takes_effect_at_the_next_token(parts: Parts) -> None:
    first = threading.Event()
    go_on = threading.Event()
    arrived: list[int] = []

    def on_tokens(tokens: list[int]) -> None:
        arrived.extend(tokens)
        first.set()
        go_on.wait(10)

    work = parts.work(some_tokens(5), "start: /[a-z]{100,200}/")
    work.on_tokens = on_tokens
    parts.engine.submit(work)
    assert first.wait(10)
    work.cancel()
    go_on.set()
    with pytest.raises(GenerationCancelled):
        work.result.result(timeout=10)
    assert len(parts.steps) == 1


def test_step_can_be_interrupted_and_run_again(bundle: VerifiedBundle, session: ort.InferenceSession) -> None:
    tokens = some_tokens(60)
    undisturbed, _ = executor(bundle, session)
    expected = undisturbed.chunk(0, tokens, rows=1)
    disturbed, cache = executor(bundle, session)
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            disturbed.interrupt()

    thread = threading.Thread(target=disturb)
    thread.start()
    interrupted = 0
    try:
        for _ in range(10_000):
            cache.rewind(0, 0)
            try:
                disturbed.chunk(0, tokens, rows=1)
            except StepInterrupted:
                interrupted += 1
                assert cache.length() == 0
                break
    finally:
        stop.set()
        thread.join()
    assert interrupted == 1
    cache.rewind(0, 0)
    found = disturbed.chunk(0, tokens, rows=1)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_cancelling_a_finished_request_does_not_hurt_the_next(parts: Parts) -> None:
    done = parts.work(some_tokens(20), LETTERS)
    expected = parts.run(done).generated
    stop = threading.Event()

    def cancel() -> None:
        while not stop.wait(0.0002):  # often, without keeping the interpreter to itself
            done.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        for seed in range(5):
            parts.run(Work(some_tokens(100, seed=seed)))
            assert parts.run(parts.work(some_tokens(20), LETTERS)).generated == expected
    finally:
        stop.set()
        thread.join()


def test_full_context_fails_and_leaves_the_engine_well(parts: Parts) -> None:
    with pytest.raises(GenerationFailed, match="context is full"):
        parts.run(parts.work(some_tokens(250), "start: /[a-z]{200,300}/", temperature=3.0, max_tokens=500))
    assert parts.run(parts.work(some_tokens(10), LETTERS)).sampled > 0


def test_endless_forced_text_is_bounded(parts: Parts) -> None:
    with pytest.raises(GenerationFailed, match="Too many items"):
        parts.run(parts.work(some_tokens(10), 'start: "ab" start', max_tokens=50))
    assert parts.run(parts.work(some_tokens(10), LETTERS)).sampled > 0


def test_forced_text_counts_towards_max_tokens(parts: Parts) -> None:
    outcome = parts.run(parts.work(some_tokens(10), f'start: "{"ab " * 50}"', max_tokens=20))
    assert len(outcome.generated) == 20


def test_time_limit(parts: Parts) -> None:
    work = parts.work(some_tokens(200), LETTERS)
    work.seconds = 0.0
    with pytest.raises(GenerationFailed, match="too long"):
        parts.run(work)


def test_logits_that_are_not_numbers_fail_that_request_only(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle", rope_theta=float("nan"))
    with engine_parts(bundle, tmp_path / "prefixes") as parts:
        for _ in range(2):
            with pytest.raises(GenerationFailed, match="not a number"):
                parts.run(parts.work(some_tokens(10), LETTERS))


def test_closed_engine_fails_what_waits(bundle: VerifiedBundle, tmp_path: Path) -> None:
    with engine_parts(bundle, tmp_path / "prefixes") as parts:
        waiting = [parts.engine.submit(parts.work(some_tokens(100), LETTERS)) for _ in range(20)]
    for work in waiting:
        error = work.result.exception(timeout=10)
        assert error is None or isinstance(error, GenerationFailed)
    assert isinstance(parts.engine.submit(Work([1])).result.exception(timeout=1), GenerationFailed)


def test_stable_prompt_is_computed_once_and_survives_a_restart(bundle: VerifiedBundle, tmp_path: Path) -> None:
    stable = some_tokens(70)
    texts = []
    for start in ("cold", "warm"):
        with engine_parts(bundle, tmp_path / "prefixes") as parts:
            outcome = parts.run(Work(stable, stable=True))
            assert outcome.cached == (0 if start == "cold" else 70)
            assert sum(parts.steps) == (70 if start == "cold" else 0)
            texts.append(parts.run(parts.work([*stable, 5, 6], LETTERS)).generated)
            other = parts.run(Work(some_tokens(90, seed=9)))
            assert other.cached == 0
            parts.steps.clear()
            assert parts.run(Work(stable, stable=True)).cached == 70
            assert parts.steps == []
    assert texts[0] == texts[1]
