"""Custom code through the real studio and sandbox: written, kept, renamed, protected, tried again, and done without."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from appliance.blueprint.behaviour import Part
from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import AddCase, AddCustom, Describe, EditRefused, Protect, RenameField, SetApp
from appliance.blueprint.model import Scalar
from appliance.blueprint.parser import parse
from appliance.blueprint.places import places
from appliance.blueprint.printer import to_text
from appliance.codegen.custom.write import Coder, Status, Written
from appliance.codegen.emit.custom import read_back
from appliance.db.records import BuildState
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.studio.code_service import CodeProtected
from appliance.studio.errors import NotFound
from tests.e2e.test_revisions_studio import accept, finished
from tests.fakes.generator import FakeGenerator
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner
from tests.fixtures.studio import maker, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.app import Appliance
    from appliance.blueprint.places import Place

pytestmark = pytest.mark.sandbox
GOOD = '    return f"{day.year}-{title[:3].upper()}"'
BAD = '    return f"{day.year}"'
PLACE = AddCustom("Note", "short", Scalar.TEXT, ("day", "title"), "The year and three letters of the title in capitals")
CASE = AddCase('Note.short: 2026-11-30, "Oil leak" gives "2026-OIL"')


WITH_PLACE = to_text(apply_all(parse(SHIFTS), [PLACE, CASE]))


@contextmanager
def appliance_with(generator: FakeGenerator) -> Iterator[Appliance]:
    with running(ScriptedPlanner([WITH_PLACE]), coder=Coder(generator, BubblewrapSandbox())) as made:
        yield made


def code_of(appliance: Appliance, app_id: str) -> dict[str, str]:
    project = appliance.studio.projects.get(app_id)
    assert project is not None
    version = appliance.studio.projects.version(app_id, project.current or 0)
    assert version is not None
    tree = appliance.studio.versions.read(app_id, version.commit)
    return read_back(tree, parse(dict(tree.files)["blueprint.app"].decode()))


def told(appliance: Appliance, build_id: str, kind: str) -> list[dict[str, object]]:
    return [dict(event.data) for event in appliance.studio.events.after(build_id, 0) if event.type == kind]


def change(appliance: Appliance, app_id: str, *edits: object) -> str:
    proposal = appliance.studio.revisions.propose_edits(maker(), app_id, list(edits))  # type: ignore[arg-type]
    return accept(appliance, proposal).id


def test_the_life_of_a_function() -> None:
    generator = FakeGenerator([BAD, GOOD])
    with appliance_with(generator) as appliance:
        build = finished(appliance, appliance.studio.build_service.submit(maker(), "Handover notes between shifts."))
        app_id = build.project_id

        # Written, at the second attempt, and on record.
        (said,) = told(appliance, build.id, "code.written")
        assert (said["status"], said["attempts"]) == ("written", 2)
        assert "title[:3].upper()" in code_of(appliance, app_id)["Note.short"]
        assert len([item for item in told(appliance, build.id, "check") if item["stage"] == "code"]) == 3

        # Kept without the model under other names; what cannot be written is said, and the app stands without it.
        wrong = '    return "x"'
        generator.texts.extend([wrong, wrong])
        extra = AddCustom("Machine", "tag", Scalar.TEXT, ("name",), "Three letters, for example Press 1 gives PRE")
        build_id = change(
            appliance, app_id, RenameField("Note", "title", "headline"), Protect(Part.CUSTOM, "Note.short"), extra
        )
        assert [item["status"] for item in told(appliance, build_id, "code.written")] == ["refused", "kept"]
        (note,) = told(appliance, build_id, "note")
        assert "Machine.tag has no code yet, so it stays empty" in str(note["text"])
        assert code_of(appliance, app_id).keys() == {"Note.short"}
        assert "headline[:3].upper()" in code_of(appliance, app_id)["Note.short"]

        # It is not tried again by itself, but when the maker asks; never where it is protected.
        with pytest.raises(CodeProtected):
            appliance.studio.code.again(maker(), app_id, "Note.short")
        with pytest.raises(NotFound):
            appliance.studio.code.again(maker(), app_id, "Note.nothing")
        build_id = change(appliance, app_id, SetApp("colour", "red"))
        assert "not written last time" in str(told(appliance, build_id, "code.written")[0]["problem"])
        generator.texts.append("    return name[:3].upper()")
        again = finished(appliance, appliance.studio.code.again(maker(), app_id, "Machine.tag"))
        assert again.state is BuildState.DONE, again.error
        assert code_of(appliance, app_id).keys() == {"Note.short", "Machine.tag"}


class Leaky:
    """Writes what the grammar lets a model write, in the end with a secret in it."""

    def __init__(self, secret: str) -> None:
        self.secret, self.leaks = secret, False
        self.coder = Coder(FakeGenerator([GOOD]), BubblewrapSandbox())

    def keep(self, place: Place, source: str) -> Written:
        return self.coder.keep(place, source)

    def write(self, place: Place, *, on_text: Callable[[str], None]) -> Written:
        if not self.leaks:
            return self.coder.write(place, on_text=on_text)
        source = f'def tag(name):\n    return "password: {self.secret}"[:3] + name\n'
        return Written(place.key, Status.WRITTEN, source, 1, (), "")


def test_a_secret_in_written_code_is_kept_nowhere_and_the_version_before_stays() -> None:
    secret = "Winter2026!kq"
    coder = Leaky(secret)
    with running(ScriptedPlanner([WITH_PLACE]), coder=coder) as appliance:
        build = finished(appliance, appliance.studio.build_service.submit(maker(), "Handover notes between shifts."))
        app_id = build.project_id
        coder.leaks = True
        extra = AddCustom("Machine", "tag", Scalar.TEXT, ("name",), "Three letters, for example Press 1 gives PRE")
        proposal = appliance.studio.revisions.propose_edits(maker(), app_id, [extra])
        failed = finished(appliance, appliance.studio.revisions.accept(maker(), app_id, proposal.id))
        assert failed.state is BuildState.FAILED
        assert "would hold" in str(failed.error)
        project = appliance.studio.projects.get(app_id)
        assert project is not None
        assert project.current == 1
        assert code_of(appliance, app_id).keys() == {"Note.short"}
        screened = [leaf for _, leaf in appliance.audit.leaves() if leaf.event == "dlp.text_screened"]
        assert (screened[0].details["place"], screened[0].details["kinds"]) == ("output", {"SECRET": 1})
        written = [leaf.result for _, leaf in appliance.audit.leaves() if leaf.event == "code.written"]
        assert written == [None, "done", None, "refused"]
        files = [path for path in sorted(appliance.settings.home.rglob("*")) if path.is_file()]
        assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_without_a_model_the_app_works_without_code() -> None:
    text = SHIFTS.replace("  settled boolean\n", '  settled boolean\n  short text custom(title) "Three letters"\n')
    with running(ScriptedPlanner([text])) as appliance:
        build = finished(appliance, appliance.studio.build_service.submit(maker(), "Handover notes between shifts."))
        assert build.state is BuildState.DONE, build.error
        assert "there is no model here" in str(told(appliance, build.id, "note")[0]["text"])


def test_edits_of_places_are_refused_where_they_cannot_be_meant() -> None:
    from appliance.blueprint.edit import apply_all

    shifts = apply_all(parse(SHIFTS), [PLACE, CASE])
    assert [place.key for place in places(shifts)] == ["Note.short"]
    for edit in (
        AddCase("Note.short: 1 gives 2"),
        AddCase("Note.title: 1 gives 2"),
        Describe("Note.short", ""),
        Describe("Note.gone", "x"),
        Protect(Part.CUSTOM, "Note.gone"),
        AddCustom("Note", "other", Scalar.TEXT, ("machine",), "From a reference"),
        AddCustom("Note", "short", Scalar.TEXT, ("title",), "There already"),
    ):
        with pytest.raises(EditRefused):
            apply_all(shifts, [edit])
