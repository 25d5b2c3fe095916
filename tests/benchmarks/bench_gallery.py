"""``intramural bench gallery``: every template of the gallery through the sandboxed verification, one line each."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from appliance.blueprint.parser import parse
from appliance.codegen.render import render
from appliance.core.clock import SystemClock
from appliance.gallery.templates import templates
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.verify import Verifier
from tests.benchmarks.machine import describe_machine


def main() -> int:
    """Exit code 1 if a template is not verified."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="slugs of templates")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seconds: list[float] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="img-") as name:
        folder = Path(name)
        verifier = Verifier(BubblewrapSandbox(), AppTokens(folder / "tokens.json", SystemClock()))
        for template in templates():
            if options.only and template.slug not in options.only:
                continue
            blueprint = parse(template.blueprint_text)
            begun = time.monotonic()
            project = folder / template.slug
            render(blueprint).write_to(project)
            made = verifier.verify(project, blueprint, on_check=lambda _: None)
            seconds.append(time.monotonic() - begun)
            failed += [] if made.passed else [template.slug]
            word = "verified" if made.passed else "NOT VERIFIED"
            sys.stderr.write(f"{template.name:<32} {seconds[-1]:5.1f} s  {len(made.checks):>4} checks  {word}\n")
            for finding in made.findings[:5]:
                sys.stderr.write(f"    {finding}\n")
    report = {
        "machine": describe_machine(),
        "templates": len(seconds),
        "verified": len(seconds) - len(failed),
        "median_seconds": round(statistics.median(seconds), 1),
        "failed": failed,
    }
    print(json.dumps(report) if options.json else "\n".join(f"{key:<16} {value}" for key, value in report.items()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
