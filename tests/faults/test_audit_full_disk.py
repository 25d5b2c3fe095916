"""On a full disk nothing is lost, administration goes on, everybody else is told what the operator must do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.audit_cases import acknowledged, key_of, prove, verify

FILLER = Path(__file__).parent / "audit_disk_filler.py"
pytestmark = pytest.mark.sandbox


def on_small_disk(folder: Path, script: str) -> str:
    """Run ``script`` with a file system of 4 MiB at ``$1``; ``$run`` starts the program; the log is copied out."""
    key_of(folder)
    small = folder / "small"
    small.mkdir()
    mount = ["bwrap", "--bind", "/", "/", "--dev-bind", "/dev", "/dev", "--size", str(4 << 20), "--tmpfs", str(small)]
    prelude = f'run="{sys.executable} {FILLER} $1/audit {folder}/keys/audit.json"; '
    done = subprocess.run(
        [*mount, "sh", "-ec", f'{prelude}{script}; cp -r "$1/audit" {folder}/audit', "sh", str(small)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def kept(folder: Path, output: str) -> None:
    """Every promise in ``output`` was kept."""
    key = key_of(folder)
    verify(folder, key)
    assert len(acknowledged(output)) > 9
    prove(folder, key, acknowledged(output))
    verify(folder, key)


def test_administration_goes_on_and_everything_does_again_with_space(tmp_path: Path) -> None:
    output = on_small_disk(tmp_path, "$run")
    lines = output.splitlines()
    assert lines[0] == "open everything"
    (refusal,) = [line for line in lines if line.startswith("refused ")]
    assert refusal.startswith("refused audit_disk_full Free at least")
    (state,) = [line for line in lines if line.startswith("state ")]
    assert state.startswith("state administration The disk that holds the audit log is full")
    assert lines[-2:] == ["recovered ok", "closed"]
    kept(tmp_path, output)


def test_the_end_of_the_reserve_refuses_administration_but_no_outcome(tmp_path: Path) -> None:
    output = on_small_disk(tmp_path, "$run exhaust")
    assert "exhausted True True" in output
    assert output.endswith("recovered ok\nclosed\n")
    kept(tmp_path, output)


def test_a_start_on_a_full_disk_recovers_and_lets_administration_in(tmp_path: Path) -> None:
    """The first run crashes on the full disk; the second finds it as full as before, minus what the log itself held."""
    output = on_small_disk(tmp_path, "$run crash; $run")
    assert output.count("open ") == 2
    assert output.endswith("recovered ok\nclosed\n")
    kept(tmp_path, output)
