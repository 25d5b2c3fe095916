"""From a prompt to its erasure, through the whole appliance: afterwards the words are nowhere in the home folder."""

from __future__ import annotations

import contextlib
import json
import time
import zlib
from typing import TYPE_CHECKING

import pytest

from appliance.audit.errors import BodyErased
from appliance.audit.keys import vkeys_path
from appliance.audit.verify import verify_log
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.core.ports import Person, SealedRef
from appliance.core.private_files import write_private
from appliance.db.records import Build, BuildState
from appliance.studio.conversation import Turn
from appliance.studio.people import Actor
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner
from tests.fixtures.studio import running, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.app import Appliance

pytestmark = pytest.mark.sandbox
NORA = Person("sub-nora", "Nora Quincewright", "nora.quincewright@intramural.example")
PAUL = Person("sub-paul", "Paul", "paul@intramural.example")
WORDS = "Handover notes for the xylophone-of-quince, which Nora keeps to herself"
BEFORE = "Nothing of the kumquat-of-brass should stay either"


@pytest.fixture(scope="module")
def appliance() -> Iterator[Appliance]:
    with running(ScriptedPlanner([SHIFTS])) as made:
        yield made


def wait(appliance: Appliance, build: Build) -> Build:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = appliance.studio.builds.get(build.id)
        if found is not None and found.state.final:
            return found
        time.sleep(0.05)
    pytest.fail("the build did not end")


def places(home: Path, *words: str) -> list[str]:
    """Every file below ``home`` that holds one of the words, as it is or after inflating (git objects)."""
    found = []
    for path in home.rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        with contextlib.suppress(zlib.error):
            content += zlib.decompress(content)
        found += [f"{path.relative_to(home)}: {word}" for word in words if word.encode().lower() in content.lower()]
    return found


def sealed(appliance: Appliance, event: Event, name: str) -> list[SealedRef]:
    leaves = [leaf for _, leaf in appliance.audit.leaves() if leaf.event == event and name in leaf.details]
    return [SealedRef(**leaf.details[name]) for leaf in leaves]  # type: ignore[arg-type]


def test_words_are_sealed_and_erased_everywhere(appliance: Appliance) -> None:
    home, studio = appliance.settings.home, appliance.studio
    nora = Actor(NORA, maker=True)
    sign_in(appliance, NORA, "maker")
    refused = Actor(NORA, maker=False)
    with pytest.raises(Exception, match="reserved for makers"):
        studio.build_service.submit(refused, BEFORE)
    build = wait(appliance, studio.build_service.submit(nora, WORDS))
    assert build.state is BuildState.DONE
    other = wait(appliance, studio.build_service.submit(Actor(PAUL, maker=True), "Paul's own words"))

    prompts = sealed(appliance, Event.PROMPT_SUBMITTED, "body")
    open_body = appliance.privacy.open_body
    opened = [open_body(one, principal="user:auditor", purpose="test").body for one in prompts]
    assert opened == [BEFORE.encode(), WORDS.encode(), b"Paul's own words"]
    (blueprint, _) = sealed(appliance, Event.BUILD_STARTED, "blueprint")
    assert open_body(blueprint, principal="user:auditor", purpose="test").body.decode() == SHIFTS
    (code, _) = sealed(appliance, Event.VERSION_COMMITTED, "code")
    assert b"blueprint.app" in zlib.decompress(open_body(code, principal="user:auditor", purpose="test").body)
    assert places(home / "audit", "xylophone", "kumquat") == []
    assert places(home / "vault", "xylophone", "kumquat") == []
    assert places(home / "apps", "xylophone", "kumquat", "quincewright") == []
    assert places(home, "xylophone") != []  # the working database, for Nora's own screen

    proposals = appliance.studio.versions.folder(build.project_id) / "proposals"
    for author in (NORA, PAUL):
        told = {"proposal": {"author": {"subject": author.subject}, "words": f"xylophone {author.subject}"}}
        write_private(proposals / f"{new_id('prp')}.json", json.dumps(told).encode())
    draft = home / "imports" / new_id("imp")
    write_private(draft / "draft.json", json.dumps({"subject": NORA.subject}).encode())
    write_private(draft / "0.source", b"quincewright;kumquat")
    talk = studio.conversation
    talk._turns["trn_1"] = Turn("trn_1", NORA.subject, build.project_id, "xylophone", 0.0)

    request = appliance.privacy.request_erasure(NORA.subject, principal="user:dpo", reason="asked by letter")
    appliance.privacy.approve_erasure(request.id, principal="user:chief")
    assert [place.rpartition("/")[0] for place in places(home, "xylophone", "kumquat", "quincewright")] == [
        str(proposals.relative_to(home))  # Paul's own
    ]
    with pytest.raises(BodyErased, match="by user:dpo, approved by user:chief"):
        open_body(prompts[1], principal="user:auditor", purpose="test")
    assert open_body(prompts[2], principal="user:auditor", purpose="test").body == b"Paul's own words"
    assert talk._turns == {}
    kept = studio.builds.get(other.id)
    assert kept is not None
    assert (kept.request, kept.requester) == ("Paul's own words", PAUL)
    project = studio.projects.get(build.project_id)
    assert project is not None
    assert (project.owner.name, project.current, project.name) == ("Erased person", 1, "Shift Handover")
    vkeys = vkeys_path(home / "keys" / "audit.json").read_text().split()
    appliance.audit.checkpoint()
    assert verify_log(home / "audit", vkeys).intact


def test_a_build_under_way_is_stopped_before_its_words_go(appliance: Appliance) -> None:
    home = appliance.settings.home
    quin = Actor(Person("sub-quin", "Quin", "quin@intramural.example"), maker=True)
    for number in range(2):
        appliance.studio.build_service.submit(quin, f"Words about the ocarina number {number} to be forgotten")
    request = appliance.privacy.request_erasure("sub-quin", principal="user:dpo", reason="asked")
    appliance.privacy.approve_erasure(request.id, principal="user:chief")
    time.sleep(0.2)
    assert places(home, "ocarina") == []
    assert appliance.studio.builds.unfinished() == []
