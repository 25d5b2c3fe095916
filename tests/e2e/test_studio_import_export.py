"""A table handed in becomes a running app with its rows; the app leaves again as one archive. Real parts throughout."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import time
import zipfile

import pytest

from appliance.core.errors import IntramuralError
from appliance.db.records import BuildState
from appliance.importer.errors import ImportRefused
from appliance.importer.grid import Source
from appliance.importer.proposal import ColumnDecision, ColumnType, Decisions
from appliance.studio.errors import NotFound
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.studio import UWE, maker, running
from tests.unit.test_importer_reading import workbook

pytestmark = pytest.mark.sandbox
SECONDS = 120
SUPPLIERS = [["Supplier ID", "Name"], *([f"S{n}", f"Supplier {n} =1+1"] for n in range(5))]
ORDERS = [
    ["Order no", "Supplier", "Amount (€)", "Paid", "Due"],
    *([f"O{n}", f"S{n % 5}", f"{n},50", "ja" if n % 2 else "nein", f"{n + 1:02}.12.2026"] for n in range(12)),
    ["O77", "S99", "1,00", "ja", "01.12.2026"],
    ["O78", "S1", "9999999999999,00", "ja", "02.12.2026"],
]
FILE = Source("Orders 2026.xlsx", workbook(Orders=ORDERS, Suppliers=SUPPLIERS))


@pytest.fixture(scope="module")
def appliance():
    with running(ScriptedPlanner()) as made:
        yield made


def finished(appliance, build):
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        found = appliance.studio.builds.get(build.id)
        if found.state.final:
            assert found.state is BuildState.DONE, found.error
            return found
        time.sleep(0.1)
    raise AssertionError("the build does not end")


@pytest.fixture(scope="module")
def made(appliance):
    """The app of the file, and what was said about it on the way."""
    imports = appliance.transfers.imports
    taken = imports.take(maker(), [FILE])
    said = Decisions(columns={(0, 0): ColumnDecision(type=ColumnType.TEXT)})
    proposed = imports.decide(maker(), taken.draft.id, said)
    assert [row.number for row in proposed.proposal.tables[0].bad] == [14]
    build = finished(appliance, imports.create(maker(), taken.draft.id))
    return appliance.studio.projects.get(build.project_id), build


def test_the_rows_are_in_the_app_and_those_that_do_not_fit_are_kept(appliance, made):
    project, build = made
    report = appliance.transfers.imports.report(maker(), project.id)
    orders = next(table for table in report.tables if table.name == "Order")
    suppliers = next(table for table in report.tables if table.name == "Supplier")
    assert (suppliers.added, suppliers.left_out) == (5, 0)
    assert (orders.added, orders.left_out) == (12, 2)
    whys = dict(orders.reasons)
    assert "S99" in whys[14]
    assert "too large" in whys[15]  # what the table's reader takes, the app itself may refuse
    kept = appliance.transfers.imports.left_out(maker(), project.id, orders.number).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(kept)))
    assert rows[0][:5] == ORDERS[0]
    assert [row[0] for row in rows[1:]] == ["O77", "O78"]
    texts = [event.data.get("text") for event in appliance.studio.events.after(build.id, 0) if event.type == "finding"]
    assert any("17 rows of your table" in str(text) for text in texts), texts


def test_nobody_else_sees_the_draft_the_report_or_the_archive(appliance, made):
    project, _ = made
    draft = appliance.transfers.imports.take(maker(), [FILE]).draft
    for look in (
        lambda: appliance.transfers.imports.look(maker(UWE), draft.id),
        lambda: appliance.transfers.imports.report(maker(UWE), project.id),
        lambda: appliance.transfers.imports.left_out(maker(UWE), project.id, 1),
        lambda: appliance.transfers.exports.export(maker(UWE), project.id),
        lambda: appliance.transfers.imports.look(maker(), "imp_../../etc"),
    ):
        with pytest.raises(NotFound):
            look()
    appliance.transfers.imports.discard(maker(), draft.id)
    with pytest.raises(NotFound):
        appliance.transfers.imports.look(maker(), draft.id)


def test_a_question_must_be_answered_before_the_app_is_made(appliance):
    source = Source("t.csv", b"Name,Due\na,03/04/2026\nb,05/06/2026\n")
    draft = appliance.transfers.imports.take(maker(), [source]).draft
    with pytest.raises(ImportRefused, match="two ways"):
        appliance.transfers.imports.create(maker(), draft.id)
    assert appliance.transfers.imports.look(maker(), draft.id).draft.sources == (source,)


def test_people_who_make_no_apps_hand_in_no_tables(appliance):
    from appliance.studio.people import Actor

    with pytest.raises(IntramuralError, match="reserved for makers"):
        appliance.transfers.imports.take(Actor(UWE, maker=False), [FILE])


def test_the_archive_holds_code_records_and_history_and_leaving_is_on_record(appliance, made, tmp_path):
    project, _ = made
    archive = appliance.transfers.exports.export(maker(), project.id)
    with zipfile.ZipFile(archive.path) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path)
    root = tmp_path / archive.name.removesuffix(".zip")
    assert {"pyproject.toml", "Dockerfile", "compose.yaml", "README.md", "blueprint.app", "history.bundle"} <= {
        path.name for path in root.iterdir()
    }
    rows = [json.loads(line) for line in (root / "data/tables/order.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 12
    assert rows[0]["amount"] == 50  # cents
    assert not list(root.glob("data/tables/_accounts*"))
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(root / "history.bundle"), str(clone)], check=True)
    assert (clone / "blueprint.app").read_bytes() == (root / "blueprint.app").read_bytes()
    leaves = [leaf for _, leaf in appliance.audit.leaves()]
    assert [leaf.event for leaf in leaves if leaf.event in {"data.imported", "app.exported"}]
    archive.remove()
    assert not archive.path.exists()
    assert not list(archive.path.parent.glob("*"))
