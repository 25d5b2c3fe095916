"""Runs onnxruntime-genai for a comparison: ``python genai_peer.py FOLDER THREADS``, one JSON command per line.

Runs under an environment of its own that has ``onnxruntime-genai``; nothing of this project is imported. A decode step
is one appended token without choosing the next one, which favours onnxruntime-genai by the cost of an arg max.
"""

import json
import sys
import time

import numpy as np
import onnxruntime
import onnxruntime_genai


def main() -> None:
    """Answer ``{"prompt": [ids], "steps": n}`` with tokens per second of prefill and decode."""
    folder = sys.argv[1]  # its configuration names the threads
    model = onnxruntime_genai.Model(folder)
    parameters = onnxruntime_genai.GeneratorParams(model)
    generator = onnxruntime_genai.Generator(model, parameters)
    version = f"onnxruntime-genai {onnxruntime_genai.__version__}, onnxruntime {onnxruntime.__version__}"
    print(json.dumps({"ready": f"{version}, {model.device_type}"}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        prompt = np.array(asked["prompt"], dtype=np.int32)
        generator.rewind_to(0)
        started = time.perf_counter()
        generator.append_tokens(prompt)
        prefill = time.perf_counter() - started
        started = time.perf_counter()
        for step in range(asked["steps"]):
            generator.append_tokens(prompt[step : step + 1])
        decode = time.perf_counter() - started
        speeds = {"prefill": len(prompt) / prefill, "decode": asked["steps"] / decode}
        print(json.dumps(speeds), flush=True)


if __name__ == "__main__":
    main()
