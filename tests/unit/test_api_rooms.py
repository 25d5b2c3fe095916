"""The JSON API of a generated app: what its contract says, under the access rules of its pages."""

from __future__ import annotations

import pytest

from tests.fixtures.api_contracts import ROOMS, api_app

BASE = "/v1/rooms-api"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with api_app(ROOMS, tmp_path_factory.mktemp("rooms")) as made:
        yield made


@pytest.fixture
def editor(app):
    return app.as_("Editor", name="Edda")


@pytest.fixture
def reader(app):
    return app.as_("Reader", name="Rita")


def room(editor, **more):
    answer = editor.send("POST", f"{BASE}/rooms", {"name": "Kitchen", "seats": 4} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def booking(editor, at, **more):
    sent = {"title": "Stand-up", "startsAt": "2026-12-01T09:00:00+01:00", "endsAt": "2026-12-01T09:15:00Z"} | more
    answer = editor.send("POST", f"{BASE}/rooms/{at}/bookings", sent)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_what_was_added_comes_back_as_it_was_sent(editor):
    sent = {"name": "Attic", "seats": 7, "floor": None, "code": "AB-123", "equipment": ["beamer", "chalk board"]}
    made = editor.send("POST", f"{BASE}/rooms", sent)
    assert made.status_code == 201
    found = made.json()
    assert {name: found[name] for name in sent} == sent
    assert found["hasScreen"] is False
    assert len(found["id"]) == 36
    assert made.headers["location"] == f"{BASE}/rooms/{found['id']}"
    assert made.headers["cache-control"] == "no-store"
    assert editor.get(f"{BASE}/rooms/{found['id']}").json() == found


def test_replacing_empties_what_is_not_sent(editor):
    made = room(editor, floor=2, contact="desk@example.com", hasScreen=True)
    answer = editor.send("PUT", f"{BASE}/rooms/{made['id']}", {"name": "Lounge", "seats": 9})
    assert answer.status_code == 200
    assert answer.json() == {key: made[key] for key in ("id", "createdAt")} | {
        "name": "Lounge", "seats": 9, "floor": None, "hasScreen": False,
    }  # fmt: skip


def test_changing_leaves_what_is_not_sent(editor):
    made = booking(editor, room(editor)["id"], guests=3, startsAt="2026-12-01T09:00:12.345Z", notes="bring cake")
    answer = editor.send("PATCH", f"{BASE}/bookings/{made['id']}", {"guests": 5, "notes": None})
    assert answer.status_code == 200, answer.text
    changed = answer.json()
    assert changed == made | {"guests": 5, "notes": None, "version": 2}
    assert changed["startsAt"].endswith("12.345000+00:00")


def test_the_app_gives_numbers_states_and_who(editor):
    first, second = (booking(editor, room(editor)["id"]) for _ in range(2))
    assert (int(second["number"][2:]) - int(first["number"][2:]), first["number"][:2]) == (1, "B-")
    assert first["state"] == "asked"
    assert first["bookedBy"] == first["createdBy"] == "edda@example.com"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"seats": 4}, "name"),
        ({"name": "X", "seats": 4}, "name"),
        ({"name": "Hall", "seats": 0}, "seats"),
        ({"name": "Hall", "seats": 4.5}, "seats"),
        ({"name": "Hall", "seats": "4"}, "seats"),
        ({"name": "Hall", "seats": True}, "seats"),
        ({"name": "Hall", "seats": 4, "code": "ab-123"}, "code"),
        ({"name": "Hall", "seats": 4, "code": None}, "code"),
        ({"name": "Hall", "seats": 4, "colour": "red"}, "colour"),
        ({"name": "Hall", "seats": 4, "plan": "…"}, "plan"),
        ({"name": "Hall", "seats": 4, "equipment": ["a\nb"]}, "equipment.0"),
        ({"name": "Hall", "seats": 4, "contact": "nobody"}, "contact"),
    ],
)
def test_what_the_contract_does_not_allow_is_refused_in_its_own_words(editor, sent, field):
    answer = editor.send("POST", f"{BASE}/rooms", sent)
    assert answer.status_code == 400, answer.text
    told = answer.json()
    assert told["code"] == "invalid"
    assert [one["field"] for one in told["errors"]] == [field]


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"name": "Hall", "seats": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(editor, raw):
    answer = editor._client.post(
        f"{BASE}/rooms", content=raw, headers=editor._headers({"content-type": "application/json"})
    )
    assert answer.status_code == 400, answer.text


def test_another_media_type_is_refused(editor):
    headers = editor._headers({"content-type": "text/plain"})
    answer = editor._client.post(f"{BASE}/rooms", content=b'{"name": "Hall", "seats": 2}', headers=headers)
    assert answer.status_code == 400  # the contract has no 415


def test_a_list_is_narrowed_sorted_and_cut_as_asked(editor):
    for seats, floor in ((12, 21), (11, 21), (13, 22)):
        room(editor, name=f"Floor {floor} {seats}", seats=seats, floor=floor)
    found = editor.get(f"{BASE}/rooms?floor=21&sort=seats").json()
    assert [one["seats"] for one in found["items"]] == [11, 12]
    assert found["total"] == 2
    part = editor.get(f"{BASE}/rooms?floor=21&sort=seats&limit=1&offset=1").json()
    assert ([one["seats"] for one in part["items"]], part["total"], part["offset"]) == ([12], 2, 1)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1", "floor=high", "sort=colour", "near=me"])
def test_a_parameter_that_cannot_be_followed_is_refused(editor, query):
    answer = editor.get(f"{BASE}/rooms?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == query.split("=")[0]


def test_rows_below_a_record_are_its_own(editor):
    one, other = room(editor)["id"], room(editor)["id"]
    mine = booking(editor, one)
    booking(editor, other)
    assert [row["id"] for row in editor.get(f"{BASE}/rooms/{one}/bookings").json()] == [mine["id"]]
    assert editor.get(f"{BASE}/rooms/{one}/bookings?state=granted").json() == []


def test_a_record_that_others_need_is_not_deleted(editor):
    used, free = room(editor)["id"], room(editor)["id"]
    booking(editor, used)
    refused = editor.send("DELETE", f"{BASE}/rooms/{used}")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    gone = editor.send("DELETE", f"{BASE}/rooms/{free}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert editor.get(f"{BASE}/rooms/{free}").status_code == 404


@pytest.mark.parametrize(
    "path", ["rooms/1", "rooms/00000000-0000-0000-0000-000000000001", "bookings/99999", "bookings/x"]
)
def test_what_is_not_there_is_not_found(editor, path):
    answer = editor.get(f"{BASE}/{path}")
    assert answer.status_code == 404
    assert "json" in answer.headers["content-type"]


def test_a_reader_reads_and_changes_nothing(editor, reader):
    made = room(editor)
    assert reader.get(f"{BASE}/rooms/{made['id']}").json() == made
    for method, path in (("POST", "rooms"), ("PUT", f"rooms/{made['id']}"), ("DELETE", f"rooms/{made['id']}")):
        answer = reader.send(method, f"{BASE}/{path}", {"name": "Mine", "seats": 1})
        assert answer.status_code == 403, answer.text
    assert editor.get(f"{BASE}/rooms/{made['id']}").json() == made


def test_a_stranger_and_nobody_see_nothing(app, editor):
    made = room(editor)
    stranger = app.as_("somebody", name="Stan")
    for path in ("rooms", f"rooms/{made['id']}", f"rooms/{made['id']}/bookings"):
        assert stranger.get(f"{BASE}/{path}").status_code == 403
        answer = app.client.get(f"{BASE}/{path}")
        assert answer.status_code == 401
        assert "json" in answer.headers["content-type"]


@pytest.mark.parametrize("headers", [{"origin": "https://elsewhere.example"}, {"sec-fetch-site": "cross-site"}])
def test_another_site_changes_nothing(editor, headers):
    made = room(editor)
    for method, path in (("POST", "rooms"), ("PUT", f"rooms/{made['id']}"), ("DELETE", f"rooms/{made['id']}")):
        sent = {"name": "Forged", "seats": 1}
        assert editor.send(method, f"{BASE}/{path}", sent, **headers).status_code == 403
    assert editor.get(f"{BASE}/rooms/{made['id']}").json() == made


def test_what_is_not_in_the_contract_is_not_there(editor):
    assert editor.get(f"{BASE}/nothing").status_code == 404
    answer = editor.send("PATCH", f"{BASE}/rooms/1", {})
    assert answer.status_code == 405
    assert "json" in answer.headers["content-type"]


def test_what_is_not_served_says_so(editor):
    answer = editor.send("POST", f"{BASE}/bookings/1/grant")
    assert answer.status_code == 501
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_form_cannot_make_what_the_contract_does_not_allow(app):
    answer = app.owner.post("/room/new", {"name": "Cellar", "seats": "3", "code": "nonsense"})
    assert answer.status_code == 422
    assert "the API contract does not allow this" in answer.text
    assert app.owner.post("/room/new", {"name": "Cellar", "seats": "3", "code": "CE-001"}).status_code == 303
