"""A third contract: whole records inside records, answers that only say that it was done, places in paths, cursors."""

from __future__ import annotations

import pytest

from tests.fixtures.api_contracts import CONTRACTS, api_app
from tests.property.test_contract_any import faults

DESK = (CONTRACTS / "help_desk.yaml").read_bytes()
REQUEST = "0b8f5c1e-2f0a-4f4f-9d7e-0c1b2a3d4e5f"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with api_app(DESK, tmp_path_factory.mktemp("desk")) as made:
        yield made


@pytest.fixture
def editor(app):
    return app.as_("Editor", name="Edda")


def topic(editor, title="Printers", **more):
    made = editor.send("POST", "/desk/topics", {"title": title, **more}, x_request_id=REQUEST)
    assert made.status_code == 200, made.text
    return made.json()


def question(editor, at, site="north", **more):
    sent = {"text": "Why?", "topic": {"id": at}, "askedOn": "2026-11-29", **more}
    made = editor.send("POST", f"/desk/sites/{site}/questions", sent)
    assert made.status_code == 201, made.text
    return made.json()


def test_answers_that_say_that_it_was_done(editor):
    made = topic(editor)
    assert made == {"success": True, "id": made["id"]}
    gone = editor.send("DELETE", f"/desk/topics/{made['id']}")
    assert (gone.status_code, gone.json()) == (200, {"message": "Done."})


def test_a_header_that_must_be_sent_is_asked_for(editor):
    assert editor.send("POST", "/desk/topics", {"title": "X"}).status_code == 400
    assert editor.send("POST", "/desk/topics", {"title": "X"}, x_request_id="1").status_code == 400


def test_a_record_inside_a_record_is_named_by_its_id_and_shown_whole(editor):
    parent = topic(editor, "Hardware")["id"]
    child = topic(editor, "Screens", parentId=parent)["id"]
    made = question(editor, child, urgent=True, score=0.25)
    assert made["topic"] == {"id": child, "title": "Screens", "parentId": parent, "openQuestions": 0}
    assert (made["askedBy"], made["urgent"], made["score"]) == ("edda@example.com", True, 0.25)
    for wrong in ({"topic": {"id": 9999}}, {"topic": {}}, {"topic": child}, {"score": 2}, {"answers": []}):
        sent = {"text": "Why?", "topic": {"id": child}, "askedOn": "2026-11-29", **wrong}
        assert editor.send("POST", "/desk/sites/north/questions", sent).status_code == 422


def test_a_place_in_the_path_is_the_place_of_its_records(editor):
    at = topic(editor)["id"]
    made = question(editor, at, site="east wing")
    assert "site" not in made
    assert editor.get(f"/desk/sites/east%20wing/questions/{made['id']}").json() == made
    assert editor.get(f"/desk/sites/west/questions/{made['id']}").status_code == 404


def test_cursors_lead_through_all_rows(editor):
    at = topic(editor)["id"]
    made = [question(editor, at, site="tower", askedOn=f"2026-11-{day:02}")["id"] for day in range(1, 8)]
    seen, cursor = [], ""
    for _ in range(5):
        page = editor.get(f"/desk/sites/tower/questions?pageSize=3&orderBy=askedOn&after={cursor}" if cursor else
                          "/desk/sites/tower/questions?pageSize=3&orderBy=askedOn").json()  # fmt: skip
        seen += [row["id"] for row in page["results"]]
        assert page["totalCount"] == 7
        assert page["hasMore"] is (page["nextCursor"] is not None)
        if not page["hasMore"]:
            break
        cursor = page["nextCursor"]
    assert seen == made
    assert editor.get("/desk/sites/tower/questions?after=nonsense").status_code == 400
    down = editor.get("/desk/sites/tower/questions?orderBy=askedOn:desc").json()["results"]
    assert [row["id"] for row in down] == made[::-1][:5]


def test_a_topic_that_one_may_not_see_is_in_no_answer(tmp_path):
    access = "access Topic: Editor all"
    with api_app(DESK.replace(b"Help Desk", b"Other Desk"), tmp_path, access, without="access Topic") as app:
        editor = app.as_("Editor", name="Edda")
        question(editor, topic(editor, "Confidential")["id"])
        answer = app.as_("Reader").get("/desk/sites/north/questions")
        assert answer.status_code == 403
        assert "Confidential" not in answer.text


def test_refusals_have_the_shape_of_the_contract(editor):
    answer = editor.get("/desk/topics/9999")
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, 404)


def test_it_keeps_its_contract_as_every_role():
    assert faults(DESK.replace(b"Help Desk", b"Third Desk")) == []
