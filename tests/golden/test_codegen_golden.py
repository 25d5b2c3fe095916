"""Two small apps, file by file, for people to review. The kit is left out: it is copied as it is.

Regenerate after a change that is meant, and read the difference: ``python -m tests.golden.test_codegen_golden``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.codegen.render import KIT, render
from appliance.core.filetree import FileTree
from tests.fixtures.generated_apps import blueprint

GOLDEN = Path(__file__).parent / "codegen"
APPS = ("visitor_sign_in", "repair_desk")
"""Lists and dashboards; and everything that an app does by itself."""


def emitted(name: str) -> dict[str, bytes]:
    return {path: content for path, content in render(blueprint(name)) if "/kit/" not in path}


@pytest.mark.parametrize("name", APPS)
def test_the_emitted_files_are_those_that_were_reviewed(name):
    folder = GOLDEN / name
    reviewed = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    made = emitted(name)
    assert sorted(made) == sorted(reviewed)
    for path, content in made.items():
        assert content.decode() == reviewed[path].decode(), path


def test_the_kit_is_copied_whole():
    tree = render(blueprint("visitor_sign_in"))
    kit = {
        path.relative_to(KIT).as_posix()
        for path in KIT.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {path.split("/kit/")[1] for path, _ in tree if "/kit/" in path} == kit
    assert not any(b"from appliance" in content for path, content in tree if path.endswith(".py"))


if __name__ == "__main__":
    for app in APPS:
        shutil.rmtree(GOLDEN / app, ignore_errors=True)
        FileTree(emitted(app)).write_to(GOLDEN / app)
