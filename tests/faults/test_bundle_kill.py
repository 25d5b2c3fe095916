"""Preparing a model is killed (SIGKILL) at many moments; a later run must succeed, and never trust a half."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from model_bundle.build.default_model import LOCK_NAME, prepare_bundle
from model_bundle.trust_root import read_trust_root
from model_bundle.verify import verify
from tests.fixtures.tiny_distribution import local_index, tiny_distribution

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 2

PROGRAM = """
import os
import sys
from pathlib import Path
import pytest
from model_bundle.build.default_model import prepare_bundle
from tests.fixtures.tiny_distribution import local_index, tiny_distribution

root = Path(sys.argv[1])
model = tiny_distribution(root / f"index-{os.getpid()}")
print("ready", flush=True)
prepare_bundle(model, root / "bundles", root / "downloads", root / "keys", environment=local_index(root / "index"),
               on_progress=lambda progress: print(progress.phase, progress.done, flush=True))
"""


@pytest.mark.parametrize("phase", ["ready", "obtain", "join", "convert", "verify"])
def test_killed_in_any_phase_a_later_run_finishes(phase: str, tmp_path: Path) -> None:
    model = tiny_distribution(tmp_path / "index")
    bundles, downloads, keys = (tmp_path / name for name in ("bundles", "downloads", "keys"))
    if phase not in ("ready", "obtain"):
        # pip's work is done: these kills are about what follows.
        shutil.copytree(tmp_path / "index", downloads)
    chance = random.Random(phase)  # noqa: S311 - moments to kill at, repeatable
    for _ in range(KILLS):
        _run_and_kill(tmp_path, phase, skip=chance.randrange(0, 6), pause=chance.uniform(0, 0.03))
        if (bundles / model.folder_name).exists():
            # Whatever has the final name is whole.
            verify(bundles / model.folder_name, read_trust_root(keys))
    bundle = prepare_bundle(model, bundles, downloads, keys, environment=local_index(tmp_path / "index"))
    assert bundle.manifest.provenance.source_file_sha256 == model.sha256
    assert {path.name for path in bundles.iterdir()} == {model.folder_name, LOCK_NAME}
    assert list(downloads.iterdir()) == []


def _run_and_kill(root: Path, phase: str, *, skip: int, pause: float) -> None:
    """Kill a run ``pause`` seconds after it has reported ``phase`` and ``skip`` lines more, or has gone on from it."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(root)], stdout=subprocess.PIPE, text=True)
    seen, left = False, skip
    if process.stdout is None:
        return
    with process.stdout:
        for line in process.stdout:
            seen, left = seen or line.startswith(phase), left - seen
            if seen and (left <= 0 or not line.startswith(phase)):
                break
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
