"""Carries a schedule out against a worker, through its socket, and says how the requests fared."""

from __future__ import annotations

import math
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.core.answers import AnswerEnd, AnswerPiece, RawPrompt, Wanted
from appliance.core.ports import GenerationBusy, Message, Prompt
from appliance.planner import stages
from appliance.planner.plan import plan_prompt
from appliance.planner.transcript import Transcript
from tests.benchmarks.load_schedule import Arrival, Draw, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from appliance.inference.client import WorkerGenerator

_ANSWERED = "It was noted."
"""Stands for the answers in a chat: its next turn need not wait for them."""


@dataclass(frozen=True)
class Fared:
    """How one request fared, in seconds; ``waited`` for a place, which counts to ``first`` and ``total`` too."""

    kind: Kind
    waited: float = 0.0
    first: float = math.nan
    total: float = math.nan
    tokens: int = 0
    refused: bool = False

    @property
    def each(self) -> float:
        """Per token after the first."""
        return (self.total - self.first) / (self.tokens - 1) if self.tokens > 1 else math.nan


def carry_out(generator: WorkerGenerator, arrival: Arrival) -> Fared:
    """Ask, and note the times."""
    started = time.perf_counter()
    places: list[int] = []
    heard = replace(generator, on_queued=places.append)
    prompt: Prompt | RawPrompt = plan_prompt(arrival.words[0])
    if arrival.kind is Kind.COMPLETION:
        prompt = RawPrompt(*arrival.words, scope=arrival.person)
    elif arrival.kind is Kind.CHAT:
        turns = [turn for word in arrival.words for turn in (Message("user", word), Message("assistant", _ANSWERED))]
        prompt = Prompt(tuple(turns[:-1]), scope=arrival.person)
    first, tokens = math.nan, 0
    try:
        with heard.session(prompt) as session:
            waited = time.perf_counter() - started if places else 0.0
            if arrival.kind is Kind.WISH:
                transcript = Transcript(session)
                stages.write_title(transcript)
                first = time.perf_counter() - started
                stages.write_names(transcript, "roles", most=stages.MOST_ROLES, fallback="Member")
                stages.write_names(transcript, "records", most=stages.MOST_ENTITIES, fallback="Record")
                usage = session.usage()
                tokens = usage.sampled + usage.forced
            else:
                stop = ("\n\n",) if arrival.kind is Kind.COMPLETION else ()
                wanted = Wanted(max_tokens=arrival.most, temperature=0.7, seed=arrival.seed, stop=stop)
                for got in session.answer(wanted):
                    if isinstance(got, AnswerPiece) and math.isnan(first):
                        first = time.perf_counter() - started
                    if isinstance(got, AnswerEnd):
                        tokens = got.completion_tokens
    except GenerationBusy:
        return Fared(arrival.kind, refused=True)
    total = time.perf_counter() - started
    return Fared(arrival.kind, waited, total if math.isnan(first) else first, total, tokens)


def alone(generator: WorkerGenerator, seed: int, rounds: int) -> dict[Kind, Fared]:
    """Each kind by itself on an idle worker: the round with the median time."""
    draw = Draw(seed)
    made: dict[Kind, Fared] = {}
    for kind in Kind:
        tries = sorted((carry_out(generator, draw.at(0.0, kind)) for _ in range(rounds)), key=lambda one: one.total)
        made[kind] = tries[len(tries) // 2]
    return made


def capacity(generator: WorkerGenerator, seed: int, seconds: float, clients: int) -> float:
    """Requests a second when so many clients ask without a pause."""
    draw, lock, until = Draw(seed), threading.Lock(), time.perf_counter() + seconds
    started = time.perf_counter()

    def ask() -> int:
        count = 0
        while time.perf_counter() < until:
            with lock:
                arrival = draw.at(0.0)
            count += not carry_out(generator, arrival).refused
        return count

    with ThreadPoolExecutor(clients) as pool:
        counts = list(pool.map(lambda _: ask(), range(clients)))
    return sum(counts) / (time.perf_counter() - started)


def under(generator: WorkerGenerator, arrivals: Sequence[Arrival]) -> tuple[list[Fared], float]:
    """Carry a schedule out; how each request fared, and the seconds until the last was done."""
    started = time.perf_counter()

    def come(arrival: Arrival) -> Fared:
        time.sleep(max(0.0, arrival.seconds - (time.perf_counter() - started)))
        return carry_out(generator, arrival)

    with ThreadPoolExecutor(max(1, len(arrivals))) as pool:
        fared = list(pool.map(come, arrivals))
    return fared, time.perf_counter() - started


def summary(fared: Sequence[Fared], seconds: float, base: dict[Kind, Fared]) -> dict[str, object]:
    """The figures of one load. ``slowdown``: the median time of a kind over its time alone; ``fairness``: the largest
    of them over the smallest, 1 when all kinds are slowed down alike."""
    done = [one for one in fared if not one.refused]
    kinds = {kind: [one for one in done if one.kind is kind] for kind in Kind}
    slowdown = {
        kind.value: statistics.median(one.total for one in some) / base[kind].total
        for kind, some in kinds.items()
        if some
    }
    return {
        "requests": len(fared),
        "refused": len(fared) - len(done),
        "requests_per_s": len(done) / seconds,
        "tokens_per_s": sum(one.tokens for one in done) / seconds,
        "waited": percentiles(one.waited for one in done),
        "first": {kind.value: percentiles(one.first for one in some) for kind, some in kinds.items()},
        "each": {kind.value: percentiles(one.each for one in some) for kind, some in kinds.items()},
        "total": {kind.value: percentiles(one.total for one in some) for kind, some in kinds.items()},
        "slowdown": slowdown,
        "fairness": max(slowdown.values()) / min(slowdown.values()) if slowdown else math.nan,
    }


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """The 50th, 95th and 99th, each a value that occurred (nearest rank)."""
    known = sorted(value for value in values if not math.isnan(value))
    if not known:
        return {}
    return {f"p{rank}": known[max(0, math.ceil(rank / 100 * len(known)) - 1)] for rank in (50, 95, 99)}


def resident_bytes(pid: int) -> int:
    """Most memory that a process has had so far (``VmHWM``)."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
