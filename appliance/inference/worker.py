"""The worker process: verifies and loads one bundle, then serves it until it is told to stop or its parent is gone.

Before it loads what computes, it has the kernel refuse it every socket but Unix ones (``seclusion.py``).
It reports progress as one JSON object per line on standard output: ``{"stage": …}`` while it starts, then
``{"ready": true}``, or ``{"failed": {code, message, cause, action}}`` and exit status 1. Logs go to standard error.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError
from appliance.inference.limits import Device, EngineLimits, ExecutorKind
from appliance.inference.seclusion import close_the_internet
from model_bundle.errors import ModelBundleError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PR_SET_PDEATHSIG: Final = 1
"""prctl(2)."""


@dataclass(frozen=True)
class WorkerOptions:
    """Everything that the worker needs to know; its command line."""

    bundle: Path
    keys: Path
    socket: Path
    prefixes: Path
    limits: EngineLimits = field(default_factory=EngineLimits)
    queue: int = 16
    request_seconds: float = 300.0

    def arguments(self, *, parent: int) -> list[str]:
        """The command line that :func:`parse` reads back."""
        values = {
            "bundle": self.bundle,
            "keys": self.keys,
            "socket": self.socket,
            "prefixes": self.prefixes,
            "threads": self.limits.threads,
            "context-tokens": self.limits.context_tokens,
            "prefill-chunk": self.limits.prefill_chunk,
            "slots": self.limits.slots,
            "drafts": int(self.limits.drafts),
            "device": self.limits.device.value,
            "executor": self.limits.executor.value,
            "queue": self.queue,
            "request-seconds": self.request_seconds,
            "parent": parent,
        }
        return [text for name, value in values.items() for text in (f"--{name}", str(value))]


def parse(arguments: Sequence[str]) -> tuple[WorkerOptions, int]:
    """Options and the process id of the parent (0: none)."""
    parser = argparse.ArgumentParser(prog="python -m appliance.inference.worker", allow_abbrev=False)
    for name in ("bundle", "keys", "socket", "prefixes"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    defaults = WorkerOptions(Path(), Path(), Path(), Path())
    parser.add_argument("--threads", type=int, default=defaults.limits.threads)
    parser.add_argument("--context-tokens", type=int, default=defaults.limits.context_tokens)
    parser.add_argument("--prefill-chunk", type=int, default=defaults.limits.prefill_chunk)
    parser.add_argument("--slots", type=int, default=defaults.limits.slots)
    parser.add_argument("--drafts", type=int, choices=(0, 1), default=int(defaults.limits.drafts))
    parser.add_argument("--device", type=Device, choices=list(Device), default=defaults.limits.device)
    parser.add_argument("--executor", type=ExecutorKind, choices=list(ExecutorKind), default=defaults.limits.executor)
    parser.add_argument("--queue", type=int, default=defaults.queue)
    parser.add_argument("--request-seconds", type=float, default=defaults.request_seconds)
    parser.add_argument("--parent", type=int, default=0)
    given = parser.parse_args(arguments)
    options = WorkerOptions(
        bundle=given.bundle,
        keys=given.keys,
        socket=given.socket,
        prefixes=given.prefixes,
        limits=EngineLimits(
            given.threads,
            given.context_tokens,
            given.prefill_chunk,
            given.slots,
            drafts=bool(given.drafts),
            device=given.device,
            executor=given.executor,
        ),
        queue=given.queue,
        request_seconds=given.request_seconds,
    )
    return options, given.parent


def die_with(parent: int) -> None:
    """Have the kernel end this process when the thread that started it ends; end now if that happened already."""
    if not parent:
        return
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM; the exit status."""
    options, parent = parse(sys.argv[1:] if arguments is None else arguments)
    die_with(parent)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        close_the_internet()
        from appliance.inference.serving import run  # noqa: PLC0415 - its libraries start threads when imported

        run(options, _report)
    except (IntramuralError, ModelBundleError) as error:
        _report({"failed": error.as_dict()})
        return 1
    return 0


def _report(line: Mapping[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
