"""A contract handed in becomes a running app that keeps it over every later version. Real parts throughout."""

from __future__ import annotations

import hashlib
import json
import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from appliance.blueprint.edits import AddField, DeleteField, RemoveEntity, RenameEntity, RenameField, RetypeField
from appliance.blueprint.model import Scalar
from appliance.codegen.custom.write import Status, Written
from appliance.contract.binding import DOCUMENT, contract_in
from appliance.contract.errors import ContractRefused
from appliance.db.records import BuildState
from appliance.studio.errors import NotFound
from appliance.studio.screening import AskFirst, Choice, SecretFound
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.api_contracts import PARTS, ROOMS
from tests.fixtures.studio import UWE, maker, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.app import Appliance
    from appliance.blueprint.places import Place
    from appliance.db.records import Build

pytestmark = pytest.mark.sandbox
BASE = "/v1/rooms-api"
ABOUT = "Who sits where."


class Scribe:
    """Writes the one function that it knows, and keeps what is there."""

    def __init__(self) -> None:
        self.wrote: list[str] = []

    def keep(self, place: Place, source: str) -> Written:
        return Written(place.key, Status.KEPT, source, 0, ())

    def write(self, place: Place, *, on_text: Callable[[str], None]) -> Written:
        self.wrote.append(place.key)
        source = f"def {place.function}(pieces: Decimal, price: Decimal) -> Decimal:\n    return pieces * price\n"
        return Written(place.key, Status.WRITTEN, source, 1, ())


SCRIBE = Scribe()


@pytest.fixture(scope="module")
def appliance() -> Iterator[Appliance]:
    with running(ScriptedPlanner(), coder=SCRIBE) as made:
        yield made


def finished(appliance: Appliance, build: Build) -> Build:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        found = appliance.studio.builds.get(build.id)
        if found is not None and found.state.final:
            return found
        time.sleep(0.05)
    pytest.fail("the build does not end")


@pytest.fixture(scope="module")
def app_id(appliance: Appliance) -> str:
    service = appliance.transfers.contracts
    offered = service.take(maker(), ROOMS, ABOUT)
    offered = service.rename(maker(), offered.draft.id, "Our Rooms")
    assert offered.proposal.blueprint.name == "Our Rooms"
    assert offered.proposal.blueprint.about == ABOUT
    with pytest.raises(NotFound):
        service.look(maker(UWE), offered.draft.id)
    build = finished(appliance, service.create(maker(), offered.draft.id))
    assert build.state is BuildState.DONE, build.error
    with pytest.raises(NotFound):
        service.look(maker(), offered.draft.id)
    return build.project_id


def ask(
    appliance: Appliance, app_id: str, method: str, path: str, content: object = None, *, base: str = BASE
) -> httpx.Response:
    """A request to the running app as its owner."""
    project = appliance.studio.projects.get(app_id)
    assert project is not None
    appliance.studio.previews.start(project)
    release = appliance.studio.previews.prepare(project)
    token = appliance.tokens.issue(audience=release.app_id, person=project.owner, roles=["@owner"])
    transport = httpx.HTTPTransport(uds=str(appliance.apps.address(release.app_id).socket))
    with httpx.Client(transport=transport, base_url="http://app.test") as client:
        headers = {"X-Intramural-Identity": token}
        return client.request(method, base + path, json=content, headers=headers)


def revised(appliance: Appliance, app_id: str, *edits) -> Build:
    """Change the app and wait for the end of it."""
    proposal = appliance.studio.revisions.propose_edits(maker(), app_id, list(edits))
    build = appliance.studio.revisions.accept(maker(), app_id, proposal.id, confirmed=proposal.confirm)
    return finished(appliance, build)


def tree(appliance: Appliance, app_id: str):
    project = appliance.studio.projects.get(app_id)
    version = appliance.studio.projects.version(app_id, project.current)
    return appliance.studio.versions.read(app_id, version.commit)


def test_the_app_has_its_contract_and_answers_it(appliance, app_id):
    made = tree(appliance, app_id)
    assert made.files[DOCUMENT] == ROOMS
    assert contract_in(dict(made.files)).binding.digest == hashlib.sha256(ROOMS).hexdigest()
    events = appliance.studio.events.after(appliance.studio.builds.latest(app_id).id, 0)
    checks = [event.data["text"] for event in events if event.type == "check" and event.data["stage"] == "contract"]
    assert "GET /rooms as Reader answers as the contract says" in checks
    assert "POST /rooms as Reader is refused, as the access says" in checks
    room = ask(appliance, app_id, "POST", "/rooms", {"name": "Attic", "seats": 3})
    assert room.status_code == 201, room.text
    assert ask(appliance, app_id, "GET", "/rooms").json()["total"] == 1


def test_it_is_on_record_without_its_words(appliance, app_id):
    leaves = [leaf for _, leaf in appliance.audit.leaves() if leaf.event == "contract.taken"]
    intent, outcome = leaves[0], leaves[1]
    assert intent.details["contract_sha256"] == hashlib.sha256(ROOMS).hexdigest()
    assert (intent.details["operations"], intent.details["not_served"]) == (10, 1)
    assert outcome.details["app"] == app_id
    assert "Room Bookings" not in json.dumps([dict(leaf.details) for leaf in leaves])


def test_other_names_in_the_app_leave_the_contract_as_it_is(appliance, app_id):
    done = revised(appliance, app_id, RenameEntity("Room", "Office"), RenameField("Office", "seats", "chairs"))
    assert done.state is BuildState.DONE, done.error
    found = ask(appliance, app_id, "GET", "/rooms").json()
    assert found["items"][0]["seats"] == 3


def test_what_the_contract_needs_cannot_go(appliance, app_id):
    propose = appliance.studio.revisions.propose_edits
    for edit, told in (
        (DeleteField("Office", "code"), "needs the field “code” of Office."),
        (RemoveEntity("Booking"), "needs Booking."),
        (RetypeField("Office", "contact", Scalar.NUMBER), "needs the field “contact” of Office to be what it is."),
        (DeleteField("Booking", "room"), "needs the field “room” of Booking."),
    ):
        with pytest.raises(ContractRefused, match=re.escape(told)):
            propose(maker(), app_id, [edit])
    assert propose(maker(), app_id, [AddField("Office", "window", Scalar.BOOLEAN)]).data


def test_secrets_block_and_numbers_of_people_ask(appliance):
    service = appliance.transfers.contracts
    secret = ROOMS.replace(b"Rooms of the office", b'"Passwort: Winter2026!kq"  # ')
    number = ROOMS.replace(b"Rooms of the office", b"IBAN DE89370400440532013000, rooms of the office")
    offered = service.take(maker(), number, "")
    with pytest.raises(AskFirst):
        service.create(maker(), offered.draft.id)
    build = finished(appliance, service.create(maker(), offered.draft.id, Choice.MASK))
    assert build.state is BuildState.DONE, build.error
    assert b"DE8937" not in tree(appliance, build.project_id).files[DOCUMENT]
    offered = service.take(maker(), secret, "")
    with pytest.raises(SecretFound, match="contract"):
        service.create(maker(), offered.draft.id, Choice.SEND)


def test_what_computes_is_written_once_and_stays(appliance):
    build = appliance.transfers.contracts.build(maker(), PARTS, "", Choice.NONE)
    assert finished(appliance, build).state is BuildState.DONE
    assert SCRIBE.wrote == ["countStock.worth"]
    assert [leaf.event for _, leaf in appliance.audit.leaves()].count("code.written") == 2
    sent = {"pieces": 4, "price": 2.5}
    assert ask(appliance, build.project_id, "POST", "/stocktake", sent, base="").json() == {"worth": 10}
    done = revised(appliance, build.project_id, RenameField("Part", "name", "called"))
    assert done.state is BuildState.DONE, done.error
    assert SCRIBE.wrote == ["countStock.worth"]
    assert ask(appliance, build.project_id, "POST", "/stocktake", sent, base="").json() == {"worth": 10}


def test_what_cannot_be_read_is_not_kept(appliance):
    with pytest.raises(ContractRefused):
        appliance.transfers.contracts.take(maker(), b"openapi: 2", "")
    with pytest.raises(ContractRefused):
        appliance.transfers.contracts.take(maker(), ROOMS, "x" * 700)
    builds = appliance.studio.versions.beside("contracts") / "builds"
    assert not list(builds.iterdir())
