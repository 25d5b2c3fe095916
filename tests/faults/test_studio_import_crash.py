"""Rows of an import survive a crash at any point, are never loaded twice, and stay on file when loading fails."""

from __future__ import annotations

import importlib
import json

import pytest

from tests.fixtures.generated_apps import blueprint, served

ROWS = [
    {"row": 2, "values": {"name": "Scope"}},
    {"row": 3, "values": {"name": "Scope two", "serial": "S1"}},
    {"row": 4, "values": {"serial": "S1"}},
]


@pytest.fixture
def app(tmp_path):
    with served(blueprint("equipment_loans"), tmp_path, examples=False) as made:
        yield made


def prepared(folder, name="bld_1"):
    folder.mkdir(exist_ok=True)
    told = {
        "import": name,
        "as": {"subject": "maya", "name": "Maya", "email": "maya@example.com"},
        "tables": [{"table": "item", "file": "0.jsonl", "refs": {}}],
    }
    (folder / "import.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "0.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return folder


def parts(app):
    runtime = app.client.app.state["runtime"]
    package = type(runtime).__module__.rpartition(".")[0]
    return runtime, importlib.import_module(f"{package}.importing"), importlib.import_module(f"{package}.transfer")


def test_a_crash_after_the_rows_were_kept_does_not_load_them_twice(app, tmp_path):
    runtime, importing, _ = parts(app)
    folder = prepared(tmp_path / "exchange")
    first = importing.import_folder(runtime, folder)
    assert first == {"added": 2, "refused": 1}
    assert importing.import_folder(runtime, folder) == first  # the run that asks again after a crash
    assert app.owner.get("/item/export.csv").text.count("Scope") == 2


def test_a_crash_before_the_rows_were_kept_leaves_a_report_that_the_next_run_replaces(app, tmp_path):
    runtime, importing, _ = parts(app)
    folder = prepared(tmp_path / "exchange")
    (folder / "report.json").write_text('{"import": "bld_1", "tables": {"item": {"added": 99, "refused": []}}}')
    assert importing.import_folder(runtime, folder) == {"added": 2, "refused": 1}


def test_rows_are_not_mixed_with_those_of_people(app, tmp_path):
    runtime, importing, transfer = parts(app)
    app.owner.post("/item/new", {"name": "Mine"})
    with pytest.raises(transfer.TransferRefused, match="records already"):
        importing.import_folder(runtime, prepared(tmp_path / "exchange"))


@pytest.mark.parametrize("damage", ["import.json", "0.jsonl"])
def test_damaged_files_load_nothing_at_all(app, tmp_path, damage):
    runtime, importing, transfer = parts(app)
    folder = prepared(tmp_path / "exchange")
    path = folder / damage
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    with pytest.raises(transfer.TransferRefused):
        importing.import_folder(runtime, folder)
    assert "Scope" not in app.owner.get("/item/export.csv").text
    assert not (folder / "report.json").exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "tables/item.jsonl").write_text("{}\n{"),
        lambda folder: (folder / "tables/item.jsonl").write_text(""),
        lambda folder: next((folder / "files").iterdir()).write_bytes(b"short"),
        lambda folder: (folder / "manifest.json").write_text(
            (folder / "manifest.json").read_text(encoding="utf-8").replace('"app": "', '"app": "Not '), encoding="utf-8"
        ),
    ],
)
def test_a_damaged_export_is_loaded_wholly_or_not(app, tmp_path, damage):
    photo = {"photo": ("a.png", b"\x89PNG\r\n\x1a\n" + bytes(40), "image/png")}
    assert app.owner.post("/item/new", {"name": "Scope"}, files=photo).status_code == 303
    runtime, _, transfer = parts(app)
    transfer.dump(runtime, tmp_path / "out")
    damage(tmp_path / "out")
    with served(blueprint("equipment_loans"), tmp_path / "other", examples=False) as other:
        runtime, _, transfer = parts(other)
        with pytest.raises(transfer.TransferRefused):
            transfer.load(runtime, tmp_path / "out")
        assert "Scope" not in other.owner.get("/item/export.csv").text


def test_a_folder_that_exists_is_not_written_over(app, tmp_path):
    runtime, _, transfer = parts(app)
    with pytest.raises(transfer.TransferRefused, match="exists already"):
        transfer.dump(runtime, tmp_path)
