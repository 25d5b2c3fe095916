"""What ``docs/app-contract.md`` promises, on generated apps that run in this process."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from appliance.blueprint import naming
from appliance.blueprint.model import OWNER, Blueprint, Entity, Ref, Scalar, Verb
from appliance.blueprint.screens import DashboardPage, FormPage, Page
from tests.fixtures.generated_apps import ALL, AUDIENCE, Served, blueprint, row_ids, served, token

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)


@pytest.fixture(scope="module")
def loans(tmp_path_factory):
    with served(blueprint("equipment_loans"), tmp_path_factory.mktemp("loans")) as app:
        yield app


@pytest.fixture(scope="module", params=ALL)
def any_app(request, tmp_path_factory):
    made = blueprint(request.param)
    with served(made, tmp_path_factory.mktemp(request.param)) as app:
        yield made, app


def filled(app: Served, made: Blueprint, entity: Entity) -> dict[str, str]:
    """A form that is right, with rows made for what it refers to."""
    stamp = str(time.monotonic_ns())
    day = datetime.now(UTC).date()
    values = {}
    for field in entity.fields:
        name = naming.identifier(field.name)
        if isinstance(field.type, Ref):
            if field.required:
                values[name] = str(create(app, made, made.entity(field.type.entity)))
        elif not isinstance(field.type, Scalar):
            values[name] = field.type.options[0]
        else:
            values |= {
                name: {
                    Scalar.TEXT: f"text {stamp}", Scalar.LONGTEXT: "long\ntext", Scalar.NUMBER: "4.5",
                    Scalar.MONEY: "9.50", Scalar.BOOLEAN: "on", Scalar.DATE: day.isoformat(),
                    Scalar.DATETIME: f"{day.isoformat()}T10:30", Scalar.TIME: "08:15",
                    Scalar.EMAIL: f"m{stamp}@example.com", Scalar.PHONE: "+49 30 1234", Scalar.URL: "https://example.com",
                    Scalar.PERSON: f"p{stamp}@example.com",
                }.get(field.type, "")
            }  # fmt: skip
    return {name: value for name, value in values.items() if value}


def create(app: Served, made: Blueprint, entity: Entity) -> int:
    """A row made by the owner."""
    slug = naming.slug(entity.name)
    answer = app.owner.post(f"/{slug}/new", filled(app, made, entity))
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].removeprefix(f"/{slug}/"))


def entity_right(made: Blueprint, page: Page, role: str) -> bool:
    if isinstance(page, DashboardPage):
        return any(made.permission(widget.entity, role, Verb.READ) for widget in page.widgets)
    return made.permission(page.entity, role, Verb.CREATE if isinstance(page, FormPage) else Verb.READ) is not None


def test_each_role_may_do_what_the_blueprint_says_and_nothing_else(any_app):
    made, app = any_app
    for entity in made.entities:
        slug = naming.slug(entity.name)
        for role in (*made.roles, OWNER, "nobody"):
            person = app.as_(role, name=f"{naming.slug(role)}-visitor")
            rights = {verb: made.permission(entity.name, role, verb) for verb in Verb}
            row = create(app, made, entity)
            assert person.get(f"/{slug}").status_code == (200 if rights[Verb.READ] else 403)
            assert person.get(f"/{slug}/new").status_code == (200 if rights[Verb.CREATE] else 403)
            expected = {None: 403}.get(rights[Verb.READ], 404 if rights[Verb.READ] and rights[Verb.READ].own else 200)
            assert person.get(f"/{slug}/{row}").status_code == expected
            assert (row in row_ids(person.get(f"/{slug}").text)) is (expected == 200)
            for verb, status in ((Verb.EDIT, 303), (Verb.DELETE, 303)):
                right = rights[verb]
                if right is None:
                    refused = {403}
                elif right.own:
                    refused = {403, 404}
                else:
                    refused = {status}
                answer = person.post(f"/{slug}/{row}/{verb}", filled(app, made, entity))
                assert answer.status_code in refused, (entity.name, role, verb, answer.text)
            if rights[Verb.CREATE]:
                made_by_them = person.post(f"/{slug}/new", filled(app, made, entity))
                assert made_by_them.status_code == 303, (entity.name, role, made_by_them.text)
                own = made_by_them.headers["location"]
                assert person.get(own).status_code == (200 if rights[Verb.READ] else 403)
                for verb in (Verb.EDIT, Verb.DELETE):
                    answer = person.post(f"{own}/{verb}", filled(app, made, entity))
                    assert answer.status_code == (303 if rights[verb] else 403), (entity.name, role, verb)


def test_pages_open_for_those_who_may_and_the_navigation_names_no_others(any_app):
    made, app = any_app
    for role in (*made.roles, OWNER, "nobody"):
        person = app.as_(role, name=naming.slug(role))
        allowed = [page for page in made.pages if entity_right(made, page, role)]
        home = person.get("/")
        if allowed:
            assert home.status_code == 303
            assert home.headers["location"] == f"/pages/{naming.slug(allowed[0].title)}"
        else:
            assert home.status_code == 200
            assert "<h1>" in home.text
        for page in made.pages:
            answer = person.get(f"/pages/{naming.slug(page.title)}")
            assert answer.status_code == (200 if page in allowed else 403)
            assert answer.text.count("<h1") == 1
            assert '<html lang="en"' in answer.text
            linked = set(re.findall(r'href="/pages/([^"?/]+)"', answer.text))
            assert linked <= {naming.slug(page.title) for page in allowed}


def test_an_own_row_is_one_that_names_the_person(loans):
    owner, mia = loans.owner, loans.as_("Borrower", name="Mia")
    mia.get("/")
    made = owner.post(
        "/loan/new", {"item": "1", "borrower": "mia@example.com", "lent": "2026-11-01", "due": "2026-12-01"}
    )
    assert mia.get(made.headers["location"]).status_code == 200
    assert loans.as_("Borrower", name="Noah").get(made.headers["location"]).status_code == 404
    assert mia.get(f"{made.headers['location']}/edit").status_code == 403


def test_a_reference_shows_a_name_and_nothing_else_of_the_row(any_app):
    made, app = any_app
    if made.name.startswith("Class of Things"):
        reader = app.as_("None", name="Reader")
        page = reader.get("/class/1").text
        assert "first" in page
        assert 'href="/list/1"' not in page
        assert reader.get("/list/1").status_code == 403


def test_a_person_is_found_by_address_or_by_a_name_that_only_one_has(loans):
    loans.as_("Borrower", name="Quentin").get("/")
    form = {"item": "1", "lent": "2026-11-01", "due": "2026-12-01"}
    for key in ("quentin@example.com", "QUENTIN", "id-quentin"):
        made = loans.owner.post("/loan/new", form | {"borrower": key})
        assert made.status_code == 303
        assert loans.as_("Borrower", name="Quentin").get(made.headers["location"]).status_code == 200
    assert loans.owner.post("/loan/new", form | {"borrower": "Nobody"}).status_code == 422


def test_somebody_named_by_address_before_their_first_visit_finds_their_rows(loans):
    owner = loans.owner
    made = owner.post(
        "/loan/new", {"item": "1", "borrower": "Zoe@Example.com", "lent": "2026-11-01", "due": "2026-12-01"}
    )
    assert loans.as_("Borrower", name="Zoe").get(made.headers["location"]).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "another_app"},
        {"exp": int(time.time()) - 60, "iat": int(time.time()) - 100},
        {"exp": int(time.time()) + 3600},
        {"sub": None},
        {"iat": None},
        {"aud": [AUDIENCE + "x"]},
    ],
)
def test_a_token_that_is_not_right_is_refused(loans, claims):
    answer = loans.client.get("/item", headers={"x-intramural-identity": token(OWNER, **claims)})
    assert answer.status_code == 401
    assert answer.text.count("<h1") == 1


@pytest.mark.parametrize(
    "value", ["", "x", "a.b.c", token(OWNER, kid="k2"), token(OWNER, key=Ed25519PrivateKey.generate())]
)
def test_a_forged_or_missing_token_is_refused_everywhere(loans, value):
    for path in ("/", "/item", "/item/1", "/pages/overview", "/loan/new", "/item/export.csv", "/item/1/files/photo"):
        assert loans.client.get(path, headers={"x-intramural-identity": value}).status_code == 401
    assert loans.client.post("/item/new", headers={"x-intramural-identity": value}).status_code == 401
    assert loans.client.get("/healthz").json() == {"status": "ok"}
    unsigned = "eyJhbGciOiJub25lIn0." + token(OWNER).split(".")[1] + "."
    assert loans.client.get("/item", headers={"x-intramural-identity": unsigned}).status_code == 401


def test_forms_from_elsewhere_change_nothing(loans):
    owner = loans.owner
    before = owner.get("/item").text.count("data-row-id")
    assert owner.post("/item/new", {"name": "x"}, csrf=False).status_code == 403
    assert owner.post("/item/new", {"name": "x", "csrf_token": "a.b"}, csrf=False).status_code == 403
    mine = loans.client.app.state["runtime"].signer.form_token("somebody-else")
    assert owner.post("/item/new", {"name": "x", "csrf_token": mine}, csrf=False).status_code == 403
    assert owner.post("/item/new", {"name": "x"}, origin="https://evil.example").status_code == 403
    assert owner.post("/item/new", {"name": "x"}, origin="null").status_code == 403
    assert owner.get("/item").text.count("data-row-id") == before
    kept = owner.post("/item/new", {"name": "from here"}, origin="http://testserver.local")
    assert kept.status_code == 303


def test_mistakes_are_told_beside_their_field_and_the_text_is_kept(loans):
    answer = loans.owner.post("/loan/new", {"due": "tomorrow", "borrower": "Nobody Known", "notes": "<keep> me"})
    assert answer.status_code == 422
    for field in ("item", "due", "borrower", "lent"):
        assert f'id="f-{field}-error"' in answer.text
        assert f'href="#f-{field}"' in answer.text
    assert "&lt;keep&gt; me" in answer.text
    assert 'value="tomorrow"' in answer.text


def test_unique_ignores_case_and_names_the_field(loans):
    assert loans.owner.post("/item/new", {"name": "A", "serial": "ÄB-1"}).status_code == 303
    again = loans.owner.post("/item/new", {"name": "B", "serial": "äb-1"})
    assert again.status_code == 422
    assert 'id="f-serial-error"' in again.text


def test_a_row_that_others_refer_to_stays(loans):
    owner = loans.owner
    answer = owner.post("/item/1/delete")
    assert answer.status_code == 409
    assert "Nothing was deleted" in answer.text
    assert owner.get("/item/1").status_code == 200


def test_two_editors_do_not_overwrite_each_other(loans):
    owner = loans.owner
    where = owner.post("/item/new", {"name": "shared"}).headers["location"]
    assert owner.post(f"{where}/edit", {"name": "first", "version": "1"}).status_code == 303
    late = owner.post(f"{where}/edit", {"name": "second", "version": "1"})
    assert late.status_code == 422
    assert "Somebody changed this" in late.text
    assert "first" in owner.get(where).text
    assert owner.post(f"{where}/edit", {"name": "second", "version": "2"}).status_code == 303


def test_lists_search_sort_filter_and_page(loans):
    owner = loans.owner
    for number in range(30):
        owner.post("/item/new", {"name": f"Probe {number:02} 100%_", "category": "other"})
    found = row_ids(owner.get("/item?q=100%25_").text)
    assert len(found) == 25
    assert len(row_ids(owner.get("/item?q=100%25_&page=2").text)) == 5
    assert len(row_ids(owner.get("/item?q=100%25_&page=99").text)) == 5
    assert "30 items" in owner.get("/item?q=PROBE").text
    page = owner.get("/item?q=probe&sort=name").text
    assert page.index("Probe 00") < page.index("Probe 01")
    assert 'aria-sort="ascending"' in page
    down = owner.get("/item?q=probe&sort=-name").text
    assert down.index("Probe 29") < down.index("Probe 28")
    assert row_ids(owner.get("/item?q=probe&f.category=laptop").text) == []
    assert len(row_ids(owner.get("/item?f.category=camera").text)) == 1
    assert "no column" in owner.get("/item?sort=colour&f.size=3").text
    assert row_ids(owner.get("/loan?f.returned=on").text) == [3]
    assert 1 in row_ids(owner.get("/loan?q=thinkpad").text)
    exported = owner.get("/item/export.csv?q=probe&sort=name").text.splitlines()
    assert len(exported) == 31
    assert exported[1].startswith(tuple("0123456789"))


def test_the_overdue_page_shows_what_is_overdue_today(loans):
    owner = loans.owner
    late = (datetime.now().astimezone().date() - timedelta(days=1)).isoformat()
    today = datetime.now().astimezone().date().isoformat()
    form = {"item": "2", "borrower": "late@example.com", "lent": "2026-01-01"}
    overdue = owner.post("/loan/new", form | {"due": late}).headers["location"].split("/")[-1]
    returned = owner.post("/loan/new", form | {"due": late, "returned": "on"}).headers["location"].split("/")[-1]
    due_now = owner.post("/loan/new", form | {"due": today}).headers["location"].split("/")[-1]
    shown = row_ids(owner.get("/pages/overdue").text)
    assert int(overdue) in shown
    assert int(returned) not in shown
    assert int(due_now) not in shown


def test_spreadsheets_get_no_formulas(loans):
    loans.owner.post("/item/new", {"name": "=1+1"})
    assert "'=1+1" in loans.owner.get("/item/export.csv").text


def test_pictures_are_kept_for_those_who_may_see_the_row(tmp_path):
    with served(blueprint("supplier_complaints"), tmp_path) as app:
        owner = app.owner
        form = {"subject": "s", "supplier": "1", "category": "other", "severity": "low", "reported": "2026-11-01"}
        page = owner.post("/complaint/new", form, files={"report": ("a.html", b"<script>", "text/html")})
        assert page.status_code == 422
        big = owner.post("/complaint/new", form, files={"report": ("a.txt", b"x" * (21 << 20), "text/plain")})
        assert big.status_code == 422
        huge = owner.post("/complaint/new", form, files={"report": ("a.txt", b"x" * (45 << 20), "text/plain")})
        assert huge.status_code == 413
        made = owner.post("/complaint/new", form, files={"report": ("../../näme.csv", b"a,b", "text/html")})
        assert made.status_code == 303
        where = f"{made.headers['location']}/files/report"
        got = owner.get(where)
        assert (got.status_code, got.content) == (200, b"a,b")
        assert got.headers["content-type"].startswith("text/csv")
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["content-disposition"].startswith("attachment")
        assert app.as_("Purchasing").get(where).status_code == 200
        assert app.as_("nobody").get(where).status_code == 403
        stored = [path for path in (tmp_path / "data" / "files").rglob("*") if path.is_file()]
        assert len(stored) == 1
        assert owner.post(f"{made.headers['location']}/delete").status_code == 303
        assert not stored[0].exists()


def test_pictures_must_be_pictures(loans):
    owner = loans.owner
    assert owner.post("/item/new", {"name": "p"}, files={"photo": ("p.png", b"GIF", "image/png")}).status_code == 422
    where = owner.post("/item/new", {"name": "p"}, files={"photo": ("p.svg", PNG, "x/y")}).headers["location"]
    got = owner.get(f"{where}/files/photo")
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"].startswith("inline")
    assert owner.get(f"{where}/files/name").status_code == 404


def test_every_answer_is_closed_against_other_sites(loans):
    for path in ("/item", "/nothing", "/healthz", "/static/kit.css", "/item/999999"):
        headers = loans.owner.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_only_the_named_origin_may_frame_it(tmp_path):
    with served(blueprint("visitor_sign_in"), tmp_path, frame_ancestors="http://studio.example") as app:
        headers = app.owner.get("/visit").headers
        assert "frame-ancestors http://studio.example" in headers["content-security-policy"]
        assert "x-frame-options" not in headers


def test_unknown_addresses_and_rows(loans):
    for path in (
        "/item/999999",
        "/item/0",
        f"/item/{2**63}",
        f"/item/{10**30}",
        "/item/-1",
        "/item/x",
        "/pages/none",
        "/items",
    ):
        assert loans.owner.get(path).status_code == 404, path


def test_nothing_comes_from_elsewhere_and_no_script_is_inline(any_app):
    made, app = any_app
    for page in made.pages:
        html = app.owner.get(f"/pages/{naming.slug(page.title)}").text
        assert not re.findall(r'(?:src|href)="(?:https?:)?//(?!example\.com|[a-z.]*example)[^"]*"', html)
        assert not re.findall(r"<script(?![^>]*src=)|\son\w+=|style=", html)


def test_static_files_are_there(loans):
    for name in ("kit.css", "app.css", "kit.js", "htmx.min.js", "icon.svg"):
        assert loans.client.get(f"/static/{name}").status_code == 200
