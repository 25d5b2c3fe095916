"""Several conversations in one engine: they share steps, and nothing that happens to one shows in another."""

from __future__ import annotations

import gc
import itertools
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from appliance.core.answers import Adjustment
from appliance.core.ports import GenerationCancelled, GenerationFailed
from appliance.inference.limits import ExecutorKind
from appliance.inference.ownership import Owner
from appliance.inference.scheduler import Policy
from appliance.inference.work import Work
from tests.fixtures.inference_parts import CountingExecutor, Parts, engine_parts
from tests.fixtures.tiny_bundle import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from model_bundle.verify import VerifiedBundle

SLOTS = 6
LETTERS = "start: /[a-z ]{30,35}/"
MIXED = 'start: (/[ab]/ ", and that is all there is to say about " /[cd]/ "\\n"){6}'
REPEATED = 'start: ("name " /[ab]/ " required, due " /[cd]/ " tomorrow\\n"){8}'


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> VerifiedBundle:
    return tiny_bundle(tmp_path_factory.mktemp("tiny") / "bundle")


@pytest.fixture(params=ExecutorKind)
def parts(bundle: VerifiedBundle, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Parts]:
    with engine_parts(bundle, tmp_path / "prefixes", slots=SLOTS, context=512, executor=request.param) as made:
        yield made


def prompt(number: int, length: int = 20) -> list[int]:
    return [int(token) for token in np.random.default_rng(number).integers(0, 500, length)]


def together(parts: Parts, works: Sequence[Work]) -> list[tuple[int, ...]]:
    """Hand all in while the engine is held up, so that they certainly meet."""
    held, go_on = threading.Event(), threading.Event()

    def hold(_tokens: list[int]) -> None:
        held.set()
        go_on.wait(10)

    first = parts.work(prompt(99), "start: /[ab]/")
    first.on_tokens = hold
    parts.engine.submit(first)
    assert held.wait(10)
    for work in works:
        parts.engine.submit(work)
    go_on.set()
    return [work.result.result(timeout=60).generated for work in works]


@pytest.mark.parametrize("lark", [LETTERS, MIXED])
def test_a_conversation_writes_the_same_alone_and_among_others(parts: Parts, lark: str) -> None:
    alone = [parts.run(parts.work(prompt(number), lark)).generated for number in range(SLOTS)]
    parts.batches.clear()
    assert together(parts, [parts.work(prompt(number), lark) for number in range(SLOTS)]) == alone
    assert max(map(len, parts.batches)) == SLOTS
    if lark == LETTERS:
        assert sum(map(len, parts.batches)) > sum(map(len, alone)) / 2


@pytest.mark.parametrize("lark", [LETTERS, MIXED, REPEATED])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_drafts_change_no_text(parts: Parts, lark: str, temperature: float) -> None:
    for seed in range(3):
        plain = parts.run(parts.work(prompt(seed), lark, max_tokens=200, temperature=temperature, seed=seed))
        drafted = parts.run(
            parts.work(prompt(seed), lark, max_tokens=200, temperature=temperature, seed=seed, drafts=True)
        )
        assert drafted.generated == plain.generated
        assert (drafted.sampled, drafted.forced) == (plain.sampled, plain.forced)


@pytest.mark.parametrize("lark", [MIXED, REPEATED, "start: /[ab]{60}/"])
def test_drafts_change_no_text_under_penalties_and_biases(parts: Parts, lark: str) -> None:
    """Penalties change with every token, also with those that are guessed or forced."""
    bias = tuple((token, 2.0) for token in range(0, 380, 7))
    for seed in range(3):
        adjustment = Adjustment(frequency=0.7, presence=0.4, bias=bias)
        works = [
            parts.work(
                prompt(seed), lark, max_tokens=200, temperature=0.8, seed=seed, drafts=drafts, adjustment=adjustment
            )
            for drafts in (False, True)
        ]
        plain, drafted = (parts.run(work) for work in works)
        assert drafted.generated == plain.generated
    assert drafted.drafted > 0 or lark != REPEATED


def test_drafts_save_steps_when_text_repeats(parts: Parts) -> None:
    said = parts.model.tokenizer.encode("abcdefghijklmnopqrstuvwxyz " * 4)
    lark = 'start: "abcdefgh" /[a-z ]{60,70}/'
    parts.run(Work(said))
    parts.steps.clear()
    drafted = parts.run(parts.work(said, lark, drafts=True))
    steps = len(parts.steps)
    parts.steps.clear()
    plain = parts.run(parts.work(said, lark))
    assert drafted.generated == plain.generated
    assert steps == len(parts.steps) - drafted.drafted
    assert drafted.drafted > 5


def test_cancelling_one_ends_it_within_a_step_and_leaves_the_others(parts: Parts) -> None:
    alone = [parts.run(parts.work(prompt(number), LETTERS)).generated for number in range(3)]
    works = [parts.work(prompt(number), LETTERS) for number in range(3)]
    victim = parts.work(prompt(9), "start: /[a-z]{300,400}/", max_tokens=400)
    after: list[int] = []

    def heard(tokens: list[int]) -> None:
        after.extend(tokens)
        if len(after) == 3:
            victim.cancel()

    victim.on_tokens = heard
    with pytest.raises(GenerationCancelled):
        together(parts, [victim, *works])
    assert len(after) <= 4
    assert [work.result.result(timeout=20).generated for work in works] == alone


def test_requests_beyond_the_slots_wait_and_all_end(parts: Parts) -> None:
    numbers = range(3 * SLOTS)
    alone = [parts.run(parts.work(prompt(number), LETTERS)).generated for number in numbers]
    assert together(parts, [parts.work(prompt(number), LETTERS) for number in numbers]) == alone


def test_preempted_requests_write_the_same_text(bundle: VerifiedBundle, tmp_path: Path) -> None:
    policy = Policy(max_chunk=32, quantum=25)
    with engine_parts(bundle, tmp_path / "p", slots=1, policy=policy) as parts:
        alone = [parts.run(parts.work(prompt(number), LETTERS)).generated for number in range(4)]
        admitted: list[int] = []
        works = [parts.work(prompt(number), LETTERS) for number in range(4)]
        for number, work in enumerate(works):
            work.on_tokens = lambda _tokens, number=number: admitted.append(number)  # type: ignore[misc]
        assert together(parts, works) == alone
    changes = sum(before != after for before, after in itertools.pairwise(admitted))
    assert changes > 3, "nobody was interrupted"


@pytest.mark.parametrize("background", [False, True])
def test_a_beginning_that_somebody_is_just_computing_is_computed_once(parts: Parts, *, background: bool) -> None:
    shared = prompt(4, 300)
    alone = parts.run(parts.work([*shared, 1, 2], LETTERS)).generated
    parts.run(Work(prompt(5, 400)))  # so that nothing of it is left
    for slot in range(SLOTS):
        parts.run(Work(prompt(10 + slot, 400)))
    parts.steps.clear()
    first = Work(list(shared), stable=True, background=background)
    owners = [Owner(name, shared=len(shared)) for name in ("ada", "ben")]
    others = [parts.work([*shared, 1, 2], LETTERS, owner=owner) for owner in owners]
    assert together(parts, [first, *others]) == [(), alone, alone]
    read = sum(parts.steps)
    if parts.model.cache.movable:
        assert read < 2 * len(shared)
    else:
        assert read >= 3 * len(shared), "nobody can wait for rows that do not move"


@pytest.mark.parametrize(("scope", "waits"), [("ada", True), ("ben", False)])
def test_nobody_waits_for_what_another_scope_computes(parts: Parts, scope: str, *, waits: bool) -> None:
    """Otherwise the time to the first token would tell that somebody else just asks the same."""
    words = prompt(6, 400)
    first, second = Work(list(words), owner=Owner("ada")), Work([*words, 1, 2], owner=Owner(scope))
    steps: list[int] = []
    first.result.add_done_callback(lambda _: steps.extend(parts.steps))
    together(parts, [first, second])
    alone = -(-len(words) // 32)
    waits = waits and parts.model.cache.movable  # rows that do not move are worth no waiting
    assert (len(steps) <= alone + 2) is waits
    assert (second.result.result().cached == len(words)) is waits


def test_one_in_the_background_computes_only_while_no_other_does(parts: Parts) -> None:
    ended: list[str] = []
    behind = Work(prompt(30, 400), background=True)
    front = [parts.work(prompt(number), LETTERS) for number in range(2)]
    behind.result.add_done_callback(lambda _: ended.append("behind"))
    for work in front:
        work.result.add_done_callback(lambda _: ended.append("front"))
    together(parts, [behind, *front])
    assert ended == ["front", "front", "behind"]


def test_a_beginning_that_somebody_has_is_copied(parts: Parts) -> None:
    shared = prompt(1, 120)
    ada = Owner("ada")
    parts.run(Work([*shared, 1, 2, 3], owner=ada))
    parts.steps.clear()
    other = parts.work([*shared, 4, 5, 6], LETTERS, owner=ada)
    first = parts.work([*shared, 1, 2, 3], LETTERS, owner=ada)
    together(parts, [first, other])
    if parts.model.cache.movable:
        assert other.result.result().cached >= 120
        assert sum(count for count in parts.steps if count > 1) < 120
    else:
        assert other.result.result().cached == 0


def test_conversations_that_end_leave_no_gaps(parts: Parts) -> None:
    works = [parts.work(prompt(number), LETTERS, max_tokens=3 if number not in {0, 4} else 30) for number in range(5)]
    together(parts, works)
    assert {len(slots) for slots in parts.batches} >= {2}
    spans = [max(slots) - min(slots) + 1 for slots in parts.batches if len(slots) == 2]
    if parts.model.cache.movable:
        assert min(spans) <= 3


class _Faulty(CountingExecutor):
    """An executor whose next steps fail in a chosen way."""

    def __init__(self, executor: CountingExecutor) -> None:
        super().__init__(executor)  # type: ignore[arg-type]
        self.nan_slot: int | None = None
        self.fail_batches = False
        self.fail_slot: int | None = None

    def chunk(self, slot: int, tokens: Sequence[int], *, rows: int) -> NDArray[np.float32]:
        if slot == self.fail_slot:
            message = "The model could not compute the next token."
            raise GenerationFailed(message, cause="std::bad_alloc")
        return super().chunk(slot, tokens, rows=rows)

    def batch(self, entries: Sequence[tuple[int, int, bool]]) -> NDArray[np.float32]:
        if self.fail_batches:
            message = "The model could not compute the next token."
            raise GenerationFailed(message, cause="std::bad_alloc")
        logits = super().batch(entries)
        wanted = [slot for slot, _, rows in entries if rows]
        if self.nan_slot in wanted:
            logits[wanted.index(self.nan_slot)] = np.nan
            self.nan_slot = None
        return logits


@pytest.fixture
def faulty(parts: Parts) -> _Faulty:
    executor = _Faulty(parts.engine._executor)  # type: ignore[arg-type]
    parts.engine._executor = executor  # type: ignore[assignment]
    return executor


def test_logits_that_are_not_numbers_end_one_request_of_a_batch(parts: Parts, faulty: _Faulty) -> None:
    alone = [parts.run(parts.work(prompt(number), LETTERS)).generated for number in range(4)]
    works = [parts.work(prompt(number), LETTERS) for number in range(4)]
    faulty.nan_slot = 1
    with pytest.raises(GenerationFailed, match="not a number"):
        together(parts, works)
    outcomes = [work.result.exception(timeout=20) for work in works]
    assert sum(isinstance(error, GenerationFailed) for error in outcomes) == 1
    for work, expected, error in zip(works, alone, outcomes, strict=True):
        assert error is not None or work.result.result().generated == expected


def test_a_batch_without_memory_goes_on_one_by_one(parts: Parts, faulty: _Faulty) -> None:
    alone = [parts.run(parts.work(prompt(number), LETTERS)).generated for number in range(4)]
    faulty.fail_batches = True
    assert together(parts, [parts.work(prompt(number), LETTERS) for number in range(4)]) == alone
    faulty.fail_slot = 2
    works = [parts.work(prompt(number), LETTERS) for number in range(4)]
    for work in works:
        parts.engine.submit(work)
    errors = [work.result.exception(timeout=20) for work in works]
    assert sum(error is not None for error in errors) == 1


@pytest.mark.parametrize("lark", ["start: A\nA: /a/ & /b/", 'start: "ab" start'])
def test_a_grammar_without_a_way_ends_one_request(parts: Parts, lark: str) -> None:
    alone = parts.run(parts.work(prompt(1), LETTERS)).generated
    good = parts.work(prompt(1), LETTERS)
    parts.engine.submit(good)
    with pytest.raises(GenerationFailed):
        parts.run(parts.work(prompt(2), lark))
    assert good.result.result(timeout=20).generated == alone


def test_a_prompt_that_is_too_long_is_refused_and_the_others_go_on(parts: Parts) -> None:
    good = parts.engine.submit(parts.work(prompt(1), LETTERS))
    with pytest.raises(GenerationFailed, match="context is full"):
        parts.run(Work(prompt(2, 600)))
    assert good.result.result(timeout=20).sampled > 0


def test_memory_does_not_grow_with_requests(parts: Parts) -> None:
    """2,000 requests, some cancelled, some failing; the slope between the first 400 and the last must be flat."""

    def some(count: int, start: int) -> int:
        works = []
        for number in range(start, start + count):
            work = parts.work(prompt(number % 50, 20 + number % 13), 'start: /[a-z]{3,6}/ " or " /[ab]/', drafts=True)
            parts.engine.submit(work)
            if number % 10 == 0:
                work.cancel()
            works.append(work)
        for work in works:
            work.result.exception(timeout=60)
        gc.collect()
        return _resident()

    sizes = [some(200, start) for start in range(0, 2000, 200)]
    assert sizes[-1] - sizes[2] < 6 << 20, sizes


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_a_long_conversation_that_is_over_does_not_keep_its_slot_for_ever(parts: Parts) -> None:
    """Otherwise short ones would take each other's slots while old long ones, which nobody asks for, fill the rest."""
    for number in range(SLOTS):
        parts.run(Work(prompt(50 + number, 400)))
    talks = [(prompt(60 + number, 60), Owner(f"talk {number}")) for number in range(SLOTS)]
    for _ in range(6):
        for talk, owner in talks:
            parts.run(Work(list(talk), owner=owner))
    parts.steps.clear()
    for talk, owner in talks:
        parts.run(Work(list(talk), owner=owner))
    assert sum(parts.steps) == 0


def test_a_pause_does_not_cost_a_conversation_its_slot(parts: Parts) -> None:
    """Two conversations with the same beginning take turns; neither computes what it has computed before."""
    shared = prompt(1, 150)
    talks = [[*shared, *prompt(number, 30)] for number in (2, 3)]
    for talk in talks:
        parts.run(Work(list(talk), owner=Owner("ada")))
    parts.steps.clear()
    for turn in range(3):
        for number, talk in enumerate(talks):
            talk.extend(prompt(10 * turn + number, 5))
            parts.run(Work(list(talk), owner=Owner("ada")))
    if parts.model.cache.movable:
        assert sum(parts.steps) == 3 * 2 * 5
    else:
        assert sum(parts.steps) < 3 * 2 * (15 + 30 + 15), "they share a slot, and compute again where they part"
