"""``./intramural bench authz [--json]``: how long one decision takes with the shipped policies and the real questions.

The questions are those of the decision table, in turn, each built and asked as a request builds and asks it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from appliance.authz.questions import Principal, Question, Resource
from appliance.authz.shipped import FOLDER, shipped_engine
from appliance.authz.table import cells
from tests.benchmarks.machine import describe_machine

NEED_P50_MS, NEED_P99_MS = 0.3, 1.0


def measure(rounds: int) -> dict[str, Any]:
    """Milliseconds per decision over the whole table, ``rounds`` times, after one round to warm up."""
    engine = shipped_engine()
    questions = [cell.question for cell in cells((FOLDER / "decisions.csv").read_text(encoding="utf-8"))]
    for question in questions:
        engine.decide(question)
    taken: list[float] = []
    for _ in range(rounds):
        for question in questions:
            begun = time.perf_counter()
            engine.decide(_anew(question))
            taken.append((time.perf_counter() - begun) * 1000)
    taken.sort()
    return {
        "p50_ms": round(statistics.median(taken), 4),
        "p99_ms": round(taken[int(len(taken) * 0.99)], 4),
        "decisions": len(taken),
        "policies": len(engine.policies),
        "policy": engine.digest,
    }


def _anew(question: Question) -> Question:
    who, what = question.principal, question.resource
    principal = Principal(who.kind, who.name, who.roles, who.groups)
    return Question(
        principal, question.action, Resource(what.kind, what.id, dict(what.attributes)), question.circumstances
    )


def main() -> int:
    """Print the figures; exit code 1 when they are not what is needed."""
    parser = argparse.ArgumentParser(prog="./intramural bench authz", description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    figures = measure(options.rounds)
    good = figures["p50_ms"] <= NEED_P50_MS and figures["p99_ms"] <= NEED_P99_MS
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"{figures['decisions']:,} decisions by {figures['policies']} policies on {describe_machine()}")
        print(
            f"p50 {figures['p50_ms']:.3f} ms (need {NEED_P50_MS}), p99 {figures['p99_ms']:.3f} ms (need {NEED_P99_MS})"
        )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
