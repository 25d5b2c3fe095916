"""Seconds per stage of a verification, of a start in the sandbox, and of an app's wake from sleep.

    python -m tests.benchmarks.bench_verify [--rounds 3]

Prints one JSON object; figures are medians. The app: 3 entities, 2 roles.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from appliance.blueprint.naming import package_name
from appliance.core.clock import SystemClock
from appliance.core.ids import new_id
from appliance.core.sandboxing import SandboxCommand
from appliance.hosting.release import AppRelease
from appliance.hosting.supervisor import AppSupervisor
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.verify import Verifier
from tests.fixtures.rendered_apps import LOANS, render_app

THREE_ENTITIES = LOANS.replace(
    "access Item:",
    "entity Room\n  name text required\n  building text\naccess Room: Lab Manager all; Borrower read\naccess Item:",
)


def seconds(deed: Callable[[], object]) -> float:
    begun = time.monotonic()
    deed()
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        home = Path(name)
        project, blueprint = render_app(home / "app", THREE_ENTITIES)
        sandbox, tokens = BubblewrapSandbox(), AppTokens(home / "keys.json", SystemClock())
        verifier = Verifier(sandbox, tokens)
        results = [verifier.verify(project, blueprint) for _ in range(rounds)]
        figures: dict[str, object] = {
            "passed": all(result.passed for result in results),
            "checks": len(results[0].checks),
            "total": round(statistics.median(sum(result.stages.values()) for result in results), 2),
        }
        for stage in results[0].stages:
            figures[stage] = round(statistics.median(result.stages[stage] for result in results), 2)
        (home / "data").mkdir()
        nothing = SandboxCommand(("python", "-I", "-S", "-c", "pass"), project, home / "data")
        starts = [seconds(lambda: sandbox.run(nothing, timeout=10)) for _ in range(10)]
        figures["sandbox_start"] = round(statistics.median(starts), 3)
        with AppSupervisor(sandbox, tokens, home / "run") as apps:
            release = AppRelease(new_id("app"), "loans", package_name(blueprint.name), project, home / "app-data")
            apps.ensure_running(release)
            wakes = []
            for _ in range(rounds):
                apps.stop(release.app_id)
                wakes.append(seconds(lambda: apps.ensure_running(release)))
            figures["wake"] = round(statistics.median(wakes), 2)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
