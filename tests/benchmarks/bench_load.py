"""``intramural bench load [--rate R] [--seconds S] [--seed N] [--json]``: several people at a time.

Requests arrive at random (Poisson) in the mixture of ``load_schedule.py`` at a worker as the appliance starts it,
through its socket. First each kind is measured alone, then the capacity: how many requests a second the worker answers
when eight clients ask without a pause. Then come schedules at 0.3, 0.6 and 0.9 of that, or at ``--rate`` a second.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from appliance.core.settings import ModelSettings
from appliance.inference.kv_cache import CacheShape
from appliance.inference.loader import EngineLimits
from appliance.inference.worker import WorkerOptions
from appliance.planner.plan import Planner
from tests.benchmarks import load_figures
from tests.benchmarks.inference_figures import running_worker
from tests.benchmarks.load_schedule import SHARES, Kind, schedule
from tests.benchmarks.machine import describe_machine
from tests.fixtures.default_model import default_model, default_model_places
from tests.fixtures.processes import processes_with

if TYPE_CHECKING:
    from appliance.inference.supervisor import WorkerSupervisor

SHARES_OF_CAPACITY = (0.3, 0.6, 0.9)


def measure(supervisor: WorkerSupervisor, options: argparse.Namespace, settings: ModelSettings) -> dict[str, Any]:
    """Everything, by name."""
    generator = supervisor.generator()
    Planner(generator).warm_up()
    base = load_figures.alone(generator, options.seed, rounds=3)
    found: dict[str, Any] = {
        "alone": {kind.value: {"first": one.first, "each": one.each, "total": one.total} for kind, one in base.items()}
    }
    if options.rate is None:
        found["capacity"] = load_figures.capacity(generator, options.seed, options.seconds / 2, settings.streams)
        rates = [share * found["capacity"] for share in SHARES_OF_CAPACITY]
    else:
        rates = [options.rate]
    found["loads"] = []
    for number, rate in enumerate(rates):
        arrivals = schedule(rate, options.seconds, options.seed + 100 * (number + 1))
        fared, seconds = load_figures.under(generator, arrivals)
        found["loads"].append({"rate": rate, **load_figures.summary(fared, seconds, base)})
    return found


def kv_memory(settings: ModelSettings) -> dict[str, int]:
    """Bytes of keys and values of a token, and of all slots when every one is full."""
    graph = default_model().manifest.graph
    shape = CacheShape(graph.layers, graph.kv_heads, settings.context_tokens, graph.head_dim)
    whole = shape.bytes_per_token * shape.max_len * settings.streams
    return {"kv_bytes_per_token": shape.bytes_per_token, "kv_bytes_full": whole}


def show(found: dict[str, Any]) -> None:
    """As tables."""
    print("alone:", ", ".join(f"{kind} {one['total']:.1f} s" for kind, one in found["alone"].items()))
    if "capacity" in found:
        print(f"capacity: {found['capacity']:.2f} requests/s")
    for one in found["loads"]:
        print(
            f"\nrate {one['rate']:.2f}/s: {one['requests']} requests, {one['refused']} refused, "
            f"{one['requests_per_s']:.2f} answered/s, {one['tokens_per_s']:.1f} tokens/s, "
            f"waited p50 {one['waited'].get('p50', 0):.1f} p99 {one['waited'].get('p99', 0):.1f} s, "
            f"fairness {one['fairness']:.2f}"
        )
        print(f"{'':12}{'first token, s':>24}{'each token, ms':>24}{'total, s':>24}{'slowdown':>10}")
        for kind in Kind:
            cells = [_cell(one["first"][kind], 1), _cell(one["each"][kind], 1000), _cell(one["total"][kind], 1)]
            print(f"{kind:12}{''.join(f'{cell:>24}' for cell in cells)}{one['slowdown'].get(kind, 0):>10.1f}")
    full, most = found["kv_bytes_full"] / 2**30, found["resident_bytes"] / 2**30
    print(f"\nkeys and values: {full:.2f} GiB with every slot full; the worker had {most:.2f} GiB at most")


def _cell(values: dict[str, float], scale: float) -> str:
    return " / ".join(f"{value * scale:.3g}" for value in values.values()) or "-"


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(prog="./intramural bench load", description=__doc__)
    parser.add_argument("--rate", type=float, help="requests a second, instead of shares of the capacity")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each schedule; half of it measures capacity")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", dest="as_json")
    options = parser.parse_args()
    bundle, keys = default_model_places()
    settings = ModelSettings()
    limits = EngineLimits(context_tokens=settings.context_tokens, slots=settings.streams)
    with tempfile.TemporaryDirectory(prefix="iml-") as name:
        folder = Path(name)
        worker = WorkerOptions(bundle, keys, folder / "w.sock", folder / "prefixes", limits)
        with running_worker(worker, folder / "log") as supervisor:
            found = measure(supervisor, options, settings)
            (pid,) = processes_with(str(folder / "w.sock"))
            found["resident_bytes"] = load_figures.resident_bytes(pid)
    found |= {**kv_memory(settings), "machine": describe_machine(), "seed": options.seed, "mixture": SHARES}
    if options.as_json:
        print(json.dumps(found))
    else:
        print(found["machine"])
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
