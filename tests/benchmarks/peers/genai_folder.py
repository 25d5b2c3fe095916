"""The folder that onnxruntime-genai reads: the default model in ONNX Runtime's own operators, converted once and kept.

Its weights are those of version 3 of the bundle's first graph (``docs/model-bundle.md``: mean KL 0.044), so that what
is compared is the runner; onnxruntime-genai has no second graph for prompts.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING

import onnx

from model_bundle.build.describe import describe_graph
from model_bundle.build.genai_graph import genai_config, genai_graph
from model_bundle.build.gguf import GRAPH_FILE, PrecisionPlan, write_graph
from model_bundle.build.gguf_model import GgufWeights, read_config, read_tokenizer
from model_bundle.build.gguf_reader import GgufFile
from model_bundle.build.quantize import Precision

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = 2048
PLAN = PrecisionPlan(
    Precision(bits=4, block_size=128, fitted=True),
    dict.fromkeys(("head", "qkv", "output"), Precision(bits=8, block_size=128)),
)


def genai_folder(model: Path, cache: Path, *, threads: int) -> Path:
    """The folder for the GGUF file ``model``; 1.2 GB below ``cache``, made in about half a minute."""
    recipe = json.dumps([model.name, model.stat().st_size, PLAN.labels()], sort_keys=True)
    folder = cache / f"genai-model-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with GgufFile(model) as file:
        config = read_config(file)
        end = read_tokenizer(file, config.vocabulary).eos_token_ids[0]
        if not folder.exists():
            print("Converting the model for onnxruntime-genai (once) …", file=sys.stderr, flush=True)
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            write_graph(GgufWeights(file, config), partial, PLAN)
            graph = onnx.load(partial / GRAPH_FILE, load_external_data=False)
            onnx.save_model(genai_graph(graph), partial / GRAPH_FILE)
            os.replace(partial, folder)  # noqa: PTH105 - a folder that is there must not be replaced
    settings = genai_config(
        describe_graph(config, GRAPH_FILE),
        file=GRAPH_FILE,
        weights=".",
        end_token=end,
        context_tokens=CONTEXT,
        threads=threads,
    )
    (folder / "genai_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder
