"""Operations that compute: what the contract says of them becomes a place for a model, and its code an answer."""

from __future__ import annotations

import json

import pytest

from appliance.codegen.emit.custom import read_back
from appliance.codegen.render import render
from appliance.contract.binding import Contract, Does
from appliance.contract.compose import propose
from appliance.contract.functions import function_places
from tests.fixtures.api_contracts import PARTS
from tests.fixtures.generated_apps import served

LATE = {
    "operationId": "lateFee",
    "summary": "What a late return costs",
    "parameters": [
        {"name": "due", "in": "query", "required": True, "schema": {"type": "string", "format": "date"}},
        {"name": "kind", "in": "query", "schema": {"type": "string", "enum": ["small", "large"], "default": "small"}},
    ],
    "responses": {
        "200": {
            "description": "ok",
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["days", "note"],
                        "properties": {
                            "days": {"type": "integer", "minimum": 0, "description": "Days of the month that are over"},
                            "note": {"type": "string", "maxLength": 20},
                        },
                    }
                }
            },
        }
    },
}
CODE = {
    "countStock.worth": "def worth(pieces: Decimal, price: Decimal) -> Decimal:\n    return pieces * price\n",
    "lateFee.days": "def latefee_days(due: dt.date, kind: str) -> Decimal:\n    return Decimal(due.day - 2)\n",
    "lateFee.note": 'def latefee_note(due: dt.date, kind: str) -> str:\n    return kind + " fee"\n',
}


@pytest.fixture(scope="module")
def contract():
    document = json.loads(PARTS)
    document["paths"]["/late-fee"] = {"get": LATE}
    stock = document["paths"]["/stocktake"]["post"]
    stock["requestBody"]["content"]["application/json"]["example"] = {"pieces": 3, "price": 2.5}
    stock["responses"]["200"]["content"]["application/json"]["example"] = {"worth": 7.5}
    return json.dumps(document).encode()


@pytest.fixture(scope="module")
def code(contract):
    named = {place.key: place.function for place in function_places(propose(contract).binding)}
    return {key: source.replace(source.split("(")[0], f"def {named[key]}", 1) for key, source in CODE.items()}


@pytest.fixture(scope="module")
def app(contract, code, tmp_path_factory):
    proposal = propose(contract)
    folder = tmp_path_factory.mktemp("functions")
    with served(proposal.blueprint, folder, contract=Contract(proposal.binding, contract), code=code) as made:
        yield made


def test_the_contract_s_words_and_examples_go_to_the_model(contract):
    places = {place.key: place for place in function_places(propose(contract).binding)}
    worth = places["countStock.worth"]
    assert worth.description == "What stock is worth. Pieces times price"
    assert [field.name for field in worth.inputs] == ["pieces", "price"]
    assert [(case.values, case.gives) for case in worth.cases] == [((3, 2.5), 7.5)]
    assert places["lateFee.days"].description.endswith("A whole number")


def test_an_operation_computes(app):
    editor = app.as_("Editor")
    answer = editor.send("POST", "/stocktake", {"pieces": 3, "price": 2.5})
    assert (answer.status_code, answer.json()) == (200, {"worth": 7.5})
    answer = editor.get("/late-fee?due=2026-11-29")
    assert (answer.status_code, answer.json()) == (200, {"days": 27, "note": "small fee"})
    assert editor.get("/late-fee?due=2026-11-29&kind=large").json()["note"] == "large fee"


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/stocktake", {"pieces": 3}, 422),
        ("/stocktake", {"pieces": 3.5, "price": 1}, 422),
        ("/stocktake", {"pieces": "3", "price": 1}, 422),
        ("/late-fee", None, 400),
        ("/late-fee?due=tomorrow", None, 400),
        ("/late-fee?due=2026-11-29&kind=huge", None, 400),
        ("/late-fee?due=2026-11-01", None, 422),
    ],
)
def test_what_it_has_no_answer_to_is_refused(app, path, content, status):
    answer = app.as_("Reader").send("GET" if content is None else "POST", path, content)
    assert answer.status_code == status, answer.text


def test_it_answers_whoever_has_a_role_and_nobody_else(app):
    assert app.as_("somebody").send("POST", "/stocktake", {"pieces": 3, "price": 2}).status_code == 403
    assert app.client.post("/stocktake", json={"pieces": 3, "price": 2}).status_code == 401
    elsewhere = app.owner.send("POST", "/stocktake", {"pieces": 3, "price": 2}, origin="https://elsewhere.example")
    assert elsewhere.status_code == 403


def test_without_its_function_an_operation_says_so_and_the_rest_works(contract, code, tmp_path):
    proposal = propose(contract, name="Parts Without a Fee")
    some = {key: source for key, source in code.items() if key != "lateFee.note"}
    with served(proposal.blueprint, tmp_path, contract=Contract(proposal.binding, contract), code=some) as app:
        assert app.owner.get("/late-fee?due=2026-11-29").status_code == 501
        assert app.owner.send("POST", "/stocktake", {"pieces": 3, "price": 2}).json() == {"worth": 6}


def test_a_version_s_functions_are_found_again(contract, code):
    proposal = propose(contract)
    tree = render(proposal.blueprint, code, Contract(proposal.binding, contract))
    found = read_back(tree, proposal.blueprint, function_places(proposal.binding))
    assert {key: source.split() for key, source in found.items()} == {key: text.split() for key, text in code.items()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"parameters": []}, "a function has 1 to 8 inputs"),
        ({"parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}]}, "“n” may be missing"),
        (
            {"parameters": [{"name": "n", "in": "query", "required": True, "schema": {"type": "array", "items": {}}}]},
            "type",
        ),
        ({"responses": {"204": {"description": "done"}}}, "nothing says what it answers"),
    ],
)
def test_what_is_no_function_says_why(contract, change, told):
    document = json.loads(contract)
    document["paths"]["/late-fee"]["get"] |= change
    one = next(one for one in propose(json.dumps(document).encode()).binding.operations if one.path == "/late-fee")
    assert one.does is Does.REFUSED
    assert told in one.why
