"""The JSON API of a second contract: keys of one's own, inner objects, lists inside, links, sums of money, defaults."""

from __future__ import annotations

import pytest

from tests.fixtures.api_contracts import PARTS, api_app


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    with api_app(
        PARTS,
        tmp_path_factory.mktemp("parts"),
        "role Buyer",
        "access Part: Editor all; Reader read; Buyer create, read own",
        "access Part.price: Editor read, edit",
        without="access Part",
    ) as made:
        yield made


@pytest.fixture
def editor(app):
    return app.as_("Editor", name="Edda")


def supplier(editor, **more):
    answer = editor.send("POST", "/suppliers", {"name": "Acme", "address": {"city": "Ulm"}} | more)
    assert answer.status_code == 201, answer.text
    return answer.json()


def part(editor, number, **more):
    sent = {"partNumber": number, "name": "Belt", "category": "belt", "price": 19.99} | more
    answer = editor.send("POST", "/parts", sent)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_property_of_its_own_names_the_record(editor):
    made = part(editor, "P0001", tags=["red", "long"], checkedOn="2026-11-29")
    assert made == {
        "partNumber": "P0001", "name": "Belt", "category": "belt", "price": 19.99, "stock": 0, "supplierId": None,
        "checkedOn": "2026-11-29", "tags": ["red", "long"],
    }  # fmt: skip
    assert editor.get("/parts/P0001").json() == made
    assert editor.get("/parts/p0002").status_code == 404
    again = editor.send("POST", "/parts", {"partNumber": "P0001", "name": "X", "category": "belt", "price": 1})
    assert again.status_code == 409
    assert again.json()["errors"][0]["pointer"] == "#/partNumber"


@pytest.mark.parametrize(("price", "status"), [(0.07, 204), (19.99, 204), (1e9, 204), (0.001, 422), (-1, 422)])
def test_sums_of_money_are_exact(editor, price, status):
    number = f"P1{round(price * 1000) % 887:03}"
    part(editor, number)
    answer = editor.send("PATCH", f"/parts/{number}", {"price": price})
    assert (answer.status_code, answer.content if status == 204 else b"") == (status, b"")
    if status == 204:
        assert editor.get(f"/parts/{number}").json()["price"] == price


def test_inner_objects_come_back_as_they_were(editor):
    made = supplier(
        editor, address={"city": "Bonn", "country": "DE"}, rating=2, openFrom="08:30:00", homepage="ftp://x/y"
    )
    assert made["address"] == {"city": "Bonn", "country": "DE"}
    assert (made["rating"], made["openFrom"], made["homepage"]) == (2, "08:30:00", "ftp://x/y")
    for wrong in ({"address": {}}, {"address": None}, {"rating": 4}, {"address": {"city": "Bonn", "country": "de"}}):
        refused = editor.send("POST", "/suppliers", {"name": "Acme", "address": {"city": "Ulm"}} | wrong)
        assert refused.status_code == 422
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert refused.json()["status"] == 422


def test_what_refers_to_a_record_is_listed_in_it(editor):
    made = supplier(editor)
    part(editor, "P2001", supplierId=made["id"])
    part(editor, "P2002", supplierId=made["id"])
    found = editor.get(f"/suppliers/{made['id']}").json()["data"]
    assert [one["partNumber"] for one in found["parts"]] == ["P2001", "P2002"]
    assert editor.get(f"/parts?supplierId={made['id']}").json()["count"] == 2
    elsewhere = {"partNumber": "P2003", "name": "X", "category": "belt", "price": 1, "supplierId": 9999}
    refused = editor.send("POST", "/parts", elsewhere)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/supplierId"


def test_a_list_leads_to_its_next_part(editor):
    for number in range(3):
        part(editor, f"P30{number:02}", name="Gasket ring", category="seal")
    seen, address = [], "/parts?q=gasket&per_page=2"
    for _ in range(5):
        answer = editor.get(address).json()
        seen += [one["partNumber"] for one in answer["parts"]]
        assert answer["count"] == 3
        if answer["next"] is None:
            break
        address = answer["next"].partition("testserver.local")[2] or answer["next"].partition("testserver")[2]
    assert sorted(seen) == ["P3000", "P3001", "P3002"]


def test_a_deleted_record_is_answered_where_the_contract_says_so(editor):
    made = supplier(editor)
    answer = editor.send("DELETE", f"/suppliers/{made['id']}")
    assert (answer.status_code, answer.json()) == (200, made)


def test_a_field_that_one_may_not_read_is_in_no_answer(app, editor):
    part(editor, "P4001", price=123.45)
    for role in ("Reader", "Buyer"):
        somebody = app.as_(role, name="Rita")
        for path in ("/parts/P4001", "/parts", "/parts?category=belt"):
            answer = somebody.get(path)
            assert "123.45" not in answer.text
        assert somebody.get("/parts/P4001").status_code == (403 if role == "Reader" else 404)


def test_own_rows_are_one_s_own(app, editor):
    part(editor, "P5001")
    buyer = app.as_("Buyer", name="Bert")
    answer = buyer.get("/parts")
    assert (answer.status_code, answer.json()["count"]) == (200, 0)
    assert buyer.send("PATCH", "/parts/P5001", {"stock": 3}).status_code == 403
    sent = {"partNumber": "P5002", "name": "X", "category": "belt", "price": 1}
    assert buyer.send("POST", "/parts", sent).status_code == 422  # who may not set the price cannot add one without
    assert editor.get("/parts/P5002").status_code == 404


def test_an_empty_or_missing_body_changes_nothing_where_none_is_needed(editor):
    made = part(editor, "P6001", stock=5)
    assert editor.send("PATCH", "/parts/P6001").status_code == 204
    assert editor.send("PATCH", "/parts/P6001", {}).status_code == 204
    assert editor.get("/parts/P6001").json() == made
