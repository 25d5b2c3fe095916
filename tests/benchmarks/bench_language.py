"""``intramural bench language``: blueprints with every construct of the language, built, started and used.

Each generated blueprint is printed and read back, rendered, imported, started with its examples on SQLite, and every
page, list, sorted list, form, row and export is opened as the owner, as each role and as a stranger. With --tests each
app's own test suite runs, too.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from hypothesis import HealthCheck, Phase, given, seed, settings

from appliance.blueprint.model import Blueprint
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from tests.benchmarks.machine import describe_machine
from tests.fixtures.blueprint_strategies import blueprints
from tests.fixtures.every_blueprint import try_out

CHUNK = 25
"""Blueprints per process: each app's modules stay in memory until its process ends."""


def generated(count: int, start: int) -> list[Blueprint]:
    """That many different blueprints; the same start gives the same ones."""
    found: dict[str, Blueprint] = {}

    @seed(start)
    @settings(
        max_examples=4 * count,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(blueprints())
    def collect(made: Blueprint) -> None:
        if len(found) < count:
            found.setdefault(to_text(made), made)

    collect()
    return list(found.values())


def one_chunk(count: int, start: int, keep: Path | None, tests: bool) -> int:
    """Try a chunk; a line per blueprint on standard output for the parent."""
    for number, made in enumerate(generated(count, start)):
        text = to_text(made)
        with tempfile.TemporaryDirectory(prefix="iml-") as folder:
            outcome = try_out(made, Path(folder))
            same = parse(text) == made
            faults = outcome.faults + ([] if same else ["printing and parsing differ"])
            if tests and outcome.booted:
                faults += own_tests(Path(folder) / "code")
        if keep is not None and faults:
            keep.mkdir(parents=True, exist_ok=True)
            lines = [f"# {' '.join(fault.split())[:400]}" for fault in faults[:5]]
            (keep / f"{start}-{number}.app").write_text("\n".join([*lines, text]), encoding="utf-8")
        first = " ".join(faults[0].split())[:200] if faults else ""
        print(f"{int(outcome.built)} {int(outcome.booted)} {int(not faults)} {outcome.requests} {first}", flush=True)
    return 0


def own_tests(code: Path) -> list[str]:
    """What the app's own tests say."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "tests"]
    environment = os.environ | {"PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False, timeout=300)
    return [] if done.returncode == 0 else [f"own tests: {done.stdout[-400:]}"]


def main() -> int:
    """Run in chunks and print how many built, booted and passed."""
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tests", action="store_true", help="also run each app's own tests")
    parser.add_argument("--keep", type=Path, help="folder for the blueprints that failed, with what failed")
    parser.add_argument("--chunk", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.chunk is not None:
        random.seed(options.seed)
        return one_chunk(options.count, options.seed, options.keep, options.tests)
    begun = time.monotonic()
    tried = built = booted = passed = requests = 0
    while tried < options.count:
        count = min(CHUNK, options.count - tried)
        command = [sys.executable, __file__, "--chunk", "1", "--count", str(count), "--seed", str(options.seed + tried)]
        command += ["--tests"] if options.tests else []
        command += ["--keep", str(options.keep)] if options.keep else []
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        lines = [line.split(" ", 4) for line in done.stdout.splitlines() if line[:1] in "01"]
        for line in lines:
            built, booted, passed = built + int(line[0]), booted + int(line[1]), passed + int(line[2])
            requests += int(line[3])
            if line[4:] and line[4]:
                print(f"  {line[4]}", file=sys.stderr, flush=True)
        if len(lines) < count:
            print(f"  a process stopped early: {done.stderr[-500:]}", file=sys.stderr)
        tried += count
        print(f"{tried} tried, {passed} passed", file=sys.stderr, flush=True)
    print(describe_machine())
    seconds = time.monotonic() - begun
    print(f"blueprints {tried}  built {built}  booted {booted}  passed {passed}  requests {requests}  {seconds:.0f} s")
    return 0 if passed == tried else 1


if __name__ == "__main__":
    sys.exit(main())
