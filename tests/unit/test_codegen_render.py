"""Rendering: the same bytes each time, the contract's tree, clean under the project's own tools."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ruff.__main__ import find_ruff_bin

from appliance.blueprint import naming
from appliance.blueprint.model import Blueprint, Entity, Field, Scalar
from appliance.codegen.errors import RenderError
from appliance.codegen.render import render
from tests.fixtures.generated_apps import ALL, REALISTIC, blueprint, served


@pytest.mark.parametrize("name", ALL)
def test_the_same_blueprint_gives_the_same_bytes(name):
    made = blueprint(name)
    tree = render(made)
    assert tree.digest() == render(made).digest()
    package = naming.package_name(made.name)
    for path in ("__main__.py", "app.py", "models.py", "access.py", "logic.py", "static/app.css", "kit/serve.py"):
        assert f"{package}/{path}" in tree.files
    assert {"pyproject.toml", "README.md", "blueprint.app", "tests/test_app.py"} <= set(tree.files)


@pytest.mark.parametrize("name", ["every_kind", "supplier_complaints"])
def test_the_project_is_clean_under_its_own_tools(name, tmp_path):
    render(blueprint(name)).write_to(tmp_path)
    for command in (
        [find_ruff_bin(), "check", "--no-cache", "."],
        [find_ruff_bin(), "format", "--check", "--no-cache", "."],
        [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache")],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_projects_own_tests_pass(tmp_path):
    render(blueprint("every_kind")).write_to(tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(tmp_path)}
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_the_projects_own_tests_see_a_wrong_access_table(tmp_path):
    render(blueprint("visitor_sign_in")).write_to(tmp_path)
    access = tmp_path / "visitor_sign_in_app" / "access.py"
    text = access.read_text().replace('"Host": Grant(create=ALL, read=OWN)', '"Host": Grant(create=ALL)')
    assert text != access.read_text()
    access.write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PYTHONPATH": str(tmp_path)}
    )
    assert done.returncode == 1


@pytest.mark.parametrize("names", [("Static",), ("Healthz",), ("Café", "Cafe")])
def test_addresses_that_clash_are_refused(names):
    entities = tuple(Entity(name, (Field("a", Scalar.TEXT),)) for name in names)
    with pytest.raises(RenderError) as caught:
        render(Blueprint("App", "", (), entities))
    assert caught.value.action


@pytest.mark.parametrize("name", REALISTIC)
def test_examples_fill_an_empty_database_once(name, tmp_path):
    made = blueprint(name)
    with served(made, tmp_path) as app:
        for entity in made.entities:
            wanted = sum(example.entity == entity.name for example in made.examples)
            page = app.owner.get(f"/{naming.slug(entity.name)}").text
            assert page.count("data-row-id") == wanted, entity.name
    with served(made, tmp_path) as app:
        entity = made.entities[0]
        wanted = sum(example.entity == entity.name for example in made.examples)
        assert app.owner.get(f"/{naming.slug(entity.name)}").text.count("data-row-id") == wanted
