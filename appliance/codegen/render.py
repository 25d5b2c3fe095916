"""Blueprint to project: the same blueprint always gives the same bytes."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from ruff.__main__ import find_ruff_bin  # type: ignore[import-untyped]

from appliance.blueprint.model import Blueprint
from appliance.blueprint.printer import to_text
from appliance.codegen.emit import (
    access,
    api_tests,
    app,
    behaviour,
    behaviour_tests,
    deployment,
    models,
    pages,
    project,
    tests,
)
from appliance.codegen.emit.api import ApiCode
from appliance.codegen.emit.custom import CustomCode
from appliance.codegen.emit.logic import Conditions
from appliance.codegen.emit.names import Names
from appliance.codegen.errors import RenderError
from appliance.contract.binding import Contract
from appliance.core.filetree import FileTree

KIT: Final = Path(__file__).parent / "kit"
FORMAT_SECONDS: Final = 60
NO_CODE: Final[Mapping[str, str]] = MappingProxyType({})


def render(blueprint: Blueprint, code: Mapping[str, str] = NO_CODE, contract: Contract | None = None) -> FileTree:
    """The project of an app (``docs/app-contract.md``): formatted, typed, self-contained.

    ``code``: functions and fragments of custom places, by the place's key; a place without any is left empty.
    ``contract``: the app also serves this API.

    Raises:
        RenderError: two names would get the same address, the contract needs what the blueprint does not have, or the
            formatter is not there or refuses.
    """
    names = Names(blueprint)
    custom = CustomCode(names, code)
    package = names.package
    conditions = Conditions(names)
    python = {
        f"{package}/__init__.py": "",
        f"{package}/__main__.py": app.main_module(names),
        f"{package}/app.py": app.app_module(names, api=contract is not None),
        f"{package}/models.py": models.models_module(names),
        f"{package}/access.py": access.access_module(names),
        f"{package}/pages.py": pages.pages_module(names, conditions),
        f"{package}/behaviour.py": behaviour.behaviour_module(names, conditions, custom),
        f"{package}/examples.py": app.examples_module(names),
        f"{package}/routes/__init__.py": "",
        f"{package}/routes/all.py": app.routes_index(names),
        "tests/conftest.py": tests.conftest(names),
        "tests/test_app.py": tests.test_app(names),
    }
    if behaviour_tests.wanted(names):
        python["tests/test_behaviour.py"] = behaviour_tests.test_behaviour(names)
    python[f"{package}/logic.py"] = custom.module(conditions.module())
    if custom.tested:
        python["tests/test_logic.py"] = custom.tests()
    if contract is not None:
        api = ApiCode(names, contract.binding, code)
        for name, text in api.modules().items():
            python[f"{package}/{name}.py"] = text
        python["tests/test_api.py"] = api_tests.test_api(names, contract.binding, api.written)
    for entity in blueprint.entities:
        python[f"{package}/routes/{names.modules[entity.name]}.py"] = app.route_module(names, entity)
    files = {path: text.encode() for path, text in _formatted(python, project.pyproject(names)).items()}
    files |= {
        "pyproject.toml": project.pyproject(names, api=contract is not None).encode(),
        "README.md": project.readme(names, contract.binding if contract is not None else None).encode(),
        "blueprint.app": to_text(blueprint).encode(),
        "Dockerfile": deployment.dockerfile(names).encode(),
        "compose.yaml": deployment.compose(names).encode(),
        ".dockerignore": deployment.DOCKERIGNORE.encode(),
        f"{package}/static/app.css": project.app_css(names).encode(),
        f"{package}/static/icon.svg": project.icon(names).encode(),
        f"{package}/templates/README.md": project.TEMPLATES_NOTE.encode(),
    }
    files |= {f"{package}/{path}": text.encode() for path, text in custom.templates().items()}
    if contract is not None:
        files |= contract.files()
    files |= {f"{package}/kit/{path}": content for path, content in _kit().items()}
    return FileTree(files)


@cache
def _kit() -> dict[str, bytes]:
    """The files that are copied as they are; their imports are relative."""
    return {
        path.relative_to(KIT).as_posix(): path.read_bytes()
        for path in sorted(KIT.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _formatted(sources: dict[str, str], configuration: str) -> dict[str, str]:
    """The sources in ruff's format, imports sorted, unused ones removed: two runs over all files at once."""
    with tempfile.TemporaryDirectory(prefix="render-") as folder:
        root = Path(folder)
        (root / "pyproject.toml").write_text(configuration, encoding="utf-8")
        for path, text in sources.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        for arguments in (["check", "--select", "I,F401", "--fix", "--quiet"], ["format", "--quiet"]):
            _ruff(arguments, root)
        return {path: (root / path).read_text(encoding="utf-8") for path in sources}


def _ruff(arguments: list[str], root: Path) -> None:
    try:
        done = subprocess.run(
            [find_ruff_bin(), *arguments, "--no-cache", "."],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=FORMAT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = "The generated code could not be formatted."
        raise RenderError(message, cause=str(error), action="Install ruff beside the appliance.") from error
    if done.returncode != 0:
        message = "The generated code was refused by the formatter."
        raise RenderError(message, cause=(done.stdout + done.stderr)[-2000:], action="Report this blueprint.")
