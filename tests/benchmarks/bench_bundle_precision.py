"""Prints size, speed and agreement of the default model in several precisions: the table of docs/model-bundle.md.

``python tests/benchmarks/bench_bundle_precision.py MODEL.gguf WORK_FOLDER [LABEL ...]``

WORK_FOLDER needs about 1.5 GB per precision and keeps what was converted and compared; a second run only times.
Agreement is the Kullback-Leibler divergence over the whole vocabulary from the float32 reference. Speed is the best of
several rounds, all precisions in turn, so that a neighbour on the machine disturbs all of them alike.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from model_bundle.build.agreement import log_softmax
from model_bundle.build.evaluate import Runner, Speed, measure_speed
from model_bundle.build.evaluation_texts import EVALUATION_TEXTS
from model_bundle.build.gguf import DATA_FILE, PrecisionPlan, write_graph
from model_bundle.build.gguf_model import GgufWeights, read_config, read_tokenizer
from model_bundle.build.gguf_reader import GgufFile
from model_bundle.build.quantize import Precision
from model_bundle.build.reference import reference_logits

ROUNDS = 2
HEAD = {"head": Precision(8, 32)}


def _plan(size: int, *, symmetric: bool = False, fitted: bool = True) -> PrecisionPlan:
    return PrecisionPlan(Precision(4, size, symmetric=symmetric, fitted=fitted), HEAD)


PLANS = {
    "int4/32 asym, head int8": _plan(32, fitted=False),
    "int4/32 asym fitted, head int8": _plan(32),
    "int4/32 sym fitted, head int8": _plan(32, symmetric=True),
    "int4/64 asym fitted, head int8": _plan(64),
    "int4/128 asym fitted, head int8": _plan(128),
    "int4/32 asym fitted, head int4": PrecisionPlan(Precision(4, 32, fitted=True)),
    "int4/32 asym fitted, head and Q6_K int8": PrecisionPlan(
        Precision(4, 32, fitted=True), HEAD, sensitive=Precision(8, 32)
    ),
    "int4/64 asym fitted, head and Q6_K int8": PrecisionPlan(
        Precision(4, 64, fitted=True), HEAD, sensitive=Precision(8, 64)
    ),
    "int4/128 asym fitted, head and Q6_K int8/128": PrecisionPlan(
        Precision(4, 128, fitted=True), {"head": Precision(8, 128)}, sensitive=Precision(8, 128)
    ),
}


def main(arguments: list[str]) -> int:
    """Convert what is missing, compare, time, print."""
    model, work, wanted = Path(arguments[0]), Path(arguments[1]), arguments[2:] or list(PLANS)
    work.mkdir(parents=True, exist_ok=True)
    texts, reference = _reference(model, work)
    rows: dict[str, tuple[float, float, float, float]] = {}
    for label in wanted:
        folder, seconds = _converted(model, work, label)
        kept = folder / "agreement.json"
        if not kept.exists():
            kept.write_text(json.dumps(_divergence(reference, Runner(folder).logits(texts))))
        mean, p99, top1 = json.loads(kept.read_text())
        rows[label] = (seconds, mean, p99, top1)
    best: dict[str, Speed] = {}
    for _ in range(ROUNDS):
        for label in wanted:
            found = measure_speed(Runner(_folder(work, label)), repeats=2, tokens=12)
            before = best.get(label, found)
            best[label] = Speed(
                min(before.decode_ms, found.decode_ms),
                max(before.prefill_tokens_per_second, found.prefill_tokens_per_second),
            )
    print("| weights | MB | mean KL | p99 KL | top-1 % | decode ms/token | prefill tokens/s | conversion s |")
    print("|---|---|---|---|---|---|---|---|")
    for label, (seconds, mean, p99, top1) in rows.items():
        size = (_folder(work, label) / DATA_FILE).stat().st_size / 1e6
        speed = best[label]
        print(
            f"| {label} | {size:.0f} | {mean:.4f} | {p99:.3f} | {100 * top1:.1f} | {speed.decode_ms:.1f} "
            f"| {speed.prefill_tokens_per_second:.0f} | {seconds:.0f} |"
        )
    print(f"{sum(map(len, texts))} positions, {os.cpu_count()} processors, {time.strftime('%Y-%m-%d')}")
    return 0


def _reference(model: Path, work: Path) -> tuple[list[list[int]], list[np.ndarray]]:
    with GgufFile(model) as file:
        config = read_config(file)
        tokenizer = Tokenizer.from_str(read_tokenizer(file, config.vocabulary).tokenizer)
        texts = [tokenizer.encode(text).ids for text in EVALUATION_TEXTS]
        kept = work / "reference.npy"
        if not kept.exists():
            np.save(kept, np.concatenate(reference_logits(config, GgufWeights(file, config), texts)))
    logits = np.load(kept, mmap_mode="r")
    return texts, np.split(logits, np.cumsum([len(text) for text in texts])[:-1])


def _folder(work: Path, label: str) -> Path:
    return work / label.translate(str.maketrans({" ": "-", "/": "-", ",": None}))


def _converted(model: Path, work: Path, label: str) -> tuple[Path, float]:
    folder, started = _folder(work, label), time.perf_counter()
    if not folder.exists():
        staging = folder.with_name(folder.name + ".partial")
        staging.mkdir(exist_ok=True)
        with GgufFile(model) as file:
            write_graph(GgufWeights(file, read_config(file)), staging, PLANS[label])
        (staging / "seconds").write_text(str(time.perf_counter() - started))
        staging.rename(folder)
    return folder, float((folder / "seconds").read_text())


def _divergence(reference: list[np.ndarray], candidate: list[np.ndarray]) -> tuple[float, float, float]:
    every, same = [], []
    for expected, given in zip(reference, candidate, strict=True):
        wanted, found = log_softmax(np.array(expected)), log_softmax(given)
        every.append((np.exp(wanted) * (wanted - found)).sum(-1))
        same.append(wanted.argmax(-1) == found.argmax(-1))
    divergences = np.concatenate(every)
    return float(divergences.mean()), float(np.quantile(divergences, 0.99)), float(np.concatenate(same).mean())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
