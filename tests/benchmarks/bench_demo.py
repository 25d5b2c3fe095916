"""``intramural bench demo``: from the sentence to the running app, stage by stage, with the real model.

Cold: each request by ``demo --once`` in a home folder without a stored prompt prefix. Warm: the same requests one
after another on an appliance that is running. --setup: instead, a fresh clone with a fresh HOME, from nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.machine import describe_machine

REQUESTS: list[str] = json.loads((Path(__file__).parent / "requests.json").read_text())


def demo(root: Path, home: Path, *arguments: str, user_home: Path | None = None) -> tuple[dict[str, Any], float]:
    """Run ``demo`` and take its report."""
    environment = {**os.environ, "INTRAMURAL_HOME": str(home)}
    if user_home is not None:
        environment["HOME"] = str(user_home)
    started = time.monotonic()
    done = subprocess.run(
        [str(root / "intramural"), "demo", "--json", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        text=True,
        check=False,
        cwd=root,
    )
    lines = done.stdout.strip().splitlines()
    report = json.loads(lines[-1]) if lines else {"verified": False, "stages": {}, "tokens": {}, "seconds": 0.0}
    return report, time.monotonic() - started


def bring_model(home: Path) -> None:
    """A home folder that has the model and the keys that vouch for it, by hard links, and nothing else."""
    from tests.fixtures.default_model import default_model_places

    bundle, keys = default_model_places()
    (home / "keys").mkdir(parents=True, mode=0o700)
    for name in ("bundle-trust.json", "bundle-signing.json"):
        shutil.copy2(keys / name, home / "keys" / name)
    shutil.copytree(bundle, home / "bundles" / bundle.name, copy_function=os.link)


def cold(folder: Path, count: int) -> list[dict[str, Any]]:
    """Each request on its own."""
    reports = []
    for request in REQUESTS[:count]:
        home = folder / "cold"
        bring_model(home)
        report, seconds = demo(ROOT, home, "--once", request)
        reports.append({**report, "wall_seconds": round(seconds, 1)})
        shutil.rmtree(home)
    return reports


def warm(folder: Path, count: int) -> list[dict[str, Any]]:
    """All requests on one running appliance, after one request that does not count."""
    from appliance.demo.local_api import LocalApi

    home = folder / "warm"
    bring_model(home)
    environment = {**os.environ, "INTRAMURAL_HOME": str(home)}
    served = subprocess.Popen([str(ROOT / "intramural"), "demo"], env=environment, stderr=subprocess.DEVNULL, cwd=ROOT)
    try:
        api = LocalApi(home)
        deadline = time.monotonic() + 240
        while not api.ready() and time.monotonic() < deadline:
            time.sleep(0.5)
        reports = []
        for request in ["Warm up: who has which key?", *REQUESTS[:count]]:
            started = time.monotonic()
            last: dict[str, Any] = {}
            for event in api.follow(api.create(request)["build"]):
                last = event
            report = last.get("report", {"verified": False, "stages": {}, "tokens": {}})
            reports.append({**report, "wall_seconds": round(time.monotonic() - started, 1)})
        return reports[1:]
    finally:
        served.terminate()
        served.wait(60)


def setup(folder: Path) -> dict[str, Any]:
    """A fresh clone, a fresh HOME, the first command."""
    clone, user_home = folder / "clone", folder / "home"
    user_home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    home = user_home / "intramural"
    report, first = demo(clone, home, "--once", REQUESTS[0], user_home=user_home)
    again, second = demo(clone, home, "--once", REQUESTS[1], user_home=user_home)
    return {
        "first_run_seconds": round(first, 1),
        "first_run": report,
        "second_run_seconds": round(second, 1),
        "second_run": again,
        "venv_mib": round(_size(clone / ".venv") / 2**20),
        "bundle_mib": round(_size(home / "bundles") / 2**20),
    }


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def lines(title: str, reports: list[dict[str, Any]]) -> list[str]:
    """A table in Markdown."""
    names = list(dict.fromkeys(name for report in reports for name in report["stages"]))
    rows = [f"{title}:", "", "| request | " + " | ".join(names) + " | total s | sampled/forced | verified |"]
    rows.append("|" + "---|" * (len(names) + 4))
    for number, report in enumerate(reports, 1):
        stages = " | ".join(f"{report['stages'].get(name, 0):.1f}" for name in names)
        tokens = report["tokens"]
        counted = f"{tokens.get('sampled', 0)}/{tokens.get('forced', 0)}"
        rows.append(f"| {number} | {stages} | {report['wall_seconds']} | {counted} | {report['verified']} |")
    rows.append(f"\nMedian total: {statistics.median(report['wall_seconds'] for report in reports):.1f} s\n")
    return rows


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setup", action="store_true")
    parser.add_argument("--count", type=int, default=len(REQUESTS))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="imd-") as name:
        folder = Path(name)
        if options.setup:
            print(json.dumps({"machine": describe_machine(), **setup(folder)}, indent=None if options.json else 2))
            return 0
        reports = {"cold": cold(folder, options.count), "warm": warm(folder, options.count)}
    if options.json:
        print(json.dumps({"machine": describe_machine(), **reports}))
    else:
        print(describe_machine(), "", *lines("Cold", reports["cold"]), *lines("Warm", reports["warm"]), sep="\n")
    return 0 if all(report["verified"] for part in reports.values() for report in part) else 1


if __name__ == "__main__":
    sys.exit(main())
