"""``intramural bench blueprint``: requests to blueprints (and, with --verify, to verified apps) on the default model.

Cases are JSON Lines with ``id``, ``request`` and, for the recall, ``tables``; a case with ``scored`` false is left out.
Without --cases it takes the four requests beside this file, which have no template.
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

from appliance.codegen.render import render
from appliance.core.clock import SystemClock
from appliance.core.errors import IntramuralError
from appliance.identity.tokens import AppTokens
from appliance.inference.loader import EngineLimits
from appliance.inference.supervisor import WorkerSupervisor
from appliance.inference.worker import WorkerOptions
from appliance.planner.plan import Plan, Planner
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.verify import Verifier
from tests.benchmarks.machine import describe_machine
from tests.benchmarks.schema_recall import Recall, Synonyms, recall
from tests.fixtures.default_model import default_model_places

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Result:
    """One case."""

    case: str
    seconds: float
    plan: Plan | None
    verified: bool | None
    recall: Recall | None
    error: str = ""


def read_cases(path: Path | None, limit: int) -> list[dict[str, Any]]:
    """The scored cases of a file, or the built-in requests."""
    if path is None:
        texts = json.loads((HERE / "requests.json").read_text())
        return [{"id": f"request-{number}", "request": text} for number, text in enumerate(texts, 1)][:limit]
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    return [case for case in cases if case.get("scored", True)][:limit]


def main() -> int:
    """Run, print a line per case on standard error and the figures on standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path)
    parser.add_argument(
        "--synonyms", type=Path, help="synonym list of the recall; default: synonyms.json beside the cases"
    )
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--verify", action="store_true", help="render and verify each app, too")
    parser.add_argument("--texts", type=Path, help="folder for the blueprints")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cases = read_cases(options.cases, options.limit)
    lists = options.synonyms or (options.cases.parent / "synonyms.json" if options.cases else None)
    synonyms = Synonyms.read(json.loads(lists.read_text())) if lists and lists.exists() else None
    bundle, keys = default_model_places()
    results: list[Result] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imb-")))
        limits = EngineLimits()
        worker = WorkerOptions(bundle, keys, folder / "w.sock", folder / "prefixes", limits)
        supervisor = WorkerSupervisor(worker, log=folder / "log")
        supervisor.start()
        stack.callback(supervisor.stop)
        verifier = Verifier(BubblewrapSandbox(), AppTokens(folder / "tokens.json", SystemClock()))
        planner = Planner(supervisor.generator())
        planner.plan("Warm up: who has which key?", on_text=lambda _: None)
        for case in cases:
            results.append(one(planner, verifier if options.verify else None, case, synonyms, folder))
            show(results[-1])
            if options.texts and (plan := results[-1].plan):
                options.texts.mkdir(parents=True, exist_ok=True)
                (options.texts / f"{case['id']}.app").write_text(f"# {case['request']}\n{plan.text}")
    report = summary(results)
    print(json.dumps(report) if options.json else table(report))
    return 0 if report["blueprint_share"] == 1.0 else 1


def one(
    planner: Planner, verifier: Verifier | None, case: dict[str, Any], synonyms: Synonyms | None, folder: Path
) -> Result:
    """Plan one case; with a verifier, render and verify it."""
    started = time.monotonic()
    try:
        plan = planner.plan(case["request"], on_text=lambda _: None)
    except IntramuralError as error:
        return Result(case["id"], time.monotonic() - started, None, None, None, str(error))
    verified = None
    if verifier is not None:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            render(plan.blueprint).write_to(Path(name))
            verified = verifier.verify(Path(name), plan.blueprint, on_check=lambda _: None).passed
    seconds = time.monotonic() - started
    found = recall(plan.blueprint, case, synonyms) if synonyms and case.get("tables") else None
    return Result(case["id"], seconds, plan, verified, found)


def show(result: Result) -> None:
    """A line for whoever watches."""
    parts = [f"{result.case:<48.48} {result.seconds:6.1f} s"]
    if result.plan:
        usage = result.plan.usage
        parts.append(
            f"{usage.sampled:>4} sampled {usage.forced:>4} forced, {len(result.plan.blueprint.entities)} tables"
        )
    if result.recall:
        parts.append(f"recall {result.recall.score:.2f}, {result.recall.surplus} surplus")
    if result.verified is not None:
        parts.append("verified" if result.verified else "NOT VERIFIED")
    print("  ".join([*parts, result.error]), file=sys.stderr, flush=True)


def summary(results: list[Result]) -> dict[str, Any]:
    """The figures."""
    plans = [result.plan for result in results if result.plan]
    scores = [result.recall for result in results if result.recall]
    # A request without an app scores 0.
    asked = [result for result in results if result.recall or result.plan is None] if scores else []
    checked = [result.verified for result in results if result.verified is not None or result.plan is None]
    return {
        "machine": describe_machine(),
        "cases": len(results),
        "blueprint_share": len(plans) / len(results),
        "schema_recall": round(sum(item.score for item in scores) / len(asked), 3) if asked else None,
        "surplus_tables": sum(item.surplus for item in scores),
        "verified_share": round(sum(map(bool, checked)) / len(checked), 3) if checked else None,
        "median_seconds": round(statistics.median(result.seconds for result in results), 1),
        "median_sampled": statistics.median(plan.usage.sampled for plan in plans) if plans else None,
        "median_forced": statistics.median(plan.usage.forced for plan in plans) if plans else None,
        "median_prefill_seconds": round(statistics.median(plan.usage.prefill_seconds for plan in plans), 2),
        "median_decode_seconds": round(statistics.median(plan.usage.decode_seconds for plan in plans), 2),
    }


def table(report: dict[str, Any]) -> str:
    """The figures for reading."""
    return "\n".join(f"{name.replace('_', ' '):<24} {value}" for name, value in report.items())


if __name__ == "__main__":
    sys.exit(main())
