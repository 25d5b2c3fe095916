"""Kiosks: what the public form does, and everything that it must not do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from appliance.blueprint.model import OWNER, PUBLIC
from appliance.blueprint.naming import slug
from tests.fixtures.generated_apps import Served, row_ids, served, token
from tests.fixtures.screens_app import fill, screens_blueprint

if TYPE_CHECKING:
    from collections.abc import Iterator

MADE = screens_blueprint()
KIOSK = "/kiosk/welcome"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One app for everything that changes nothing."""
    # A name of its own is a package of its own: both apps live in this process.
    with served(replace(MADE, name="Standing"), tmp_path_factory.mktemp("kiosk"), examples=False) as running:
        fill(running, jobs=6, visitors=4)
        yield running


@pytest.fixture
def app(tmp_path: Any) -> Iterator[Served]:
    with served(MADE, tmp_path, examples=False) as running:
        fill(running, jobs=6, visitors=4)
        yield running


def call(app: Served, method: str, path: str, **more: Any) -> Any:
    """A request with the identity that the gate gives, unless another is named."""
    app.client.cookies.clear()
    headers = {"x-intramural-identity": public()} | more.pop("headers", {})
    return app.client.request(method, path, headers=headers, **more)


def public() -> str:
    return token(PUBLIC, sub=PUBLIC, name="", email="")


def opened(app: Served) -> dict[str, str]:
    """The form as a browser would send it back, empty."""
    html = call(app, "GET", KIOSK).text
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html))


def visitors(app: Served) -> list[Any]:
    runtime = app.client.app.state["runtime"]
    model = next(entity.model for entity in runtime.definition.entities if entity.name == "Visitor")
    with runtime.database.reading() as session:
        return sorted(session.query(model).all(), key=lambda row: row.id)


def test_a_visitor_adds_themselves_and_is_thanked(app):
    before = len(visitors(app))
    sent = opened(app) | {"name": "Zoë", "company": "Acme", "purpose": "delivery", "host": "mia@example.com"}
    answer = call(app, "POST", KIOSK, data=sent)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{KIOSK}?done=1")
    assert "set-cookie" not in answer.headers
    thanks = call(app, "GET", f"{KIOSK}?done=1")
    assert "Please take a seat" in thanks.text
    assert f'http-equiv="refresh" content="10;url={KIOSK}"' in thanks.text
    row = visitors(app)[-1]
    assert (len(visitors(app)), row.name, row.company, row.purpose, row.created_by) == (
        before + 1, "Zoë", "Acme", "delivery", None,
    )  # fmt: skip
    assert row.arrival is not None  # not asked, so its default


def test_nothing_but_the_listed_fields_can_be_set(app):
    sent = opened(app) | {"name": "Eve", "badge": "B-000", "arrival": "2001-01-01T00:00", "created_by": "1", "id": "1"}
    assert call(app, "POST", KIOSK, data=sent).status_code == 303
    row = visitors(app)[-1]
    assert (row.name, row.badge, row.arrival.year == 2001, row.created_by) == ("Eve", None, False, None)


@pytest.mark.parametrize("form", ["", "nonsense", "e30.AAAA"])
def test_a_form_that_was_never_opened_adds_nothing(app, form):
    before = len(visitors(app))
    answer = call(app, "POST", KIOSK, data={"name": "Eve", "csrf_token": form})
    assert answer.status_code == 422
    assert 'value="Eve"' in answer.text  # nobody types twice
    assert len(visitors(app)) == before


def test_a_form_of_a_person_or_of_another_kiosk_is_not_this_form(app):
    before = len(visitors(app))
    signer = app.client.app.state["runtime"].signer
    for form in (
        signer.form_token(PUBLIC),
        signer.seal("kiosk:other", "x", seconds=60),
        signer.seal("flash", "x", seconds=60),
    ):
        assert call(app, "POST", KIOSK, data={"name": "Eve", "csrf_token": form}).status_code == 422
    old = signer.seal("kiosk:welcome", "x", seconds=-1)
    assert call(app, "POST", KIOSK, data={"name": "Eve", "csrf_token": old}).status_code == 422
    elsewhere = call(app, "POST", KIOSK, data=opened(app) | {"name": "Eve"}, headers={"origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert len(visitors(app)) == before


def test_the_same_form_sent_twice_adds_one_row(app):
    before = len(visitors(app))
    sent = opened(app) | {"name": "Ann"}
    assert [call(app, "POST", KIOSK, data=sent).status_code for _ in range(3)] == [303, 303, 303]
    assert len(visitors(app)) == before + 1


def test_a_program_that_fills_in_everything_adds_nothing(app):
    before = len(visitors(app))
    trap = re.search(r'id="trap" name="([^"]+)"', call(app, "GET", KIOSK).text).group(1)
    assert call(app, "POST", KIOSK, data=opened(app) | {"name": "Bot", trap: "x"}).status_code == 303
    assert len(visitors(app)) == before


def test_files_and_large_bodies_are_refused(app):
    before = len(visitors(app))
    sent = opened(app) | {"name": "Eve"}
    answer = call(app, "POST", KIOSK, data=sent, files={"badge": ("a.txt", b"x", "text/plain")})
    assert answer.status_code == 400
    assert call(app, "POST", KIOSK, data=sent | {"company": "x" * 100_000}).status_code == 413
    assert len(visitors(app)) == before


def test_more_than_people_can_send_is_refused_for_a_while(app):
    answers = [call(app, "POST", KIOSK, data=opened(app) | {"name": f"V{number}"}).status_code for number in range(25)]
    assert answers[:20] == [303] * 20
    assert 429 in answers
    assert answers.count(303) <= 22


def test_a_person_is_named_by_address_only_and_nobody_learns_who_is_known(standing):
    html = call(standing, "GET", KIOSK).text
    for person in ("Mia Berg", "mia@example.com", "Tom Okafor"):
        assert person not in html
    known = call(standing, "POST", KIOSK, data=opened(standing) | {"name": "A", "host": "Mia Berg"})
    unknown = call(standing, "POST", KIOSK, data=opened(standing) | {"name": "A", "host": "Nobody Here"})
    assert known.status_code == unknown.status_code == 422
    shown = [re.search(r'id="f-host-error">([^<]+)<', answer.text).group(1) for answer in (known, unknown)]
    assert shown[0] == shown[1]


def test_the_form_shows_the_names_that_can_be_chosen_and_no_rows(standing):
    html = call(standing, "GET", KIOSK).text
    assert "Harbour House" in html
    assert row_ids(html) == []
    assert "Acme" not in html
    assert "<script" not in html
    assert 'href="/' not in html.replace(f'href="{KIOSK}"', "")
    policy = call(standing, "GET", KIOSK).headers["content-security-policy"]
    assert "script-src 'none'" in policy
    assert "'unsafe-inline'" not in policy
    assert "style-src 'sha256-" in policy
    wrong = call(standing, "POST", KIOSK, data=opened(standing) | {"name": "A", "site": "999"})
    assert wrong.status_code == 422


def everywhere() -> list[tuple[str, str]]:
    found = [("GET", "/"), ("GET", "/pages/welcome"), ("GET", "/kiosk"), ("GET", "/kiosk/other"), ("GET", "/-/sign-in")]
    found += [("GET", f"/pages/{slug(page.title)}") for page in MADE.pages]
    for entity in MADE.entities:
        base = f"/{slug(entity.name)}"
        found += [("GET", f"{base}{end}") for end in ("", "/new", "/1", "/1/edit", "/1/delete", "/export.csv")]
        found += [("POST", f"{base}{end}") for end in ("/new", "/1/edit", "/1/delete")]
    return [
        *found,
        ("POST", "/pages/job-board/move"),
        ("PUT", KIOSK),
        ("DELETE", KIOSK),
        ("GET", f"{KIOSK}/"),
        ("GET", f"{KIOSK}/x"),
    ]


@pytest.mark.parametrize(("method", "path"), everywhere())
def test_whoever_uses_a_kiosk_can_use_nothing_else(standing, method, path):
    form = standing.client.app.state["runtime"].signer.form_token(PUBLIC)
    answer = call(
        standing, method, path, data={"csrf_token": form} if method == "POST" else None, follow_redirects=False
    )
    if path == f"{KIOSK}/":
        assert answer.status_code in (200, 404)  # the same address
    else:
        assert answer.status_code in (401, 403, 404, 405, 303), (answer.status_code, answer.text[:200])
        assert answer.status_code != 303 or answer.headers["location"] == "/"
    assert row_ids(answer.text) == []


def test_other_roles_do_not_open_the_app_to_the_public(standing):
    both = token(PUBLIC, OWNER, "Manager", sub=PUBLIC, name="", email="")
    for path in ("/job", "/pages/job-board", "/"):
        assert call(standing, "GET", path, headers={"x-intramural-identity": both}).status_code == 401


def test_without_the_gates_identity_the_kiosk_is_closed(standing):
    for identity in ("", "nonsense", token("Manager")):
        assert call(standing, "GET", KIOSK, headers={"x-intramural-identity": identity}).status_code == 401
        sent = call(standing, "POST", KIOSK, data={"name": "x"}, headers={"x-intramural-identity": identity})
        assert sent.status_code == 401


def test_those_who_work_here_find_its_address(standing):
    html = standing.owner.get("/pages/welcome").text
    assert f'href="{KIOSK}"' in html
    assert "Name, Company, Host, Site, Purpose" in html
    assert standing.as_("Watcher").get("/pages/welcome").status_code == 403
