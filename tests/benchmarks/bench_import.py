"""How long a table of full size takes: to a proposal, and into an app's database through its forms.

``./intramural bench import [--rows N]``. Prints seconds; one process, one core.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from appliance.importer.compose import compose, load_order
from appliance.importer.grid import Source
from appliance.importer.propose import propose
from tests.benchmarks.machine import describe_machine
from tests.fixtures.generated_apps import served


def source(rows: int) -> Source:
    """Ten columns of the usual kinds."""
    head = "Order no;Customer;Ordered on;Delivered;Amount (€);Weight;Contact;Phone;State;Remark"
    lines = [
        f"O{n};Customer {n % 400};{n % 28 + 1:02}.{n % 12 + 1:02}.2026;{('ja', 'nein')[n % 2]};{n % 900},{n % 90 + 10};"
        f"{n / 7:.3f};c{n % 400}@example.com;+49 30 {100000 + n};{('open', 'packed', 'sent')[n % 3]};note {n}"
        for n in range(rows)
    ]
    return Source("orders.csv", "\n".join([head, *lines]).encode())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    rows = parser.parse_args().rows
    given = source(rows)
    started = time.perf_counter()
    proposal = propose([given])
    proposed = time.perf_counter() - started
    blueprint = compose(proposal)
    (table,) = load_order(proposal)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with served(blueprint, folder / "app", examples=False) as app:
            runtime = app.client.app.state["runtime"]
            importing = importlib.import_module(f"{type(runtime).__module__.rpartition('.')[0]}.importing")
            lines = (json.dumps({"row": row.number, "values": dict(row.values)}) for row in table.good)
            (folder / "0.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
            person = {"subject": "m", "name": "M", "email": "m@example.com"}
            told = {"import": "b", "as": person, "tables": [{"table": "order", "file": "0.jsonl", "refs": {}}]}
            (folder / "import.json").write_text(json.dumps(told), encoding="utf-8")
            started = time.perf_counter()
            counts = importing.import_folder(runtime, folder)
            loaded = time.perf_counter() - started
    print(
        f"{rows} rows, {len(given.content) / 1e6:.1f} MB: proposal {proposed:.1f} s, loading {loaded:.1f} s, {counts}"
    )
    print(describe_machine())


if __name__ == "__main__":
    main()
