"""What nobody may do with a generated app: every verb by every role, other people's rows, forms from elsewhere."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

import pytest

from tests.fixtures.generated_apps import row_ids, served
from tests.fixtures.guarded_app import EXPORTS, GUARDED, PAGES, TURNED, everything, made, routes, stored

OTHERS = "zqforeign"
REFUSED = (403, 404)
# Who gets an answer with another person's row: M(anager), C(lerk), R(eader); an Outsider never does.
READ = {
    "/case": "MCR", "/case/export.csv": "MCR", "/case/{row}": "MR", "/case/{row}/edit": "M", "/case/{row}/delete": "M",
    "/case/new": "MC", "/case/import": "MC", "/customer": "MCR", "/customer/{customer}": "MCR",
    "/customer/{customer}/edit": "M", "/customer/new": "M", "/customer/import": "M", "/customer/export.csv": "MCR",
    "/note": "MC", "/note/{note}": "M", "/note/{note}/edit": "M", "/note/{note}/delete": "M", "/note/new": "MC",
    "/case/{row}/files/paper": "MR", "/pages/add-a-case": "MC", "/pages/ask-us": "MC",
    "/pages/case-file?id={row}": "MR",
    **{page: "MCR" for page in [*PAGES, *TURNED, *EXPORTS] if page not in ("/pages/add-a-case", "/pages/ask-us")},
}  # fmt: skip
WRITE = [
    ("/case/new", {"subject": "x"}, "MC"),
    ("/case/{row}/edit", {"subject": "x", "version": "{version}"}, "M"),
    ("/case/{row}/do/finish", {}, "M"),
    ("/case/{row}/do/approve", {}, "M"),
    ("/case/{row}/undo/{entry}", {}, ""),
    ("/pages/board/move", {"id": "{row}", "value": "waiting", "version": "{version}"}, "M"),
    ("/case/import", {"step": "add", "text": "Subject '><xss-probe>\nx\n"}, "MC"),
    ("/customer/new", {"name": "x"}, "M"),
    ("/customer/{customer}/edit", {"name": "x", "version": "1"}, "M"),
    ("/customer/import", {"step": "add", "text": "Name\nx\n"}, "M"),
    ("/note/{note}/edit", {"words": "x", "about": "{row}", "version": "1"}, "M"),
    ("/note/{note}/delete", {}, "M"),
    ("/note/new", {"about": "{row}", "words": "x"}, "M"),
    ("/case/{row}/delete", {}, "M"),
]
PEOPLE = [("Manager", "Mark"), ("Clerk", "Cleo"), ("Reader", "Rita"), ("Outsider", "Otto"), ("no role at all", "Nora")]
PDF = {"paper": ("a.pdf", b"%PDF-1.4 x", "application/pdf")}


class World:
    """Mona's rows in the app, and what their addresses are."""

    def __init__(self, app):
        mona = app.as_("Manager", name="Mona")
        self.app = app
        customer = made(mona, "/customer", name=f"{OTHERS} customer")
        fields = {"subject": f"{OTHERS} case", "customer": str(customer), "clerk": "", "secret": f"{OTHERS} secret"}
        row = made(mona, "/case", PDF, **fields, starts="2026-11-20", ends="2026-11-25", cost="12", state="open")
        done = mona.post(f"/case/{row}/do/approve")
        assert done.status_code == 303
        entry = max(entry[0] for entry in everything(app)["_history"])
        note = made(mona, "/note", about=str(row), words=f"{OTHERS} note")
        self.names = {"row": row, "customer": customer, "note": note, "entry": entry}

    def fill(self, pattern):
        version = stored(self.app, "case", self.names["row"])["version"]
        return pattern.format(**self.names, version=version, entity="case") if "{" in pattern else pattern


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(GUARDED, tmp_path_factory.mktemp("guarded"), examples=False) as running:
        yield running


@pytest.fixture
def world(app):
    return World(app)


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_reading_is_as_wide_as_the_access_lines_and_no_wider(world, role, name):
    person = world.app.as_(role, name=name)
    for pattern, who in READ.items():
        answer = person.get(world.fill(pattern))
        if role[0] in who:
            assert answer.status_code == 200, pattern
        else:
            assert answer.status_code in REFUSED, pattern
        if role not in ("Manager", "Reader") and "customer" not in pattern:
            shown = answer.text.replace(f"{OTHERS} customer", "")
            assert OTHERS not in shown, pattern
        if role != "Manager":
            assert f"{OTHERS} secret" not in answer.text, pattern
        assert "inside" not in answer.text, pattern


@pytest.mark.parametrize(("role", "name"), PEOPLE)
def test_changing_is_as_wide_as_the_access_lines_and_a_refusal_changes_nothing(world, role, name):
    person = world.app.as_(role, name=name)
    person.get("/")
    for pattern, fields, who in WRITE:
        before = everything(world.app)
        sent = {key: world.fill(value) for key, value in fields.items()}
        if role == "Manager" and pattern == "/case/{row}/delete":  # only a row that nothing refers to can go
            for other in row_ids(person.get(f"/note?f.about={world.names['row']}").text):
                person.post(f"/note/{other}/delete")
        board = pattern == "/pages/board/move"
        answer = person.post(world.fill(pattern), sent, **({"accept": "application/json"} if board else {}))
        if role[0] in who:
            assert answer.status_code == (200 if board else 303), (pattern, answer.status_code, answer.text[-800:])
            continue
        allowed = (*REFUSED, 422) if pattern == "/note/new" and role == "Clerk" else REFUSED
        assert answer.status_code in allowed, (pattern, answer.status_code)
        assert OTHERS not in answer.text.replace(f"{OTHERS} customer", ""), pattern
        assert everything(world.app) == before, pattern


def test_a_row_with_the_number_of_another_entity_or_none_is_not_found(world):
    clerk = world.app.as_("Clerk", name="Cleo")
    own = made(clerk, "/case", subject="mine")
    entry = world.names["entry"]
    before = everything(world.app)
    for pattern in (f"/case/{own}/undo/{entry}", f"/case/{own}/undo/999", f"/case/{own}/do/nothing", "/case/999/edit"):
        assert clerk.post(pattern, {"subject": "x"}).status_code == 404, pattern
    for odd in ("0", "-1", "999999999999999999999", "1e3", "%31%00", "1;2", "..%2f1"):
        assert clerk.get(f"/case/{odd}").status_code in (400, 404), odd
        assert clerk.get(f"/pages/case-file?id={odd}").status_code in (200, 404), odd
    move = {"id": str(world.names["row"]), "value": "done", "version": "1"}
    assert clerk.post("/pages/board/move", move, accept="application/json").status_code in REFUSED
    reminder = {"key": "x", "row": str(world.names["row"]), "day": "2026-11-20"}
    assert clerk.post("/-/reminders/done", reminder).status_code == 404
    assert everything(world.app) == before


def test_a_reference_to_a_row_that_one_may_not_see_cannot_be_set(world):
    clerk = world.app.as_("Clerk", name="Cleo")
    answer = clerk.post("/note/new", {"about": str(world.names["row"]), "words": "x"})
    assert answer.status_code == 422
    text = f"About,Words\n{OTHERS} case,x\n{world.names['row']},x\n"
    looked = clerk.post("/note/import", {"text": text, "step": "add", "mode": "skip"})
    assert looked.status_code != 303
    form = clerk.get(f"/note/new?about={world.names['row']}").text
    assert OTHERS not in form


def _spots(app, method):
    names = {"row_id": 1, "entry_id": 1, "slug": "finish", "name": "paper", "file_path": "kit.css"}
    return [(path.format(**names), public) for path, public in routes(app, method)]


def test_every_address_that_changes_something_needs_a_form_of_this_app_for_this_person(world):
    owner = world.app.owner
    owner.get("/")
    signer = world.app.client.app.state["runtime"].signer
    before = everything(world.app)
    spots = _spots(world.app, "POST")
    assert len(spots) > 20
    for path, public in spots:
        person = world.app.as_("@public", name="Pia") if public else owner
        wrong = 422 if public else 403
        fields = {"subject": "x", "name": "x", "key": "x", "row": "1", "day": "2026-11-20", "id": "1", "value": "done"}
        assert person.post(path, fields, csrf=False).status_code == wrong, path
        for token in ("", "x.y", signer.form_token("id-somebody"), "é.ü"):
            assert person.post(path, {**fields, "csrf_token": token}, csrf=False).status_code == wrong, (path, token)
        for origin in ("https://evil.example", "null", "http://testserver.local.evil.example"):
            assert person.post(path, fields, origin=origin).status_code == 403, (path, origin)
    assert everything(world.app) == before
    for method in ("put", "patch", "delete"):
        for path, _ in spots:
            answer = getattr(world.app.client, method)(path, headers=owner._headers({}))
            assert answer.status_code == 405, (method, path)


def test_no_address_but_the_named_ones_answers_without_an_identity(world):
    client = world.app.client
    for method in ("GET", "POST"):
        for path, public in _spots(world.app, method):
            client.cookies.clear()
            answer = client.request(method, path)
            if not public or path.startswith("/kiosk"):
                assert answer.status_code == 401, (method, path)
                assert OTHERS not in answer.text


BACK = (
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "javascript:x",
    "/ok\r\nx: y", "", "///evil.example", "/%09/evil.example", "/..//evil.example", " /case", "http:evil.example", "@x",
)  # fmt: skip


def test_no_answer_leads_out_of_the_app(world):
    for back in BACK:
        answer = world.app.owner.post(f"/case/{world.names['row']}/do/approve", {"back": back})
        assert answer.status_code == 303
        location = answer.headers["location"]
        assert location.startswith("/"), back
        assert urlsplit(urljoin("http://app.example/case/1", location)).netloc == "app.example", back
        assert "\\" not in location, back
        assert "x" not in answer.headers, back


def test_what_the_form_does_not_have_cannot_be_set(world):
    clerk = world.app.as_("Clerk", name="Cleo")
    own = made(clerk, "/case", subject="mine")
    first = stored(world.app, "case", own)
    worse = {
        "id": "77", "version": "1", "created_by": "1", "created_at": "2001-01-01", "updated_at": "2001-01-01",
        "number": "C-9999", "internal": "changed", "secret": "changed", "double": "9", "shown": "changed",
        "_history": "x", "entity": "note", "__class__": "x", "field_created_by": "1",
    }  # fmt: skip
    first_number = int(first["number"][2:])
    second = stored(world.app, "case", made(clerk, "/case", subject="again", **(worse | {"version": "55"})))
    text = (
        "Subject '><xss-probe>,id,version,created_by,number,internal,secret,double,shown\nby table,77,9,1,C-9,c,c,9,c\n"
    )
    assert clerk.post("/case/import", {"text": text, "step": "add"}).status_code == 303
    third = stored(world.app, "case", second["id"] + 1)
    guest = world.app.as_("@public", name="Pia")
    token = re.search(r'name="csrf_token" value="([^"]+)"', guest.get("/kiosk/ask-us").text)[1]
    sent = {**worse, "subject": "kiosk", "csrf_token": token, "clerk": "cleo@example.com", "cost": "5", "state": "done"}
    assert guest.post("/kiosk/ask-us", sent, csrf=False).status_code == 303
    fourth = stored(world.app, "case", third["id"] + 1)
    assert clerk.post(f"/case/{own}/edit", {**worse, "subject": "edited"}).status_code == 303
    edited = stored(world.app, "case", own)
    for number, found in enumerate((second, third, fourth)):
        assert found["internal"] == "inside"
        assert found["secret"] is None
        assert found["version"] == 1
        assert found["number"] == f"C-{first_number + number + 1:04}"
        assert found["created_by"] == (None if found is fourth else first["created_by"])
        assert not str(found["created_at"]).startswith("2001")
    assert (fourth["clerk"], fourth["cost"], fourth["state"]) == (None, None, "open")
    kept = ("id", "created_by", "created_at", "number", "internal", "secret")
    assert [edited[name] for name in kept] == [first[name] for name in kept]
    assert (edited["subject"], edited["version"]) == ("edited", first["version"] + 1)
