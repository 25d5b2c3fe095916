"""What the inference benchmark measures through the appliance's own port: a worker process and its socket."""

from __future__ import annotations

import json
import statistics
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.core.ports import Grammar, Message, Prompt
from appliance.gallery.templates import templates
from appliance.inference.supervisor import WorkerSupervisor
from appliance.planner.plan import Planner, plan_prompt
from appliance.planner.revise import ModelReviser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from appliance.core.ports import TextGenerator
    from appliance.inference.worker import WorkerOptions

PROMPT_TOKENS = 512
STEPS = 32
STREAMS = 8
STREAM_TOKENS = 48
WISHES = (
    "Note the supplier and the room of each item, and when it was last checked.",
    "Loans need a priority: low, medium or high; show the high ones in red.",
    "Show items on a board by condition, and only the equipment keeper sees the price.",
)
FREE = Grammar('start: /[A-Za-z ,.\\n]*/ "\\u0001"')
"""No text is forced, words are free, and its masks cost nothing, so that what is timed is the model."""
REQUESTS: tuple[str, ...] = tuple(json.loads((Path(__file__).parent / "requests.json").read_text()))


@contextmanager
def running_worker(options: WorkerOptions, log: Path) -> Iterator[WorkerSupervisor]:
    """A worker as the appliance starts it."""
    supervisor = WorkerSupervisor(options, log=log)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()


def prompt_text(number: int) -> str:
    """Text of a bit more than :data:`PROMPT_TOKENS` tokens, different from its start for every number."""
    line = "Each entity of the app has fields, and a field has a name and a type such as date or number.\n"
    return f"Document {number}.\n" + line * (PROMPT_TOKENS // 22)


def speed(generator: TextGenerator, number: int) -> dict[str, float]:
    """Tokens per second of prefill and decode for a prompt that nobody has seen."""
    prompt = Prompt((Message("user", prompt_text(number)),))
    with generator.session(prompt) as session:
        for _ in session.generate(FREE, max_tokens=STEPS + 1):
            pass
        usage = session.usage()
    return {
        "prefill": (usage.prompt - usage.cached) / usage.prefill_seconds,
        "decode": (usage.sampled - 1) / usage.decode_seconds,
    }


def streams(generator: TextGenerator, count: int) -> float:
    """Tokens per second of ``count`` conversations together, each after its first token."""
    ready, done = threading.Barrier(count + 1), threading.Barrier(count + 1)
    failures: list[BaseException] = []

    def converse(number: int) -> None:
        try:
            with generator.session(Prompt((Message("user", f"Write about topic number {number}."),))) as session:
                for _ in session.generate(FREE, max_tokens=1):
                    pass
                ready.wait(300)
                for _ in session.generate(FREE, max_tokens=STREAM_TOKENS):
                    pass
                done.wait(300)
        except BaseException as error:  # noqa: BLE001 - raised again by the caller's thread
            failures.append(error)
            ready.abort()
            done.abort()

    threads = [threading.Thread(target=converse, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    try:
        ready.wait(300)
        started = time.perf_counter()
        done.wait(300)
        seconds = time.perf_counter() - started
    except threading.BrokenBarrierError:
        raise (failures or [RuntimeError("a stream did not finish")])[0] from None
    finally:
        for thread in threads:
            thread.join()
    return count * STREAM_TOKENS / seconds


def first_token_warm(generator: TextGenerator, rounds: int) -> float:
    """Seconds from opening a planner's conversation to its first token, when the planner's prefix is stored."""
    Planner(generator).warm_up()
    seconds = []
    for number in range(rounds):
        prompt = plan_prompt(REQUESTS[number % len(REQUESTS)])
        started = time.perf_counter()
        with generator.session(prompt) as session:
            next(iter(session.generate(FREE, max_tokens=1)), "")
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def first_token_long(generator: TextGenerator, rounds: int) -> dict[str, float]:
    """Seconds to the first token after about 2,000 tokens that recur: when nobody has seen them, and the next time."""
    cold, warm = [], []
    for number in range(rounds):
        document = Message("system", f"Copy {number}. {prompt_text(number) * 4}")
        for found in (cold, warm):
            prompt = Prompt((document, Message("user", f"Question {len(found)} about it?")), stable=1)
            started = time.perf_counter()
            with generator.session(prompt) as session:
                next(iter(session.generate(FREE, max_tokens=1)), "")
            found.append(time.perf_counter() - started)
    return {"ttft_cold_2k_s": statistics.median(cold), "ttft_warm_2k_s": statistics.median(warm)}


def revision(generator: TextGenerator, wish: str) -> float:
    """Seconds from a wish about a shipped app to its changes."""
    app = next(item for item in templates() if item.slug == "equipment")
    started = time.perf_counter()
    ModelReviser(generator).revise(app.blueprint_text, wish, lambda _text: None)
    return time.perf_counter() - started


def blueprint_shares(generator: TextGenerator, requests: Sequence[str] = REQUESTS) -> dict[str, float]:
    """How many tokens of blueprints were not chosen one at a time, and how long a plan takes."""
    planner = Planner(generator)
    sampled = forced = drafted = 0
    seconds = []
    for request in requests:
        started = time.perf_counter()
        usage = planner.plan(request, on_text=lambda _text: None).usage
        seconds.append(time.perf_counter() - started)
        sampled, forced = sampled + usage.sampled, forced + usage.forced
        drafted += int(getattr(usage, "drafted", 0))
    total = sampled + forced
    return {
        "forced_or_drafted_share": (forced + drafted) / total,
        "forced_share": forced / total,
        "plan_s": statistics.median(seconds),
    }
