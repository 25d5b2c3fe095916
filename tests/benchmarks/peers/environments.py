"""Peers of the inference benchmark: each in a virtual environment of its own, made once and kept in the cache folder.

They never touch the project's ``.venv``. llama.cpp is built from its source distribution for the processor at hand
(``GGML_NATIVE``), because the wheels that exist are built for older processors; that takes some minutes once, and needs
a C++ compiler and CMake.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HERE = Path(__file__).parent


class PeerUnavailable(Exception):  # noqa: N818 - said, never swallowed
    """A peer could not be installed or started."""


@dataclass(frozen=True)
class Peer:
    """What has to be installed and which script runs it."""

    name: str
    requirements: tuple[str, ...]
    script: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


LLAMACPP = Peer(
    "llamacpp",
    ("llama-cpp-python==0.3.36",),
    "llamacpp_peer.py",
    environment={"CMAKE_ARGS": "-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DMTMD_BUILD=OFF"},
)
OPENVINO = Peer(
    "openvino",
    ("openvino-genai==2026.4.1.0", "openvino-tokenizers==2026.4.1.0", "numpy"),
    "openvino_peer.py",
    arguments=("--only-binary", ":all:"),
)
GENAI = Peer(
    "genai", ("onnxruntime-genai==0.18.0", "onnxruntime==1.32.0", "numpy"), "genai_peer.py", ("--only-binary", ":all:")
)


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where environments and the source model are kept (XDG base directory specification)."""
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME", "~")).expanduser() / ".cache")
    return Path(base) / "intramural" / "benchmark"


def interpreter(peer: Peer, cache: Path) -> Path:
    """The peer's Python, installed first if need be.

    Raises:
        PeerUnavailable: it cannot be installed; the message ends with what the installer said.
    """
    recipe = json.dumps([peer.requirements, sorted(peer.environment.items()), sys.version_info[:2]])
    folder = cache / f"{peer.name}-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if (folder / ".complete").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    print(f"Installing {', '.join(peer.requirements)} for the comparison (once) …", file=sys.stderr, flush=True)
    cache.mkdir(parents=True, exist_ok=True)
    log = cache / f"{peer.name}.log"
    commands = (
        (sys.executable, "-m", "venv", str(folder)),
        (str(python), "-m", "pip", "install", "--disable-pip-version-check", *peer.arguments, *peer.requirements),
    )
    with log.open("wb") as output:
        for command in commands:
            done = subprocess.run(
                command, stdout=output, stderr=subprocess.STDOUT, check=False, env={**os.environ, **peer.environment}
            )
            if done.returncode:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                message = f"{peer.name} cannot be installed: {' '.join(last)} (log: {log})"
                raise PeerUnavailable(message)
    (folder / ".complete").touch()
    return python


class RunningPeer:
    """A peer's process; stopped (SIGSTOP) while somebody else is measured, so that its threads cannot disturb."""

    def __init__(self, peer: Peer, model: Path, *, threads: int, cache: Path) -> None:
        self.name = peer.name
        self._log = (cache / f"{peer.name}-run.log").open("wb")
        self._process = subprocess.Popen(
            [str(interpreter(peer, cache)), str(HERE / peer.script), str(model), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "ORT_DISABLE_TELEMETRY": "1"},
        )
        self.description = str(self._answer()["ready"])
        self._process.send_signal(signal.SIGSTOP)

    def measure(self, prompt: Sequence[int], steps: int) -> dict[str, float]:
        """Tokens per second of prefill and decode."""
        self._process.send_signal(signal.SIGCONT)
        stdin = self._process.stdin
        if stdin is None:
            raise PeerUnavailable(self.name)
        stdin.write(json.dumps({"prompt": list(prompt), "steps": steps}) + "\n")
        stdin.flush()
        answer = self._answer()
        self._process.send_signal(signal.SIGSTOP)
        return {key: float(value) for key, value in answer.items()}

    def close(self) -> None:
        """End the process."""
        self._process.send_signal(signal.SIGCONT)
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _answer(self) -> dict[str, Any]:
        stdout = self._process.stdout
        while line := stdout.readline() if stdout else "":
            if line.startswith("{"):
                answer: dict[str, Any] = json.loads(line)
                return answer
        message = f"{self.name} ended with status {self._process.wait()} (log: {self._log.name})"
        raise PeerUnavailable(message)
