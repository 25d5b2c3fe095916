"""``intramural bench custom``: how often the default model writes a function that is right.

Each function of ``custom_functions.app`` is written as a build writes it: from its description and the maker's cases,
in the sandbox, with at most two repairs. The ``held`` cases, which neither the model nor the trial sees, then say
whether it is right. ``wrong_share`` counts functions that passed what the maker wrote down and fail a held case:
those would go into an app.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from appliance.blueprint.parser import parse
from appliance.blueprint.places import Case, Place, places
from appliance.codegen.custom.trial import tried
from appliance.codegen.custom.write import Coder, Written
from appliance.inference.loader import EngineLimits
from appliance.inference.supervisor import WorkerSupervisor
from appliance.inference.worker import WorkerOptions
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from tests.benchmarks.machine import describe_machine
from tests.fixtures.default_model import default_model_places

FUNCTIONS = Path(__file__).parent / "custom_functions.app"


@dataclass(frozen=True)
class Result:
    """One function: what was written, whether all held cases hold (None where nothing was), and the seconds."""

    written: Written
    right: bool | None
    wrong: str
    seconds: float


def read_functions(text: str) -> tuple[tuple[Place, ...], dict[str, tuple[Case, ...]]]:
    """The places with the maker's cases, and the held cases of each."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    shown = [line for line in lines if not line.startswith("held ")]
    held = [f"case {line.removeprefix('held ')}" for line in lines if line.startswith("held ")]
    body = [line for line in shown if not line.startswith("case ")]
    head = ['app "Functions"', 'about "Functions as makers ask for them."']
    kept: dict[str, tuple[Case, ...]] = {}
    for place in places(parse(_text(head, body, held))):
        kept[place.key] = place.cases
    return places(parse(_text(head, body, [line for line in shown if line.startswith("case ")]))), kept


def _text(*parts: list[str]) -> str:
    return "".join(f"{line}\n" for part in parts for line in part)


def one(coder: Coder, sandbox: BubblewrapSandbox, place: Place, held: tuple[Case, ...]) -> Result:
    """Write a function and try it on what was held back."""
    started = time.monotonic()
    written = coder.write(place)
    seconds = time.monotonic() - started
    if not written.source:
        return Result(written, None, "", seconds)
    found = tried(sandbox, place, written.source, held)[: len(held)]
    failed = next((item for item in found if not item.passed), None)
    return Result(written, failed is None, "" if failed is None else f"{failed.text}, but {failed.why}", seconds)


def summary(results: list[Result]) -> dict[str, Any]:
    """The figures."""
    count = len(results)
    return {
        "machine": describe_machine(),
        "functions": count,
        "right_share": round(sum(item.right is True for item in results) / count, 3),
        "wrong_share": round(sum(item.right is False for item in results) / count, 3),
        "refused_share": round(sum(item.right is None for item in results) / count, 3),
        "first_attempt_share": round(
            sum(item.right is True and item.written.attempts == 1 for item in results) / count, 3
        ),
        "median_seconds": round(statistics.median(item.seconds for item in results), 1),
    }


def main() -> int:
    """Run, print a line per function on standard error and the figures on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    functions, held = read_functions(FUNCTIONS.read_text(encoding="utf-8"))
    bundle, keys = default_model_places()
    results: list[Result] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imb-")))
        worker = WorkerOptions(bundle, keys, folder / "w.sock", folder / "prefixes", EngineLimits())
        supervisor = WorkerSupervisor(worker, log=folder / "log")
        supervisor.start()
        stack.callback(supervisor.stop)
        sandbox = BubblewrapSandbox()
        coder = Coder(supervisor.generator(), sandbox)
        for place in functions[: options.limit]:
            results.append(one(coder, sandbox, place, held[place.key]))
            show(place, results[-1])
    report = summary(results)
    print(json.dumps(report) if options.json else "\n".join(f"{name:<20} {value}" for name, value in report.items()))
    return 0


def show(place: Place, result: Result) -> None:
    """A line for whoever watches."""
    state = {True: "right", False: "WRONG", None: "refused"}[result.right]
    why = result.wrong or result.written.problem
    print(
        f"{place.key:<24} {result.seconds:5.1f} s  {state:<8} attempt {result.written.attempts}  {why}",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
