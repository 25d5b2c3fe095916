"""What an app dumps comes back as it was, whatever kinds of fields and records it has."""

from __future__ import annotations

import importlib

import pytest

from tests.fixtures.generated_apps import blueprint, served


def parts(app):
    runtime = app.client.app.state["runtime"]
    return runtime, importlib.import_module(f"{type(runtime).__module__.rpartition('.')[0]}.transfer")


def written(folder):
    """Every file of a dump with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["equipment_loans", "every_kind", "repair_desk"])
def test_a_dump_that_is_loaded_dumps_the_same(name, tmp_path):
    made = blueprint(name)
    with served(made, tmp_path / "first") as app:
        runtime, transfer = parts(app)
        if name == "repair_desk":
            room = app.owner.post("/room/new", {"name": "R1"}).headers["location"].rpartition("/")[2]
            app.owner.post("/job/new", {"title": "Lamp", "room": room})
        done = transfer.dump(runtime, tmp_path / "out")
        assert done.rows > 0
    with served(made, tmp_path / "second", examples=False) as app:
        runtime, transfer = parts(app)
        assert transfer.load(runtime, tmp_path / "out").rows == done.rows
        transfer.dump(runtime, tmp_path / "again")
        assert written(tmp_path / "again") == written(tmp_path / "out")
        for entity in made.entities:
            slug = entity.name.lower().replace(" ", "-")
            assert app.owner.get(f"/{slug}").status_code == 200
        if name == "repair_desk":
            address = app.owner.post("/job/new", {"title": "Desk", "room": room}).headers["location"]
            number = int(address.rpartition("/")[2])
            assert f"JOB-{number:04}" in app.owner.get(address).text  # ids and numbers go on where they were
