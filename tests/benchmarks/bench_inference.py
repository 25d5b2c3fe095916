"""``intramural bench inference``: the engine against llama.cpp, OpenVINO GenAI and onnxruntime-genai.

Without arguments it takes the default bundle of the appliance's home. The peers are installed into environments of
their own below ``~/.cache/intramural/benchmark`` on first use, and the official Q4_K_M file, which the first two read,
is fetched there; for onnxruntime-genai it is converted (``peers/genai_folder.py``). Compared figures are taken in turns
(A B C D D C B A …) and are medians; ratios are ours over theirs. A figure that cannot be measured is null, with the
reason on standard error, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from appliance.inference.hardware import physical_cores
from appliance.inference.loader import EngineLimits
from appliance.inference.worker import WorkerOptions
from appliance.planner.revise import ModelReviser
from model_bundle.build.distribution import DEFAULT_MODEL
from model_bundle.build.obtain import obtain_model
from model_bundle.errors import ModelBundleError
from model_bundle.trust_root import read_trust_root
from model_bundle.verify import verify
from tests.benchmarks import bench_engine_parts, inference_bounds, inference_figures, inference_plot
from tests.benchmarks.machine import describe_machine
from tests.benchmarks.peers.environments import (
    GENAI,
    LLAMACPP,
    OPENVINO,
    PeerUnavailable,
    RunningPeer,
    cache_folder,
)
from tests.benchmarks.peers.genai_folder import genai_folder
from tests.fixtures.default_model import default_model_places

if TYPE_CHECKING:
    from model_bundle.verify import VerifiedBundle

Figures = dict[str, Any]
NAMES = (
    "decode_vs_llamacpp",
    "prefill_vs_llamacpp",
    "decode_vs_openvino",
    "decode_tokens_per_s",
    "bandwidth_share",
    "streams8_vs_1",
    "ttft_warm_s",
    "constraint_overhead",
    "forced_or_drafted_share",
    "kl_vs_reference",
)
"""What the project promises, in this order; the other figures explain them."""
ALL = ("peers", "streams", "ttft", "share", "revisions", "overhead", "agreement")


def start_peers(stack: ExitStack, model: Path, *, threads: int, cache: Path) -> list[RunningPeer]:
    """Those that can be started; the others are named on standard error."""
    running = []
    for peer in (LLAMACPP, OPENVINO, GENAI):
        try:
            source = genai_folder(model, cache, threads=threads) if peer is GENAI else model
            started = RunningPeer(peer, source, threads=threads, cache=cache)
        except (PeerUnavailable, OSError) as error:
            print(f"not measured against {peer.name}: {error}", file=sys.stderr)
            continue
        stack.callback(started.close)
        running.append(started)
    return running


def compare(options: WorkerOptions, tokens: list[int], *, threads: int, rounds: int, cache: Path) -> Figures:
    """Prefill of 512 tokens and 32 decode steps after them, here and there, in turns."""
    speeds: dict[str, list[dict[str, float]]] = {}
    figures: Figures = {}
    with ExitStack() as stack:
        model = obtain_model(DEFAULT_MODEL, cache, lambda _progress: None)
        peers = start_peers(stack, model, threads=threads, cache=cache)
        supervisor = stack.enter_context(inference_figures.running_worker(options, cache / "worker.log"))
        generator = supervisor.generator()
        inference_figures.speed(generator, 0)
        for peer in peers:
            figures[f"{peer.name}_version"] = peer.description
            peer.measure(tokens[:64], 4)
        contenders: list[RunningPeer | None] = [None, *peers]
        for turn in range(rounds):
            for peer in contenders if turn % 2 == 0 else reversed(contenders):
                if peer is None:
                    name, found = "ours", inference_figures.speed(generator, turn + 1)
                else:
                    name, found = peer.name, peer.measure([turn + 100, *tokens[1:]], inference_figures.STEPS)
                speeds.setdefault(name, []).append(found)
                print(f"{name:9} prefill {found['prefill']:6.1f}  decode {found['decode']:5.1f}", file=sys.stderr)
    medians = {
        name: {key: statistics.median(one[key] for one in found) for key in ("prefill", "decode")}
        for name, found in speeds.items()
    }
    for name, median in medians.items():
        prefix = "" if name == "ours" else f"{name}_"
        figures[f"{prefix}decode_tokens_per_s"] = median["decode"]
        figures[f"{prefix}prefill_tokens_per_s"] = median["prefill"]
        if name != "ours":
            figures[f"decode_vs_{name}"] = medians["ours"]["decode"] / median["decode"]
            figures[f"prefill_vs_{name}"] = medians["ours"]["prefill"] / median["prefill"]
    return figures


def together(options: WorkerOptions, *, rounds: int, log: Path) -> Figures:
    """One, four and eight conversations, in turns."""
    found: dict[int, list[float]] = {1: [], 4: [], inference_figures.STREAMS: []}
    with inference_figures.running_worker(options, log) as supervisor:
        generator = supervisor.generator()
        inference_figures.streams(generator, 1)
        for turn in range(max(2, rounds // 2)):
            for count in found if turn % 2 == 0 else reversed(found):
                found[count].append(inference_figures.streams(generator, count))
        memory = inference_bounds.resident_bytes(supervisor.pid or 0)
    figures: Figures = {f"streams{count}_tokens_per_s": statistics.median(values) for count, values in found.items()}
    for count in (4, inference_figures.STREAMS):
        figures[f"streams{count}_vs_1"] = figures[f"streams{count}_tokens_per_s"] / figures["streams1_tokens_per_s"]
    return figures | {"worker_resident_mb": memory / 1e6}


def planning(options: WorkerOptions, parts: set[str], *, rounds: int, log: Path) -> Figures:
    """The first token, and blueprints, as the appliance's planner gets them."""
    figures: Figures = {}
    with inference_figures.running_worker(options, log) as supervisor:
        if "ttft" in parts:
            figures["ttft_warm_s"] = inference_figures.first_token_warm(supervisor.generator(), rounds)
            figures |= inference_figures.first_token_long(supervisor.generator(), max(2, rounds // 2))
        if "share" in parts:
            figures |= inference_figures.blueprint_shares(supervisor.generator())
    return figures


def revising(options: WorkerOptions, plain: WorkerOptions, *, log: Path) -> Figures:
    """Wishes about a shipped app with guesses and without, in turns."""
    found: dict[str, list[float]] = {"drafts": [], "plain": []}
    plain = replace(plain, socket=plain.socket.with_name("p.sock"))
    with (
        inference_figures.running_worker(options, log) as quick,
        inference_figures.running_worker(plain, log) as slow,
    ):
        workers = {"drafts": quick.generator(), "plain": slow.generator()}
        for generator in workers.values():
            ModelReviser(generator).warm_up()
        for turn, wish in enumerate(inference_figures.WISHES):
            for name in workers if turn % 2 == 0 else reversed(workers):
                found[name].append(inference_figures.revision(workers[name], wish))
    figures: Figures = {f"revision_{name}_s": statistics.median(seconds) for name, seconds in found.items()}
    return figures | {"revision_drafts_vs_plain": sum(found["plain"]) / sum(found["drafts"])}


def measure(bundle: VerifiedBundle, keys: Path, parts: set[str], *, rounds: int) -> Figures:
    """All figures by name."""
    threads = physical_cores()
    cache = cache_folder(os.environ)
    cache.mkdir(parents=True, exist_ok=True)
    figures: Figures = dict.fromkeys(NAMES)
    figures |= {
        "machine": describe_machine(),
        "cores_idle_before": inference_bounds.free_cores(),
        "model": f"{bundle.manifest.name} version {bundle.manifest.version}",
        "threads": threads,
    }
    with tempfile.TemporaryDirectory(prefix="imb-") as name:
        folder = Path(name)
        options = WorkerOptions(
            bundle.directory, keys, folder / "w.sock", folder / "prefixes", EngineLimits(context_tokens=4096)
        )
        plain = replace(options, limits=replace(options.limits, drafts=False))
        if "peers" in parts:
            tokens = [1000 + 37 * index % 20000 for index in range(inference_figures.PROMPT_TOKENS)]
            before = inference_bounds.read_bandwidth(threads)
            figures |= compare(plain, tokens, threads=threads, rounds=rounds, cache=cache)
            bandwidth = max(before, inference_bounds.read_bandwidth(threads))
            each = inference_bounds.bytes_per_token(bundle, inference_figures.PROMPT_TOKENS)
            figures["read_bandwidth_gb_s"] = bandwidth / 1e9
            figures["mb_per_token"] = each / 1e6
            figures["bandwidth_share"] = figures["decode_tokens_per_s"] * each / bandwidth
        if "streams" in parts:
            figures |= together(plain, rounds=rounds, log=cache / "worker.log")
        if parts & {"ttft", "share"}:
            figures |= planning(options, parts, rounds=rounds, log=cache / "worker.log")
        if "revisions" in parts:
            figures |= revising(options, plain, log=cache / "worker.log")
        if "overhead" in parts:
            bench = bench_engine_parts.Bench(bundle, threads=threads, folder=folder / "parts", rounds=rounds)
            try:
                figures["constraint_overhead"] = bench.decode()["engine_overhead_share"]
            finally:
                bench.close()
        if "agreement" in parts:
            figures |= inference_bounds.kl_and_top1(bundle, threads=threads)
    figures["cores_idle_after"] = inference_bounds.free_cores()
    return figures


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="folder of another bundle; with --keys")
    parser.add_argument("--keys", type=Path, help="folder of the trust root")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=ALL, action="append", help="measure this part only; may be repeated")
    parser.add_argument("--plot", type=Path, help="also draw the comparison as this SVG file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found, known = default_model_places() if options.bundle is None else (options.bundle, options.keys)
    parts = set(options.only or ALL)
    try:
        figures = measure(verify(found, read_trust_root(known)), known, parts, rounds=options.rounds)
    except ModelBundleError as error:
        print(f"{error.message}\n{error.cause}\nWhat to do: {error.action}", file=sys.stderr)
        return 2
    if options.plot is not None:
        options.plot.write_text(inference_plot.plot(figures), encoding="utf-8")
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:26} {value:.4g}" if isinstance(value, float) else f"{name:26} {value}")
    missing = [name for name in NAMES if figures[name] is None]
    return 1 if missing and not options.only else 0


if __name__ == "__main__":
    sys.exit(main())
