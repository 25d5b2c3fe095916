"""The SCIM endpoint through the real web application: an independent conformance checker, and what others send."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_models import EnterpriseUser, Group, User
from scim2_tester import Status, check_server

from appliance.app import Appliance
from appliance.core.ids import new_id
from appliance.core.ports import Person
from appliance.db.records import Project
from appliance.identity.directory import Directory
from appliance.identity.scim.storage import DirectoryStorage
from appliance.identity.scim.tolerance import ENTERPRISE, normalised
from appliance.web.server import make_app
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.studio import MAYA, settings_in, short_folder, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.sandbox
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class World:
    appliance: Appliance
    token: str
    client: httpx.Client

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return self.client.request(method, path, json=body, headers=headers)

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        """The real application, as the checker's client calls one."""
        headers = {"authorization": f"Bearer {self.token}"}
        if environ.get("CONTENT_TYPE"):
            headers["content-type"] = environ["CONTENT_TYPE"]
        for name in ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_ACCEPT"):
            if name in environ:
                headers[name.removeprefix("HTTP_").replace("_", "-")] = environ[name]
        path = environ["PATH_INFO"].removeprefix("/scim/v2")
        address = f"{path}?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else path
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self.client.request(environ["REQUEST_METHOD"], address, content=body, headers=headers)
        start_response(f"{answer.status_code} {answer.reason_phrase or '-'}", list(answer.headers.items()))
        return [answer.content]

    def events(self, name: str) -> list[Any]:
        return [leaf for _, leaf in self.appliance.audit.leaves() if leaf.event == name and leaf.kind == "intent"]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with short_folder() as home, ThreadPoolExecutor(1) as pool:
        settings = settings_in(home)
        steward = settings.identity.model_copy(update={"steward": "stella@acme.example"})
        appliance = Appliance(settings.model_copy(update={"identity": steward}), planner=ScriptedPlanner())
        app = make_app(appliance.services())
        local = f"Bearer {appliance.layout.cli_token.read_text()}"

        def through(request: httpx.Request) -> httpx.Response:
            async def go() -> httpx.Response:
                transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
                headers = dict(request.headers)
                if headers.get("authorization") != local:
                    headers["x-forwarded-for"] = "192.0.2.7"
                async with httpx.AsyncClient(transport=transport) as client:
                    answer = await client.request(request.method, request.url, headers=headers, content=request.read())
                    return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

            return pool.submit(asyncio.run, go()).result()

        base = f"{appliance.addresses.studio}/scim/v2"
        with httpx.Client(transport=httpx.MockTransport(through)) as operator:
            made = operator.post(
                f"{appliance.addresses.studio}/api/identity/scim-tokens",
                json={"name": "entra"},
                headers={"Authorization": local},
            )
            assert made.status_code == 201, made.text
        headers = {"Authorization": f"Bearer {made.json()['token']}"}
        with httpx.Client(transport=httpx.MockTransport(through), base_url=base, headers=headers) as client:
            yield World(appliance, made.json()["token"], client)
        appliance.stop()


def test_an_independent_checker_finds_nothing(world: World) -> None:
    base = str(world.client.base_url).rstrip("/")
    scim = WSGISCIMClient(world.wsgi, base, headers={"Authorization": f"Bearer {world.token}"})
    scim.discover()
    results = check_server(scim)
    failed = [result for result in results if result.status in {Status.ERROR, Status.CRITICAL}]
    assert len(results) > 50
    assert failed == [], "\n".join(f"{one.title}: {one.reason}" for one in failed)


def test_what_entra_sends_is_understood(world: World) -> None:
    boss = world.call("POST", "/Users", {"schemas": [USER], "userName": "boss@acme.example", "active": True}).json()
    extension = {"department": "Sales", "manager": {"value": boss["id"]}}
    body = {
        "schemas": [USER, ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "nils@acme.example",
        "displayName": "Nils",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": "nils@acme.example"}],
        ENTERPRISE: extension,
    }
    made = world.call("POST", "/Users", body)
    assert made.status_code == 201, made.text
    id_ = made.json()["id"]
    found = world.call("GET", '/Users?filter=userName eq "NILS@acme.example"&count=5').json()
    assert (found["totalResults"], found["Resources"][0]["id"]) == (1, id_)
    assert world.call("POST", "/Users", body).status_code == 409
    operations = [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": boss["id"]},
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "n@acme.example"},
    ]
    patched = world.call("PATCH", f"/Users/{id_}", {"schemas": [PATCH], "Operations": operations})
    assert patched.status_code in {200, 204}, patched.text
    person = next(p for p in world.appliance.services().directory.directory.people("scim") if p.id == id_)
    assert (person.active, person.manager, person.email) == (False, boss["id"], "n@acme.example")
    group = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Finance"}
    made_group = world.call("POST", "/Groups", {**group, "members": [{"value": boss["id"]}]})
    assert made_group.status_code == 201, made_group.text
    directory = world.appliance.services().directory.directory
    assert directory.groups_of("", "boss@acme.example") == {"Finance"}
    add = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [{"value": id_}]}]}
    assert world.call("PATCH", f"/Groups/{made_group.json()['id']}", add).status_code in {200, 204}
    page = world.call("GET", "/Users?startIndex=2&count=1&sortBy=userName").json()
    assert (page["startIndex"], page["itemsPerPage"], len(page["Resources"])) == (2, 1, 1)
    pushed = [leaf.details["operation"] for leaf in world.events("directory.person_pushed")]
    assert {"POST", "PATCH"} <= set(pushed)
    assert "nils" not in json.dumps([dict(leaf.details) for leaf in world.events("directory.person_pushed")])


def test_somebody_who_leaves_is_out_at_once_and_their_apps_go_to_the_steward(world: World) -> None:
    services = world.appliance.services()
    stella = Person("sub-stella", "Stella", "stella@acme.example")
    lea = Person("sub-lea", "Lea", "lea@acme.example")
    ids = {}
    for person in (stella, lea):
        body = {"schemas": [USER], "userName": person.email, "displayName": person.name, "active": True}
        ids[person.name] = world.call("POST", "/Users", body).json()["id"]
        services.directory.directory.link(person.subject, person.email)  # they have signed in
    visitor = sign_in(world.appliance, lea, "maker")
    project = Project(new_id("app"), "Leas App", "", lea, NOW, NOW)
    world.appliance.studio.projects.add(project)
    gone = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    assert world.call("PATCH", f"/Users/{ids['Lea']}", gone).status_code in {200, 204}
    assert services.identity.sessions.get(visitor.session.id) is None
    assert world.appliance.studio.projects.get(project.id).owner == stella  # type: ignore[union-attr]
    assert services.directory.directory.gone(lea.subject, lea.email)
    left = world.events("directory.person_deprovisioned")[-1]
    assert left.principal == "directory"
    handed = world.events("app.handed_over")[-1].details
    assert (handed["from"], handed["to"], handed["rule"]) == (lea.subject, stella.subject, "steward")
    back = {"schemas": [PATCH], "Operations": [{"op": "replace", "path": "active", "value": True}]}
    assert world.call("PATCH", f"/Users/{ids['Lea']}", back).status_code in {200, 204}
    assert not services.directory.directory.gone(lea.subject, lea.email)
    assert world.events("directory.person_returned")
    assert world.call("DELETE", f"/Users/{ids['Lea']}").status_code == 204
    assert services.directory.directory.gone(lea.subject, lea.email)
    assert world.call("GET", f"/Users/{ids['Lea']}").status_code == 404


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", "Basic {token}", "Bearer {token}x"])
def test_nobody_gets_in_without_the_token(world: World, authorization: str) -> None:
    answer = world.call("GET", "/Users", authorization=authorization.format(token=world.token))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["status"] == "401"
    assert world.appliance.audit.size > 0
    assert world.events("identity.sign_in_refused")[-1].details["code"] == "bearer_refused"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/Users", {"schemas": [USER]}, 400),
        ("POST", "/Bulk", {"Operations": []}, 501),
        ("GET", "/Users?filter=userName eq", None, 400),
        ("GET", "/Nothing", None, 404),
        ("GET", "/Users/../Users/x", None, 404),
        ("PATCH", "/Users/unknown", {"schemas": [PATCH], "Operations": []}, 400),
        ("POST", "/Users", {"schemas": [USER], "userName": "y" * 2_000_000}, 413),
    ],
)
def test_mistakes_are_told_in_scims_words(world: World, method: str, path: str, body: Any, status: int) -> None:
    answer = world.call(method, path, body)
    assert answer.status_code in {status, 404} if status == 501 else answer.status_code == status, answer.text[:300]


def test_a_session_is_no_token_and_a_token_is_no_session(world: World) -> None:
    visitor = sign_in(world.appliance, MAYA, "maker", "operator")
    client = world.client
    cookie = {"authorization": "", "cookie": f"__Host-intramural={visitor.session.id}"}
    assert client.get("/Users", headers=cookie).status_code == 401
    studio = world.appliance.addresses.studio
    assert client.get(f"{studio}/", headers={"accept": "text/html"}).status_code in {303, 401}


def test_a_restart_and_another_process_see_the_same(world: World, tmp_path: Path) -> None:
    one, other = Directory(tmp_path / "d.sqlite"), Directory(tmp_path / "d.sqlite")
    first, second = DirectoryStorage(one), DirectoryStorage(other)
    from scim2_models import ResourceType

    kind = ResourceType.from_resource(User[EnterpriseUser])
    with first.operation():
        made = first.create(kind, User[EnterpriseUser](user_name="a@acme.example"))
    with second.operation():
        assert second.get(kind, str(made.id)).user_name == "a@acme.example"
        second.delete(kind, str(made.id))
    with first.operation(), pytest.raises(Exception, match="not found"):
        first.get(kind, str(made.id))
    assert Group is not None
    assert DirectoryStorage(Directory(tmp_path / "d.sqlite")).resources == []
    assert (tmp_path / "d.sqlite").stat().st_mode & 0o777 == 0o600
    assert world.token not in (world.appliance.settings.home / "directory.sqlite").read_bytes().decode("latin-1")


def test_only_managers_are_put_into_form() -> None:
    for body in (b"", b"not json manager", b'["manager"]', b'{"manager": {"value": "x"}}'):
        assert (
            json.loads(normalised(body) or b"0") == json.loads(body or b"0") if body.startswith((b"[", b"{")) else True
        )
    full = {ENTERPRISE: {"manager": {"value": "7", "$ref": "Users/7"}}}
    assert json.loads(normalised(json.dumps(full).encode())) == full
