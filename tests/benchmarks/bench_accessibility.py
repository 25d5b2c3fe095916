"""``intramural bench accessibility``: axe-core on every screen of every template, in a real browser, one line each."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from appliance.blueprint.parser import parse
from appliance.gallery.templates import templates
from tests.benchmarks.machine import describe_machine
from tests.fixtures.accessibility import EVERY_SCREEN, SCREENS, addresses, glass, kiosks
from tests.fixtures.generated_apps import served


def main() -> int:
    """Exit code 1 if a serious or critical fault is found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="slugs of templates")
    parser.add_argument("--every-screen", action="store_true", help="both widths in light and in dark")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    screens = EVERY_SCREEN if options.every_screen else SCREENS
    begun, looked, opened, runs = time.monotonic(), 0, 0, 0
    faults: list[str] = []
    lesser: set[str] = set()
    with tempfile.TemporaryDirectory(prefix="ima-") as folder, glass() as window:
        for template in templates():
            if options.only and template.slug not in options.only:
                continue
            blueprint = parse(template.blueprint_text)
            with served(blueprint, Path(folder) / template.slug) as app:
                window.show(app)
                paths = addresses(blueprint, app)
                held = window.hold(paths, screens)
                if public := kiosks(blueprint):
                    window.show(app, public=True)
                    outside = window.hold_kiosks(public, screens)
                    held.faults += outside.faults
                    held.runs += outside.runs
            looked, opened, runs = looked + 1, opened + len(paths) + len(public), runs + held.runs
            lesser |= held.lesser
            faults += [f"{template.slug}{fault}" for fault in held.faults]
            sys.stderr.write(f"{template.name:<32} {held.runs:>4} runs  {len(held.faults):>3} faults\n")
            for fault in held.faults[:8]:
                sys.stderr.write(f"    {fault}\n")
    report = {
        "machine": describe_machine(),
        "templates": looked,
        "addresses": opened,
        "screens": ", ".join(f"{name} ({width}x{height})" for name, (width, height, _) in screens.items()),
        "runs": runs,
        "serious_or_critical": len(faults),
        "moderate_or_minor": sorted(lesser),
        "seconds": round(time.monotonic() - begun),
    }
    print(json.dumps(report) if options.json else "\n".join(f"{key:<20} {value}" for key, value in report.items()))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
