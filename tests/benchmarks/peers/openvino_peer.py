"""Runs OpenVINO GenAI for a comparison: ``python openvino_peer.py MODEL.gguf THREADS``, one JSON command per line.

Runs under an environment of its own that has ``openvino-genai``; nothing of this project is imported. OpenVINO GenAI
reads the GGUF file itself; figures are those of its own performance counters.
"""

import json
import sys

import numpy as np
import openvino
import openvino_genai


def main() -> None:
    """Answer ``{"prompt": [ids], "steps": n}`` with tokens per second of prefill and decode."""
    model, threads = sys.argv[1], int(sys.argv[2])
    pipeline = openvino_genai.LLMPipeline(model, "CPU", INFERENCE_NUM_THREADS=threads)
    print(json.dumps({"ready": f"openvino {openvino.__version__}"}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        prompt = openvino.Tensor(np.array([asked["prompt"]], dtype=np.int64))
        mask = openvino.Tensor(np.ones((1, len(asked["prompt"])), dtype=np.int64))
        config = openvino_genai.GenerationConfig()
        config.max_new_tokens = asked["steps"] + 1
        config.min_new_tokens = asked["steps"] + 1
        config.ignore_eos = True
        config.do_sample = False
        config.apply_chat_template = False
        metrics = pipeline.generate(openvino_genai.TokenizedInputs(prompt, mask), config).perf_metrics
        speeds = {
            "prefill": 1000 * len(asked["prompt"]) / metrics.get_ttft().mean,
            "decode": 1000 / metrics.get_tpot().mean,
        }
        print(json.dumps(speeds), flush=True)


if __name__ == "__main__":
    main()
