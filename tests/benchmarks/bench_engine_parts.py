"""What the engine adds to bare steps: ``python -m tests.benchmarks.bench_engine_parts --bundle DIR --keys DIR``.

Everything runs in this process, without the worker's socket. Compared figures are taken in turns (A B B A …), so that
a machine that slows down or is shared slows both; medians are printed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from appliance.core.ports import Grammar
from appliance.inference.constraint import GrammarCompiler
from appliance.inference.engine import Engine
from appliance.inference.loader import EngineLimits, LoadedModel, load
from appliance.inference.prefix_cache import PrefixCache
from appliance.inference.sampler import Sampler
from appliance.inference.sequence import Generation
from appliance.inference.work import Outcome, Work
from model_bundle.trust_root import read_trust_root
from model_bundle.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_bundle.verify import VerifiedBundle

DEPTH = 500
PREFIX = 1024
STEPS = 32
WORDS = Grammar("start: /[A-Za-z ,.\\n]{2000}/")
FORCED_TEXT = "The quick brown fox jumps over the lazy dog while the engineer watches. " * 8


class Bench:
    """The parts, put together once."""

    def __init__(self, bundle: VerifiedBundle, *, threads: int, folder: Path, rounds: int) -> None:
        started = time.perf_counter()
        self.model: LoadedModel = load(
            bundle, EngineLimits(threads=threads, context_tokens=2048, slots=1, drafts=False)
        )
        self.load_seconds = time.perf_counter() - started
        self.rounds = rounds
        self.prefixes = PrefixCache(folder, bundle=bundle.digest, shape=self.model.cache.shape)
        self.grammars = GrammarCompiler(self.model.tokenizer)
        self.engine = Engine(self.model.executor, self.model.cache, self.prefixes)
        text = "Each entity of the app has fields, and a field has a name and a type such as date or number.\n" * 200
        self.tokens = self.model.tokenizer.encode(text)
        self.model.executor.chunk(0, [1], rows=1)  # the first run allocates
        self.model.cache.rewind(0, 0)

    def close(self) -> None:
        self.engine.close()
        self.grammars.close()
        self.prefixes.close()

    def run(self, work: Work) -> Outcome:
        return self.engine.submit(work).result.result()

    def work(self, tokens: list[int], grammar: Grammar, max_tokens: int) -> Work:
        constraint = self.grammars.compile(grammar)
        return Work(tokens, Generation(constraint, Sampler(), max_tokens, self.model.tokenizer.end_tokens))

    def prefill(self, count: int) -> float:
        """Tokens per second."""
        seconds = []
        for _ in range(self.rounds):
            self.run(Work([7]))  # another conversation, so nothing is known
            seconds.append(self.run(Work(self.tokens[:count])).prefill_seconds)
        return count / statistics.median(seconds)

    def raw_steps(self) -> list[float]:
        """Milliseconds of plain ONNX Runtime steps with bound buffers and arg max: the floor of a decode step.

        The engine's thread is idle meanwhile, so this thread may use its executor.
        """
        times = []
        token = self.tokens[DEPTH]
        for _ in range(STEPS):
            started = time.perf_counter()
            logits = self.model.executor.chunk(0, [token], rows=1)[0]
            token = int(np.argmax(logits))
            times.append((time.perf_counter() - started) * 1e3)
        return times

    def decode(self) -> dict[str, float]:
        """Raw and constrained steps at depth :data:`DEPTH`, in turns."""
        raw: list[float] = []
        engine: list[float] = []
        for turn in range(2 * self.rounds):
            self.run(Work(self.tokens[:DEPTH]))
            if turn % 4 in {0, 3}:
                raw += self.raw_steps()
            else:
                engine += self._engine_steps()
        floor, ours = statistics.median(raw), statistics.median(engine)
        return {
            "decode_raw_ms": floor,
            "decode_ms": ours,
            "decode_tokens_per_s": 1e3 / ours,
            "engine_overhead_ms": ours - floor,
            "engine_overhead_share": ours / floor - 1,
        }

    def _engine_steps(self) -> list[float]:
        arrivals = [time.perf_counter()]
        work = self.work(self.tokens[:DEPTH], WORDS, STEPS)
        work.on_tokens = lambda _tokens: arrivals.append(time.perf_counter())
        self.run(work)
        return [(after - before) * 1e3 for before, after in itertools.pairwise(arrivals[1:])]

    def forced(self) -> float:
        """Tokens per second of text that the grammar forces, up to the choice after it."""
        grammar = Grammar(f'start: "{FORCED_TEXT}" /[ab]/')
        speeds = []
        for _ in range(self.rounds):
            self.run(Work(self.tokens[:DEPTH]))
            outcome = self.run(self.work(self.tokens[:DEPTH], grammar, 500))
            speeds.append(outcome.forced / (outcome.decode_seconds + outcome.prefill_seconds))
        return statistics.median(speeds)

    def prefix(self) -> dict[str, float]:
        """A stable prompt of :data:`PREFIX` tokens: computed, from memory, and from disk after a restart."""
        stable = self.tokens[:PREFIX]
        cold = _seconds(lambda: self.run(Work(stable, stable=True)))
        warm = []
        for _ in range(self.rounds):
            self.run(Work([7]))
            warm.append(_seconds(lambda: self.run(Work(stable, stable=True))))
        return {"prefix_tokens": PREFIX, "prefix_cold_s": cold, "prefix_memory_s": statistics.median(warm)}

    def masks(self) -> dict[str, float]:
        """Microseconds of a mask, which is computed beside the forward pass."""
        constraint = self.grammars.compile(WORDS)
        times = []
        for token in self.model.tokenizer.encode("The borrower returns the item in time, and the lab is glad. " * 8):
            started = time.perf_counter()
            constraint.mask()
            times.append((time.perf_counter() - started) * 1e6)
            constraint.accept(token)
        times.sort()
        return {"mask_p50_us": times[len(times) // 2], "mask_p99_us": times[int(len(times) * 0.99)]}


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def measure(bundle: VerifiedBundle, *, threads: int, rounds: int) -> dict[str, float | str]:
    """All figures by name."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bench = Bench(bundle, threads=threads, folder=folder, rounds=rounds)
        figures: dict[str, float | str] = {
            "model": bundle.manifest.name,
            "version": bundle.manifest.version,
            "bundle_digest": bundle.digest,
            "threads": bench.model.description.threads,
            "load_s": bench.load_seconds,
        }
        try:
            figures |= bench.decode()
            figures["prefill_tokens_per_s"] = bench.prefill(512)
            figures["forced_tokens_per_s"] = bench.forced()
            figures |= bench.prefix()
            figures |= bench.masks()
        finally:
            bench.close()
        stored = PrefixCache(folder, bundle=bundle.digest, shape=bench.model.cache.shape)
        figures["prefix_disk_s"] = _seconds(stored.load)
        stored.close()
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--keys", type=Path, required=True, help="folder of the trust root")
    parser.add_argument("--threads", type=int, default=0, help="0: one per physical core")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    bundle = verify(options.bundle, read_trust_root(options.keys))
    figures = measure(bundle, threads=options.threads, rounds=options.rounds)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value:.4g}" if isinstance(value, float) else f"{name:24} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
