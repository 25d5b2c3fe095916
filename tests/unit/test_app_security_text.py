"""Hostile text, files and questions: whatever somebody sends, it stays text, and what is not theirs stays hidden."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.fixtures.generated_apps import row_ids, served
from tests.fixtures.guarded_app import (
    EXPORTS,
    GUARDED,
    PAGES,
    PROBE,
    TURNED,
    dangers,
    everything,
    made,
    stored,
)  # fmt: skip

SHOWING = [
    *PAGES,
    *TURNED,
    "/case",
    "/customer",
    "/note",
    "/case/new",
    "/case/import",
    "/-/reminders",
    "/-/people",
    "/-/people/me",
]
NAUGHTY = [
    json.loads(line)["text"]
    for line in (Path(__file__).parents[1] / "fixtures/naughty_strings.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(GUARDED, tmp_path_factory.mktemp("guarded"), examples=False) as running:
        yield running


@pytest.fixture(scope="module")
def row(app):
    """A row with the probe in everything that can hold it, its history, a reminder and something that refers to it."""
    manager = app.as_("Manager", name=PROBE)
    manager.get("/")
    customer = made(manager, "/customer", name=PROBE)
    fields = dict.fromkeys(("subject", "detail", "secret"), PROBE)
    number = made(
        manager, "/case", {"paper": (f"{PROBE}.txt", b"x", "text/html")}, **fields,
        customer=str(customer), starts="2026-01-01", cost="200", clerk=f"id-{PROBE.lower()}", state="open",
    )  # fmt: skip
    made(manager, "/note", about=str(number), words=PROBE)
    edited = {
        "subject": f"{PROBE} 2",
        "detail": PROBE,
        "customer": str(customer),
        "version": "1",
        "cost": "200",
        "starts": "2026-01-01",
    }
    assert (
        manager.post(f"/case/{number}/edit", {**edited, "clerk": f"id-{PROBE.lower()}", "state": "open"}).status_code
        == 303
    )
    return number


def clean(answer, what, *, shows=True):
    assert answer.status_code < 500, what
    if "csv" in answer.headers.get("content-type", ""):
        return
    assert dangers(answer.text) == [], what
    assert "<xss-probe" not in answer.text, what
    if shows:
        assert "&lt;xss-probe" in answer.text, what


def test_stored_text_is_only_text_on_every_page(app, row):
    manager = app.as_("Manager", name=PROBE)
    form = [f"/case/{row}", f"/case/{row}/edit", f"/case/{row}/delete", f"/pages/case-file?id={row}", "/kiosk/ask-us"]
    for path in [*SHOWING, *form[:-1]]:
        clean(manager.get(path), path)
    detail = manager.get(f"/case/{row}").text
    assert unescape(detail).count(PROBE) > 8
    assert "data-entry=" in detail
    assert unescape(manager.get("/-/reminders").text).count(PROBE) >= 2
    for path in ("/pages/by-customer", "/pages/board", "/pages/plan", "/pages/paper", "/pages/days?show=list"):
        assert PROBE in unescape(manager.get(path).text), path
    guest = app.as_("@public", name="Pia")
    clean(guest.get("/kiosk/ask-us"), "kiosk")
    clean(guest.get("/kiosk/ask-us?done=1"), "kiosk thanks")


def test_text_that_comes_back_at_once_is_only_text(app, row):
    manager = app.as_("Manager", name=PROBE)
    probe = quote(PROBE)
    for path in SHOWING:
        mark = "&" if "?" in path else "?"
        names = (
            "q",
            "sort",
            "page",
            "view",
            "on",
            "show",
            "zoom",
            "id",
            "f.subject",
            "f.customer.name",
            "f.nothing",
            "x",
            "done",
        )
        asked = "&".join(f"{name}={probe}" for name in names)
        clean(manager.get(f"{path}{mark}{asked}"), path)
    for path in (f"/{probe}", f"/pages/{probe}", f"/case/{probe}", f"/kiosk/{probe}", f"/-/sign-in?code={probe}"):
        clean(manager.get(path), path, shows=False)
    wrong = {
        "subject": "",
        "detail": PROBE,
        "mail": PROBE,
        "tel": PROBE,
        "link": PROBE,
        "cost": "-1",
        "starts": PROBE,
        "clerk": PROBE,
    }
    clean(manager.post("/case/new", wrong), "form")
    refused = manager.post("/case/new", {"subject": PROBE, "cost": "-1"})
    assert refused.status_code == 422
    clean(refused, "rule")
    table = io.StringIO()
    csv.writer(table).writerows([["Subject '><xss-probe>", "Cost", PROBE], [PROBE, PROBE, PROBE], [PROBE, "5", PROBE]])
    looked = manager.post("/case/import", {"text": table.getvalue()})
    clean(looked, "import")
    assert unescape(looked.text).count(PROBE) >= 4
    clean(manager.post("/case/import", {"text": PROBE}), "import of nonsense")
    guest = app.as_("@public", name="Pia")
    sent = guest.post("/kiosk/ask-us", {"subject": PROBE, "detail": PROBE, "mail": PROBE, "link": PROBE})
    assert sent.status_code == 422
    clean(sent, "kiosk")
    done = manager.post("/case/new", {"subject": PROBE})
    cookie = done.headers["set-cookie"].split(";")[0]
    clean(manager.get(done.headers["location"], cookie=cookie), "message")


LINKS = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " javascript:alert(1)", "\x01javascript:x",
    "data:text/html,<script>x</script>", "vbscript:x", "//evil.example", "https:javascript:x", "http://", "file:///etc",
    'https://a.example/" onmouseover="x', "https://a.example/'><xss-probe>", "blob:https://x/1",
)  # fmt: skip


def test_links_lead_to_web_addresses_and_nowhere_else(app):
    manager = app.as_("Manager", name="Mona")
    for link in LINKS:
        answer = manager.post("/case/new", {"subject": "links", "link": link})
        if answer.status_code == 303:
            kept = stored(app, "case", int(answer.headers["location"].split("/")[-1]))["link"]
            assert re.match(r"https?://[^/]", kept), link
            for path in (answer.headers["location"], "/case?q=links", "/pages/case-file"):
                assert dangers(manager.get(path).text) == [], link
        else:
            assert answer.status_code == 422, link
    for name, value in (
        ("mail", 'a@b.example"onclick="x'),
        ("mail", "javascript:x@b.example"),
        ("tel", "javascript:1"),
    ):
        answer = manager.post("/case/new", {"subject": "links", name: value})
        if answer.status_code == 303:
            assert dangers(manager.get(answer.headers["location"]).text) == [], value


def test_awkward_text_is_kept_and_shown_as_text_on_every_kind_of_page(app):
    manager = app.as_("Manager", name="Mona")
    texts = [text for text in NAUGHTY if text.strip() and "\0" not in text and len(text) <= 1000]
    table = io.StringIO()
    csv.writer(table).writerows([["Name"], *([text] for text in texts)])
    assert manager.post("/customer/import", {"text": table.getvalue(), "step": "add"}).status_code == 303
    last = max(row_ids(manager.get("/customer?sort=-id").text + manager.get("/customer").text))
    numbers = [entry[3] for entry in everything(app)["_history"]]
    assert last in numbers or numbers
    runtime = app.client.app.state["runtime"]
    model = runtime.definition.by_table["customer"].model
    with runtime.database.reading() as session:
        kept = {found.name: found.id for found in session.query(model).all()}
    assert set(texts) <= set(kept)
    for index, text in enumerate(texts[::9]):
        day = f"2026-11-{index % 28 + 1:02}"
        sent = {
            "subject": text,
            "detail": text,
            "secret": text,
            "customer": str(kept[text]),
            "starts": day,
            "state": "open",
        }
        answer = manager.post("/case/new", sent)
        assert answer.status_code == 303, text
        found = stored(app, "case", int(answer.headers["location"].split("/")[-1]))
        assert (found["subject"], found["detail"], found["secret"]) == (text, text, text)
        clean(manager.get(answer.headers["location"]), text, shows=False)
        other = {"mail": text, "tel": text, "link": text, "cost": text, "starts": text, "clerk": text, "subject": "x"}
        assert manager.post("/case/new", other).status_code in (303, 422), text
        assert (
            app.client.get(
                "/pages/paper", params={"q": text, "f.subject": text}, headers=manager._headers({})
            ).status_code
            == 200
        )
    for path in [*SHOWING, "/pages/days?on=2026-11-10", "/pages/days?show=list&on=2026-11-01", *EXPORTS]:
        clean(manager.get(path), path, shows=False)


INJECTED = (
    "' OR 1=1 --", "') OR ('1'='1", "1; DROP TABLE \"case\"",
    "' UNION SELECT secret FROM \"case\" --", "\\", "%", "_", "\x00",
    "subject; DROP TABLE note", "(SELECT 1)",
    "subject) DESC, (SELECT secret", "1..2", "..", "0x31", "~", "é" * 300,
)  # fmt: skip


def test_questions_are_values_and_never_part_of_a_statement(app, row):
    clerk, manager = app.as_("Clerk", name="Cora"), app.as_("Manager", name="Mona")
    own = made(clerk, "/case", subject="zqown", secret="")
    made(manager, "/case", subject="zqhers", secret="zqhidden")
    before = everything(app)
    names = [
        "q", "sort", "page", "view", "on", "show", "zoom", "id", "f.subject", "f.customer", "f.customer.name",
        "f.starts", "f.cost", "f.state", "f.secret", "f.internal", "f.id", "f.created_by", "f.subject' OR 1=1",
        "f.clerk.email",
    ]  # fmt: skip
    for path in [
        "/case",
        "/pages/cases",
        "/pages/board",
        "/pages/paper",
        "/pages/days",
        "/pages/plan",
        "/pages/by-customer",
        *EXPORTS,
    ]:
        for text in INJECTED if path == "/case" else INJECTED[::4]:
            few = ("q", "sort", "f.subject", "f.starts", "f.customer.name")
            for name in names if path == "/case" and text in INJECTED[:4] else few:
                answer = app.client.get(path, params={name: text}, headers=clerk._headers({}))
                assert answer.status_code == 200, (path, name, text)
                assert "zqhers" not in answer.text, (path, name, text)
                assert "zqhidden" not in answer.text, (path, name, text)
    assert set(row_ids(clerk.get("/case").text)) == {own}
    assert row_ids(clerk.get(f"/case?q={quote(INJECTED[0])}").text) == []
    assert row_ids(clerk.get("/case?q=%25").text) == []
    for wish in ("f.secret=zqhidden", "f.secret=", "sort=secret", "f.internal=inside", "f.internal=nothing"):
        assert row_ids(clerk.get(f"/case?{wish}").text) == [own], wish  # neither says anything about what is hidden
    heads = ["subject); DROP TABLE note; --", "created_by", "case.secret", '"case"', "secret", "' OR 1=1 --"]
    for head in heads:
        table = io.StringIO()
        csv.writer(table).writerows([["Subject '><xss-probe>", head], ["zqimport", "' OR 1=1 --"]])
        assert clerk.post("/case/import", {"text": table.getvalue()}).status_code in (200, 422), head
    assert everything(app) == before
