"""Words with secrets and personal data, from the form to the model and back. Real parts; the model is scripted."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from appliance.core.errors import IntramuralError
from appliance.importer.grid import Source
from appliance.studio.screening import AskFirst, Choice, SecretFound
from appliance.web.limits import Limits, RateLimit
from appliance.web.server import make_app
from tests.fakes.studio_planner import SHIFTS, ScriptedPlanner
from tests.fixtures.studio import MAYA, maker, running, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.app import Appliance

pytestmark = pytest.mark.sandbox
SECRET = "Winter2026!kq"
CARD = "5500 0000 0000 0004"
IBAN = "DE02 1203 0000 0000 2020 51"
WORDS = f"Keep petty cash: date, purpose, amount. The card is {CARD}, the account {IBAN}."


class Planner(ScriptedPlanner):
    """Writes what the words ask for, and a secret where they say so."""

    def plan(self, request: str, **more: Any) -> Any:
        self.texts[0] = SHIFTS
        if "leak" in request:
            self.texts[0] = SHIFTS.replace("Oil leak at the left cylinder", f"Passwort: {SECRET}")
        return super().plan(request, **more)


@pytest.fixture(scope="module")
def planner() -> Planner:
    return Planner()


@pytest.fixture(scope="module")
def appliance(planner: Planner) -> Iterator[Appliance]:
    with running(planner) as made:
        yield made


@pytest.fixture(scope="module")
def call(appliance: Appliance) -> Any:
    wide = Limits(*(RateLimit(burst=1000, per_minute=1000) for _ in range(3)))
    services = appliance.services()
    app, visitor = make_app(services, wide), sign_in(appliance, MAYA, "maker")

    def go(path: str, data: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
            async with httpx.AsyncClient(
                transport=transport, base_url=services.addresses.studio, cookies=visitor.cookies
            ) as client:
                sent = {"accept": "text/html", "x-forwarded-for": "127.0.0.1", **headers}
                if data is None:
                    return await client.get(path, headers=sent)
                sent |= {"origin": services.addresses.studio, "x-csrf-token": visitor.session.csrf_token}
                return await client.post(path, data=data, headers=sent)

        return asyncio.run(ask())

    return go


def ended(appliance: Appliance, build_id: str) -> Any:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        build = appliance.studio.builds.get(build_id)
        assert build is not None
        if build.state.final:
            return build
        time.sleep(0.1)
    raise AssertionError("the build does not end")


def screened(appliance: Appliance, kind: str = "intent") -> dict[str, Any]:
    """What the log last said about a text that was looked through: the intent, or the ``outcome``."""
    leaves = [leaf for _, leaf in appliance.audit.leaves() if leaf.event == "dlp.text_screened" and leaf.kind == kind]
    return {**leaves[-1].details, "result": getattr(leaves[-1], "result", None)}


def everything(appliance: Appliance) -> bytes:
    """Every byte that the appliance keeps, the sealed bodies as they lie there."""
    return b"".join(path.read_bytes() for path in sorted(appliance.settings.home.rglob("*")) if path.is_file())


def test_a_secret_goes_nowhere(appliance: Appliance, planner: Planner, call: Any) -> None:
    answer = call(
        "/apps", {"request": f"Track tools. Passwort: {SECRET}", "sensitive": "send"}, **{"hx-request": "true"}
    )
    assert answer.status_code == 422
    assert answer.headers["hx-retarget"] == "#sensitive"
    assert f">{SECRET}</mark>" in answer.text  # shown to who wrote it, and marked
    assert 'value="send"' not in answer.text
    assert planner.requests == []
    assert SECRET.encode() not in everything(appliance)
    assert screened(appliance)["kinds"] == {"SECRET": 1}
    assert screened(appliance, "outcome")["error"] == "dlp_blocked"


def test_the_maker_is_asked_and_sees_the_words(call: Any, planner: Planner) -> None:
    answer = call("/apps", {"request": WORDS}, **{"hx-request": "true"})
    assert answer.status_code == 422
    assert answer.text.count("<mark") == 2
    assert 'value="mask"' in answer.text
    assert 'value="send"' in answer.text
    whole = call("/apps", {"request": WORDS})  # without scripts: the page again, with the words in the box
    assert "<mark" in whole.text
    assert "Keep petty cash" in whole.text.split("<textarea")[1]
    assert planner.requests == []


def test_masked_the_model_sees_placeholders_and_the_maker_their_words(
    appliance: Appliance, planner: Planner, call: Any
) -> None:
    answer = call("/apps", {"request": WORDS, "sensitive": "mask"}, **{"hx-request": "true"})
    app = answer.headers["hx-redirect"].rsplit("/", 1)[1]
    build = appliance.studio.builds.latest(app)
    assert build is not None
    ended(appliance, build.id)
    said = planner.requests[-1]
    assert "The card is <CREDIT_CARD_1>, the account <IBAN_CODE_1>." in said
    kept = everything(appliance)
    assert CARD.encode() not in kept
    assert IBAN.encode() not in kept
    assert CARD in call(f"/apps/{app}").text
    # The next wish gives the same number the same name, another one another.
    cleared = appliance.studio.screening.words(
        maker(), f"Pay {IBAN} and DE89 3704 0044 0532 0130 00", choice=Choice.MASK, resource=app
    )
    assert cleared.text == "Pay <IBAN_CODE_1> and <IBAN_CODE_2>"
    assert screened(appliance)["kinds"] == {"IBAN_CODE": 2}


def test_sent_as_it_is_only_when_the_maker_says_so(appliance: Appliance, planner: Planner) -> None:
    service = appliance.studio.build_service
    with pytest.raises(AskFirst) as asked:
        service.submit(maker(), WORDS)
    assert CARD not in str(asked.value) + json.dumps(asked.value.as_dict())
    build = service.submit(maker(), WORDS, choice=Choice.SEND)
    ended(appliance, build.id)
    assert CARD in planner.requests[-1]
    last = screened(appliance)
    assert (last["choice"], last["verdict"], last["place"]) == ("send", "ask", "prompt")
    assert not any(CARD in str(leaf.details) for _, leaf in appliance.audit.leaves())


def test_a_program_learns_where_and_may_answer(appliance: Appliance) -> None:
    services = appliance.services()
    app = make_app(services)

    async def post(body: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=services.addresses.studio) as client:
            return await client.post("/api/apps", json=body, headers={"authorization": f"Bearer {services.cli_token}"})

    refused = asyncio.run(post({"request": WORDS}))
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], error["choices"]) == (422, "dlp_ask", ["mask", "send"])
    assert [WORDS[one["start"] : one["end"]] for one in error["findings"]] == [CARD, IBAN]
    assert CARD not in refused.text
    taken = asyncio.run(post({"request": WORDS, "sensitive": "mask"}))
    assert taken.status_code == 201
    ended(appliance, taken.json()["build"])


def test_a_secret_in_what_was_written_stops_the_version(appliance: Appliance) -> None:
    build = ended(appliance, appliance.studio.build_service.submit(maker(), "Keep notes of a leak").id)
    assert build.error["code"] == "dlp_blocked"
    assert SECRET not in json.dumps(dict(build.error))
    project = appliance.studio.projects.get(build.project_id)
    assert project is not None
    assert project.current is None


def test_a_table_with_numbers_of_people(appliance: Appliance) -> None:
    rows = "Name;Versichertennummer\nA;A123456780\nB;A123456780\n"
    imports = appliance.transfers.imports
    draft = imports.take(maker(), [Source("patients.csv", rows.encode())]).draft
    with pytest.raises(AskFirst, match="Versichertennummer"):
        imports.create(maker(), draft.id)
    build = imports.create(maker(), draft.id, Choice.MASK)
    done = ended(appliance, build.id)
    assert done.error is None
    folder = appliance.studio.versions.folder(build.project_id)
    data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"A123456780" not in data
    assert b"<HEALTH_ID_1>" in data
    secret = imports.take(
        maker(), [Source("keys.csv", f"Server;Zugang\ndb;postgres://u:{SECRET}@db/x\n".encode())]
    ).draft
    with pytest.raises(SecretFound, match="Zugang"):
        imports.create(maker(), secret.id, Choice.SEND)


def test_after_an_erasure_placeholders_stand_for_nothing(appliance: Appliance) -> None:
    words = f"Pay {IBAN} from petty cash"
    build = appliance.studio.build_service.submit(maker(), words, choice=Choice.MASK)
    ended(appliance, build.id)
    assert appliance.studio.screening.values_of(build.project_id)
    request = appliance.privacy.request_erasure(MAYA.subject, principal="user:a", reason="asked")
    appliance.privacy.approve_erasure(request.id, principal="user:b")
    assert appliance.studio.screening.values_of(build.project_id) == {}


def test_errors_are_errors_of_ours() -> None:
    assert issubclass(SecretFound, IntramuralError)
