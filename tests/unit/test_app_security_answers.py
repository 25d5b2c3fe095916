"""What a generated app answers with: files that no browser runs, and the headers that close every address."""

from __future__ import annotations

import re

import pytest

from tests.fixtures.generated_apps import served
from tests.fixtures.guarded_app import GUARDED, dangers, made, routes

PRIVATE = ("no-store", "private, no-cache")


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with served(GUARDED, tmp_path_factory.mktemp("guarded"), examples=False) as running:
        yield running


FILES = (
    ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="x"><script>x</script></svg>', "image/svg+xml"),
    ("a.html", b"<script>x</script>", "text/html"),
    ("a.html.txt", b"<html><script>x</script>", "text/html"),
    ("a.xml", b'<x:script xmlns:x="http://www.w3.org/1999/xhtml">x</x:script>', "text/xml"),
    ("a.gif", b"GIF89a/*<script>x</script>*/=1;", "text/html"),
    ("a.png", b"<script>x</script>", "image/png"),
    ("a.pdf", b"%PDF-1.4 <script>x</script>", "text/html"),
    ("a.jpg", b"\xff\xd8\xff<svg onload=x>", "image/svg+xml"),
    ("a.csv", b"=cmd|' /C calc'!A0", "text/html"),
    ("a.js", b"alert(1)", "text/javascript"),
    ("../../x.txt", b"x", "text/plain"),
    ('a"; filename="b.html.txt', b"x", "text/plain"),
    ("a\r\nset-cookie: x=1\r\n.txt", b"x", "text/plain"),
    (".htaccess", b"x", "text/plain"),
    ("a.txt\x00.html", b"x", "text/plain"),
    ("a.PHP", b"<?php", "text/plain"),
)
TAKEN = {"application/xml", "image/gif", "image/jpeg", "application/pdf", "text/csv", "text/plain"}


def test_files_are_served_so_that_no_browser_runs_them(app):
    manager = app.as_("Manager", name="Mona")
    seen = set()
    for name, content, declared in FILES:
        for field in ("paper", "photo"):
            answer = manager.post("/case/new", {"subject": "files"}, files={field: (name, content, declared)})
            if answer.status_code == 422:
                continue
            assert answer.status_code == 303, name
            file = manager.get(f"{answer.headers['location']}/files/{field}")
            assert file.status_code == 200, name
            kind = file.headers["content-type"].split(";")[0]
            seen.add(kind)
            assert kind in TAKEN, (name, kind)
            assert file.headers["x-content-type-options"] == "nosniff"
            assert file.headers["content-security-policy"] == "default-src 'none'; sandbox"
            shown = file.headers["content-disposition"].partition(";")[0]
            assert shown == "attachment" or kind in {"image/gif", "image/jpeg", "application/pdf", "text/plain"}, name
            assert not {"\r", "\n"} & set(file.headers["content-disposition"])
            assert ".." not in file.headers["content-disposition"]
            assert "set-cookie" not in file.headers
            assert file.content == content
            assert dangers(manager.get(answer.headers["location"]).text) == [], name
            if name.startswith("a.html.txt"):
                assert kind == "text/plain"
    assert seen >= {"text/plain", "application/pdf", "text/csv"}
    runtime = app.client.app.state["runtime"]
    folder = runtime.settings.data_dir / "files"
    assert all(re.fullmatch(r"[0-9a-f]{40}", path.name) for path in folder.rglob("*") if path.is_file())


def test_every_answer_has_the_headers_that_close_it(app):
    row = made(
        app.as_("Manager", name="Mona"),
        "/case",
        {"paper": ("a.pdf", b"%PDF-1.4", "application/pdf")},
        subject="headers",
    )
    names = {"row_id": row, "entry_id": 1, "slug": "finish", "name": "paper", "file_path": "kit.css"}
    paths = [path.format(**names) for path, _ in routes(app, "GET")]
    paths += [
        "/nothing",
        "/case/99999",
        "/static/nothing.css",
        "/static/../app.py",
        "/case?page=x",
        "/kiosk/ask-us?done=1",
    ]
    manager, guest, outsider = (
        app.as_("Manager", name="Mona"),
        app.as_("@public", name="Pia"),
        app.as_("Outsider", name="Otto"),
    )
    answers = [(path, person.get(path)) for path in paths for person in (manager, guest, outsider)]
    answers += [(path, app.client.get(path)) for path in paths]
    for path, _ in routes(app, "POST"):
        spot = path.format(**names)
        answers += [(spot, manager.post(spot, csrf=False)), (spot, outsider.post(spot)), (spot, app.client.post(spot))]
    answers += [
        ("/case/new", manager.post("/case/new", {"subject": ""})),
        ("/case/import", manager.post("/case/import")),
    ]
    answers += [("/case/new", manager.post("/case/new", {"subject": "x"})), ("PUT", app.client.put("/case"))]
    for path, answer in answers:
        held = answer.headers
        policy = dict(part.strip().partition(" ")[::2] for part in held["content-security-policy"].split(";"))
        assert answer.status_code < 500, path
        assert policy["default-src"] == "'none'", path
        if "sandbox" not in policy:
            assert policy["frame-ancestors"] == policy["base-uri"] == "'none'", path
            assert policy["form-action"] == "'self'", path
            assert policy.get("script-src", "'none'") in ("'self'", "'none'"), path
        assert not re.search(r"unsafe|\*|https?:", held["content-security-policy"]), path
        assert held["x-content-type-options"] == "nosniff", path
        assert held["x-frame-options"] == "DENY", path
        assert held["referrer-policy"] == "same-origin", path
        assert held["permissions-policy"].startswith("camera=()"), path
        assert held["cross-origin-opener-policy"] == held["cross-origin-resource-policy"] == "same-origin", path
        assert "access-control-allow-origin" not in held, path
        assert not {"server", "x-powered-by"} & set(held), path
        if not path.startswith(("/static", "/healthz")):
            assert held.get("cache-control") in PRIVATE, (path, answer.status_code)
        for cookie in held.get_list("set-cookie"):
            assert "httponly" in cookie.lower() or "max-age=0" in cookie.lower(), path
            assert "samesite=lax" in cookie.lower(), path
