"""What the inference benchmark measures inside one process: bandwidth, bytes per step, and agreement."""

from __future__ import annotations

import mmap
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx

from model_bundle.build.agreement import agreement, load_reference
from model_bundle.build.evaluate import Runner

if TYPE_CHECKING:
    from model_bundle.verify import VerifiedBundle

REFERENCE = Path(__file__).parent.parent / "fixtures" / "default_model_reference.npz"
_BUFFER = 512 << 20


def read_bandwidth(threads: int, rounds: int = 5) -> float:
    """Bytes per second that ``threads`` threads read from memory together: the best of several plain reductions."""
    buffers = []
    for _ in range(threads):
        memory = mmap.mmap(-1, _BUFFER)
        memory.madvise(mmap.MADV_HUGEPAGE)
        array = np.frombuffer(memory, dtype=np.int64)
        array[:] = 1
        buffers.append(array)
    reductions = (np.sum, np.max, np.bitwise_or.reduce, lambda array: np.dot(array.view(np.float32), array.view("f4")))
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for reduction in reductions:
            for _ in range(rounds):
                started = time.perf_counter()
                list(pool.map(reduction, buffers))
                best = max(best, threads * _BUFFER / (time.perf_counter() - started))
    return best


def bytes_per_token(bundle: VerifiedBundle, depth: int) -> int:
    """What one decode step has to read: every matrix with its scales once, and the keys and values of ``depth`` tokens.

    Of an embedding only one row is read, unless the head shares its bytes; the rotary tables are hardly read, nor is a
    head that coarse logits are refined with.
    """
    model = onnx.load_model(bundle.graph_path, load_external_data=False)
    by_rows = ("Gather", "GatherBlockQuantized", "RefinedLogits")
    looked_up = {name for node in model.graph.node if node.op_type in by_rows for name in node.input}
    multiplied = {name for node in model.graph.node if node.op_type not in by_rows for name in node.input}
    total, seen = 0, set()
    for tensor in model.graph.initializer:
        place = tuple((entry.key, entry.value) for entry in tensor.external_data)
        if tensor.name.startswith("rotary.") or tensor.name in looked_up - multiplied or (place and place in seen):
            continue
        seen.add(place)
        total += int(np.prod(tensor.dims)) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    return total + depth * bundle.manifest.graph.cache_bytes_per_token


def kl_and_top1(bundle: VerifiedBundle, *, threads: int) -> dict[str, float]:
    """Agreement with the dequantised weights over the fixture's texts: of each graph alone, and the worse of both."""
    reference = load_reference(REFERENCE)
    graphs = {"narrow": bundle.graph_path}
    if bundle.wide_graph_path is not None:
        graphs["wide"] = bundle.wide_graph_path
    found = {
        name: agreement(reference, Runner(bundle.directory, threads=threads, graph=path.name).logits(reference.texts))
        for name, path in graphs.items()
    }
    return {
        "kl_vs_reference": max(one.mean_kl for one in found.values()),
        "top1_vs_reference": min(one.top1 for one in found.values()),
        "kl_positions": sum(map(len, reference.texts)),
        **{f"kl_{name}": one.mean_kl for name, one in found.items()},
        **{f"top1_{name}": one.top1 for name, one in found.items()},
    }


def resident_bytes(pid: int) -> int:
    """Memory of a process (``Rss`` of ``smaps_rollup``)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) * 1024
    return 0


def free_cores() -> float:
    """How many processors were idle over half a second: a measurement on a busy machine says so."""
    before = _idle()
    time.sleep(0.5)
    return (_idle() - before) / os.sysconf("SC_CLK_TCK") / 0.5


def _idle() -> int:
    return int(Path("/proc/stat").read_text().split("\n", 1)[0].split()[4])
