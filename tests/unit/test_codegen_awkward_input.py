"""Awkward text in every text field: nothing breaks, what is stored is what was sent, what is shown is escaped."""

from __future__ import annotations

import json
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from appliance.blueprint.parser import parse
from tests.fixtures.generated_apps import served

STRINGS = Path(__file__).parents[1] / "fixtures" / "naughty_strings.jsonl"
NOTES = parse(
    """app "Notes"
role Writer
entity Note
  title text
  body longtext
  mail email
  tel phone
  link url
  amount money
  count number
  day date
  who person
access Note: Writer all
page "Notes" table Note
"""
)


def naughty() -> list[str]:
    return [json.loads(line)["text"] for line in STRINGS.read_text(encoding="utf-8").splitlines()]


class Tags(HTMLParser):
    """Collects what a browser would run."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "iframe", "object", "embed", "base"):
            self.scripts.append(dict(attrs).get("src"))
        self.handlers += [name for name, value in attrs if name.startswith("on") or name == "style"]
        self.handlers += [
            name for name, value in attrs if name in ("href", "src") and (value or "").startswith("javascript")
        ]


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    with served(NOTES, tmp_path_factory.mktemp("notes")) as app:
        yield app


def test_every_awkward_text_is_kept_as_it_was_sent_and_shown_escaped(notes):
    writer = notes.as_("Writer")
    kept = []
    for text in naughty():
        made = writer.post("/note/new", {"title": text, "body": text})
        assert made.status_code == 303, text
        row = int(made.headers["location"].split("/")[-1])
        kept.append((row, text))
    runtime = notes.client.app.state["runtime"]
    entity = runtime.definition.entities[0]
    with runtime.database.reading() as session:
        for row, text in kept:
            stored = session.get(entity.model, row)
            assert (stored.title or "", stored.body or "") == (text, text)
    for row, text in kept[::7]:
        html = writer.get(f"/note/{row}").text
        assert str(escape(text)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in html
    pages = [f"/note?page={number}" for number in range(1, 22)]
    for path in [*pages, "/note/export.csv", *(f"/note/{row}{end}" for row, _ in kept[::3] for end in ("", "/edit"))]:
        answer = writer.get(path)
        assert answer.status_code == 200
        tags = Tags()
        tags.feed(answer.text if "csv" not in path else "")
        assert all(src and src.startswith("/static/") for src in tags.scripts), path
        assert tags.handlers == [], path


def test_awkward_text_in_every_other_field_is_a_message_not_a_failure(notes):
    writer = notes.as_("Writer")
    for text in naughty():
        everything = dict.fromkeys(("mail", "tel", "link", "amount", "count", "day", "who"), text)
        assert writer.post("/note/new", everything).status_code in (303, 422), text


def test_awkward_text_in_addresses_is_harmless(notes):
    writer = notes.as_("Writer")
    for text in naughty()[::6]:
        for name in ("q", "sort", "page", "view", "f.title", "f.who", "f.day", "f.nothing"):
            answer = notes.client.get("/note", params={name: text}, headers=writer._headers({}))
            assert answer.status_code == 200, (name, text)


def test_searching_finds_the_text_itself(notes):
    writer = notes.as_("Writer")
    for text in ("100% _wild_ \\ back", "ÄÖÜ träge", "👾 emoji", "' OR 2=2 -- zq"):
        writer.post("/note/new", {"title": text})
        page = notes.client.get("/note", params={"q": text.upper()}, headers=writer._headers({}))
        assert "1 note<" in page.text.replace("\n", ""), text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"title=%FF%FE&csrf_token=x", b"--x\r\n", b"title=\x00"])
def test_broken_bodies_are_refused(notes, body):
    writer = notes.as_("Writer")
    for kind in (
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
    ):
        headers = writer._headers({}) | {"content-type": kind}
        assert notes.client.post("/note/new", content=body, headers=headers).status_code in (400, 403)


def test_a_nul_character_is_refused_in_words(notes):
    answer = notes.as_("Writer").post("/note/new", {"title": "a\0b"})
    assert answer.status_code == 422
    assert "cannot be stored" in answer.text
