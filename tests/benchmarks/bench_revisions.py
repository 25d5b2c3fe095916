"""Random sequences of changes on real generated apps: no row may be lost, and every undo must be exact.

    ./intramural bench revisions [--sequences 200] [--seed 1] [--url postgresql+psycopg://…]

Each sequence draws a blueprint with rows, up to four changes (each of one to three edits), and two undos: to a version
in between and to the first, each compared value by value with what the database held then. Prints one JSON object; the
exit code is 1 if a sequence failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.benchmarks.machine import describe_machine
from tests.fixtures.revision_worlds import Tally, live


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sequences", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", default="", help="a database to use instead of SQLite; its tables are removed")
    options = parser.parse_args()
    tally = Tally()
    begun = time.monotonic()

    @seed(options.seed)
    @settings(
        max_examples=options.sequences,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: Any) -> None:
        live(data, tally, url=options.url)

    failure = ""
    try:
        run()
    except Exception as error:  # noqa: BLE001 - the figures so far are told too
        failure = f"{type(error).__name__}: {error}"[:2000]
    figures = {
        **vars(tally),
        "kinds": dict(sorted(tally.kinds.items())),
        "lost_rows_or_inexact_undos": 1 if failure else 0,
        "failure": failure,
        "seconds": round(time.monotonic() - begun, 1),
        "machine": describe_machine(),
    }
    print(json.dumps(figures, indent=1))
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
