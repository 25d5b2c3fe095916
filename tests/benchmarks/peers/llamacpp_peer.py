"""Runs llama.cpp for a comparison: ``python llamacpp_peer.py MODEL.gguf THREADS``, one JSON command per line.

Runs under an environment of its own that has ``llama-cpp-python``; nothing of this project is imported. A decode step
is one evaluated token without choosing the next one, which favours llama.cpp by the cost of an arg max.
"""

import json
import sys
import time

from llama_cpp import Llama, llama_print_system_info


def main() -> None:
    """Answer ``{"prompt": [ids], "steps": n}`` with tokens per second of prefill and decode."""
    model, threads = sys.argv[1], int(sys.argv[2])
    llama = Llama(
        model, n_ctx=2048, n_batch=512, n_threads=threads, n_threads_batch=threads, flash_attn=True, verbose=False
    )
    print(json.dumps({"ready": " ".join(llama_print_system_info().decode().split())}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        llama.reset()
        started = time.perf_counter()
        llama.eval(asked["prompt"])
        prefill = time.perf_counter() - started
        started = time.perf_counter()
        for token in asked["prompt"][: asked["steps"]]:
            llama.eval([token])
        decode = time.perf_counter() - started
        speeds = {"prefill": len(asked["prompt"]) / prefill, "decode": asked["steps"] / decode}
        print(json.dumps(speeds), flush=True)


if __name__ == "__main__":
    main()
