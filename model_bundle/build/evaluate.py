"""The gate of every conversion: agreement with the float32 reference, and speed, through ONNX Runtime.

``python -m model_bundle.build.evaluate reference MODEL.gguf REFERENCE.npz`` computes the reference predictions;
``python -m model_bundle.build.evaluate bundle FOLDER REFERENCE.npz`` prints agreement and speed of a converted folder.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tokenizers import Tokenizer

from model_bundle.build.agreement import Agreement, Reference, agreement, load_reference, summarize
from model_bundle.build.evaluation_texts import EVALUATION_TEXTS
from model_bundle.build.gguf import GRAPH_FILE
from model_bundle.build.gguf_model import GgufWeights, read_config, read_tokenizer
from model_bundle.build.gguf_reader import GgufFile
from model_bundle.build.quiet_runtime import ort
from model_bundle.build.reference import reference_logits
from model_bundle.errors import ConversionError, ModelBundleError
from model_bundle.kernels import library as kernels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from model_bundle.build.weights import Floats

ROOM = 2048
"""Positions of the key/value cache that an evaluation allocates."""


class Runner:
    """Runs one graph with one key/value cache of one row.

    Raises:
        ConversionError: ONNX Runtime refuses the graph.
        KernelsMissing: the project's own operators are not compiled.
    """

    def __init__(self, folder: Path, *, threads: int = 2, graph: str = GRAPH_FILE) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        if kernels.supported():
            options.register_custom_ops_library(str(kernels.library()))
        try:
            self._session = ort.InferenceSession(folder / graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the binding raises its own types, which derive from Exception only
            message = "The converted graph cannot be loaded."
            raise ConversionError(message, cause=str(error).splitlines()[0]) from error
        self._cache: dict[str, Any] = {}
        for value in self._session.get_inputs():
            if value.name.startswith("past_key_values."):
                _, heads, _, width = value.shape
                element = np.float16 if "float16" in value.type else np.float32
                self._cache[value.name] = ort.OrtValue.ortvalue_from_numpy(
                    np.zeros((1, heads, ROOM, width), dtype=element)
                )

    def run(self, tokens: Sequence[int], position: int, rows: Sequence[int]) -> Floats:
        """Append ``tokens`` at ``position``; logits for ``rows`` of this chunk."""
        binding = self._session.io_binding()
        total = position + len(tokens)
        binding.bind_cpu_input("input_ids", np.array([tokens], dtype=np.int64))
        binding.bind_cpu_input("seqlens_k", np.array([total - 1], dtype=np.int32))
        binding.bind_cpu_input("total_sequence_length", np.array(total, dtype=np.int32))
        binding.bind_cpu_input("logit_rows", np.array(rows, dtype=np.int64))
        binding.bind_output("logits")
        for name, value in self._cache.items():
            binding.bind_ortvalue_input(name, value)
            binding.bind_ortvalue_output(name.replace("past_key_values", "present"), value)
        self._session.run_with_iobinding(binding)
        logits: Floats = binding.get_outputs()[0].numpy().astype(np.float32, copy=False)
        return logits

    def logits(self, texts: Sequence[Sequence[int]]) -> list[Floats]:
        """Predictions after every token of every text."""
        return [self.run(text, 0, range(len(text))) for text in texts]


@dataclass(frozen=True)
class Speed:
    """Milliseconds per token at batch 1 and depth 256 (10th percentile), and tokens per second of the best prefill of
    256 tokens: figures that a neighbour on the same machine disturbs least.
    """

    decode_ms: float
    prefill_tokens_per_second: float


def measure_speed(runner: Runner, *, repeats: int = 5, tokens: int = 24) -> Speed:
    """Time prefill of 256 tokens and ``tokens`` decode steps, ``repeats`` times each."""
    prompt = [100 + index % 150 for index in range(256)]
    prefill, decode = [], []
    for _ in range(repeats):
        started = time.perf_counter()
        runner.run(prompt, 0, [255])
        prefill.append(time.perf_counter() - started)
        for step in range(tokens):
            started = time.perf_counter()
            runner.run([100 + step], 256 + step, [0])
            decode.append(time.perf_counter() - started)
    return Speed(1000 * statistics.quantiles(decode, n=10)[0], 256 / min(prefill))


def reference_from_gguf(path: Path, texts: Sequence[str] = EVALUATION_TEXTS) -> Reference:
    """The float32 predictions of a GGUF model over ``texts``; about a minute and 5 GB for 1.5 billion weights.

    Raises:
        SourceModelError: the file cannot be converted.
    """
    with GgufFile(path) as file:
        config = read_config(file)
        tokenizer = Tokenizer.from_str(read_tokenizer(file, config.vocabulary).tokenizer)
        tokens = [tokenizer.encode(text).ids for text in texts]
        return summarize(tokens, reference_logits(config, GgufWeights(file, config), tokens))


def evaluate_folder(folder: Path, reference: Reference, *, threads: int = 2) -> tuple[Agreement, Speed]:
    """Agreement and speed of the graph in ``folder``.

    Raises:
        ConversionError: the graph cannot be loaded.
    """
    runner = Runner(folder, threads=threads)
    return agreement(reference, runner.logits(reference.texts)), measure_speed(runner)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m model_bundle.build.evaluate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    make = commands.add_parser("reference", help="compute reference predictions")
    make.add_argument("model", type=Path)
    make.add_argument("reference", type=Path)
    check = commands.add_parser("bundle", help="compare a converted folder with reference predictions")
    check.add_argument("folder", type=Path)
    check.add_argument("reference", type=Path)
    check.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args(arguments)
    try:
        if chosen.command == "reference":
            reference_from_gguf(chosen.model).save(chosen.reference)
            return 0
        found, speed = evaluate_folder(chosen.folder, load_reference(chosen.reference), threads=chosen.threads)
    except ModelBundleError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(
        f"positions {found.positions}  mean KL {found.mean_kl:.4f}  p99 KL {found.p99_kl:.3f}  "
        f"top-1 {100 * found.top1:.1f} %  decode {speed.decode_ms:.1f} ms/token  "
        f"prefill {speed.prefill_tokens_per_second:.0f} tokens/s\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
