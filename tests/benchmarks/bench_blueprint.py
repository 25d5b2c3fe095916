"""``intramural bench blueprint``: requests to verified apps, and a first wish about each, on the default model.

Cases are JSON Lines with ``id``, ``request`` and, for the recall, ``tables``; a case with ``scored`` false is left out.
Without --cases it takes the four requests beside this file, which have no template.

``median_seconds`` is from the request to a verified project; ``median_revision_seconds`` from a wish about that app, in
words, to the verified project of its next version. Wishes are the same few for every app, with its own names in them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from appliance.blueprint.model import Blueprint, Choice
from appliance.blueprint.naming import label, plural
from appliance.blueprint.parser import parse
from appliance.codegen.render import render
from appliance.core.clock import SystemClock
from appliance.core.errors import IntramuralError
from appliance.identity.tokens import AppTokens
from appliance.inference.loader import EngineLimits
from appliance.inference.supervisor import WorkerSupervisor
from appliance.inference.worker import WorkerOptions
from appliance.planner.plan import Plan, Planner
from appliance.planner.revise import ModelReviser
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.verify import Verifier
from tests.benchmarks.machine import describe_machine
from tests.benchmarks.schema_recall import Recall, Synonyms, recall
from tests.fixtures.default_model import default_model_places

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Revision:
    """A wish about a planned app: seconds until its next version was verified, and whether that came about."""

    wish: str
    seconds: float
    verified: bool
    trouble: str = ""


@dataclass(frozen=True)
class Result:
    """One case."""

    case: str
    seconds: float
    plan: Plan | None
    verified: bool | None
    recall: Recall | None
    error: str = ""
    revision: Revision | None = None
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bench:
    """What the cases are run with; without a verifier only blueprints are made, without a reviser no wishes."""

    planner: Planner
    reviser: ModelReviser | None
    verifier: Verifier | None
    synonyms: Synonyms
    folder: Path


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
        "--synonyms", type=Path, help="synonym list of the recall; default: beside the cases, else beside this file"
    )
    parser.add_argument("--limit", type=int, default=10_000)
    parser.add_argument("--no-verify", action="store_true", help="only blueprints: no project is tried out")
    parser.add_argument("--no-revisions", action="store_true", help="no wish about each app")
    parser.add_argument("--texts", type=Path, help="folder for the blueprints")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    cases = read_cases(options.cases, options.limit)
    beside = (folder / "synonyms.json" for folder in (options.cases.parent if options.cases else HERE, HERE))
    lists = options.synonyms or next(path for path in beside if path.exists())
    synonyms = Synonyms.read(json.loads(lists.read_text(encoding="utf-8")))
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
        generator = supervisor.generator()
        bench = Bench(
            planner=Planner(generator),
            reviser=None if options.no_revisions else ModelReviser(generator),
            verifier=None if options.no_verify else verifier,
            synonyms=synonyms,
            folder=folder,
        )
        warm_up(bench)
        for number, case in enumerate(cases):
            results.append(one(bench, case, number))
            show(results[-1])
            if options.texts and (plan := results[-1].plan):
                options.texts.mkdir(parents=True, exist_ok=True)
                (options.texts / f"{case['id']}.app").write_text(f"# {case['request']}\n{plan.text}")
    report = summary(results)
    print(json.dumps(report) if options.json else table(report))
    return 0 if report["blueprint_share"] == 1.0 else 1


def warm_up(bench: Bench) -> None:
    """Have the fixed prompts computed and the code loaded, as in an appliance that runs."""
    bench.planner.plan("Warm up: who has which key?", on_text=lambda _: None)
    if bench.reviser:
        bench.reviser.warm_up()


def one(bench: Bench, case: dict[str, Any], number: int) -> Result:
    """Plan one case, render and verify it, and revise it."""
    started = time.monotonic()
    try:
        plan = bench.planner.plan(case["request"], on_text=lambda _: None)
    except IntramuralError as error:
        return Result(case["id"], time.monotonic() - started, None, None, None, str(error))
    verified, findings = verify(bench, plan.blueprint)
    seconds = time.monotonic() - started
    found = recall(plan.blueprint, case, bench.synonyms) if case.get("tables") else None
    revision = revise(bench, plan, number) if bench.reviser else None
    return Result(case["id"], seconds, plan, verified, found, revision=revision, findings=findings)


def verify(bench: Bench, blueprint: Blueprint) -> tuple[bool | None, tuple[str, ...]]:
    """Whether the project of a blueprint passes without repair, and what was found."""
    if bench.verifier is None:
        return None, ()
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        render(blueprint).write_to(Path(name))
        outcome = bench.verifier.verify(Path(name), blueprint, on_check=lambda _: None)
    return outcome.passed, tuple(f"{item.message} {item.detail}"[:200] for item in outcome.findings)


def wish(blueprint: Blueprint, number: int) -> str:
    """One of four usual wishes, in the words of somebody who uses the app."""
    entity = blueprint.entities[-1]
    many = plural(label(entity.name)).lower()
    choice = next((field for field in entity.fields if isinstance(field.type, Choice)), None)
    wishes = (
        f"Add a due date to {many} and show late ones in red.",
        f"{many.capitalize()} need a priority: low, medium or high.",
        f"Show {many} on a board by {label(choice.name).lower()}." if choice else f"Note the cost of {many}.",
        f"Only {blueprint.roles[-1] if blueprint.roles else 'the owner'} may delete {many}.",
    )
    return wishes[number % len(wishes)]


def revise(bench: Bench, plan: Plan, number: int) -> Revision:
    """From a wish to the verified project of the next version."""
    words = wish(plan.blueprint, number)
    started = time.monotonic()
    try:
        text = bench.reviser.revise(plan.text, words, lambda _: None).text if bench.reviser else plan.text
    except IntramuralError as error:
        return Revision(words, time.monotonic() - started, verified=False, trouble=error.message)
    verified, findings = verify(bench, parse(text))
    return Revision(words, time.monotonic() - started, verified=verified is not False, trouble="; ".join(findings))


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
    if result.revision:
        parts.append(f"revised in {result.revision.seconds:.1f} s {result.revision.trouble}")
    print("  ".join([*parts, *result.findings, result.error]), file=sys.stderr, flush=True)


def summary(results: list[Result]) -> dict[str, Any]:
    """The figures."""
    plans = [result.plan for result in results if result.plan]
    scores = [result.recall for result in results if result.recall]
    # A request without an app scores 0.
    asked = [result for result in results if result.recall or result.plan is None] if scores else []
    revisions = [result.revision for result in results if result.revision]
    checked = [result.verified for result in results if result.verified is not None or result.plan is None]
    return {
        "machine": describe_machine(),
        "cases": len(results),
        "blueprint_share": len(plans) / len(results),
        "schema_recall": round(sum(item.score for item in scores) / len(asked), 3) if asked else None,
        "surplus_tables": sum(item.surplus for item in scores),
        "verified_share": round(sum(map(bool, checked)) / len(checked), 3) if checked else None,
        "median_seconds": round(statistics.median(result.seconds for result in results), 1),
        "median_revision_seconds": round(statistics.median(item.seconds for item in revisions), 1)
        if revisions
        else None,
        "revised_share": round(sum(item.verified for item in revisions) / len(revisions), 3) if revisions else None,
        "median_sampled": statistics.median(plan.usage.sampled for plan in plans) if plans else None,
        "median_forced": statistics.median(plan.usage.forced for plan in plans) if plans else None,
        "median_prefill_seconds": median(plan.usage.prefill_seconds for plan in plans),
        "median_decode_seconds": median(plan.usage.decode_seconds for plan in plans),
    }


def median(values: Iterable[float]) -> float | None:
    """To two digits; nothing of nothing."""
    found = list(values)
    return round(statistics.median(found), 2) if found else None


def table(report: dict[str, Any]) -> str:
    """The figures for reading."""
    return "\n".join(f"{name.replace('_', ' '):<24} {value}" for name, value in report.items())


if __name__ == "__main__":
    sys.exit(main())
