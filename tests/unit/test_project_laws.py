"""The laws of the project's layout: import contracts, empty packages, short files, no stray names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("appliance", "model_bundle", "installer")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tool(*command: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / command[0]
    return subprocess.run([str(program), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_point_down() -> None:
    done = tool("lint-imports")
    assert done.returncode == 0, done.stdout


def test_types_are_strict() -> None:
    done = tool("mypy")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=["lint", "format"])
def test_ruff_is_clean(command: tuple[str, ...]) -> None:
    done = tool("ruff", *command, ".")
    assert done.returncode == 0, done.stdout


def test_packages_are_empty_at_their_door() -> None:
    assert [path for path in SOURCES if path.name == "__init__.py" and path.stat().st_size] == []


def test_no_module_is_called_utils() -> None:
    assert [path for path in SOURCES if path.stem in {"utils", "helpers", "misc"}] == []


def test_files_stay_short() -> None:
    assert [str(path) for path in SOURCES if len(path.read_text().splitlines()) > 320] == []


def test_ci_runs_what_the_readme_says() -> None:
    assert "./intramural test" in (ROOT / ".ci" / "run").read_text()
    readme = (ROOT / "README.md").read_text()
    assert "./intramural test" in readme
    assert "./intramural demo" in readme
