"""An OpenAPI text is read or refused with the place and what to write instead; nothing else ever comes out."""

from __future__ import annotations

import json
import socket
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.contract.compose import propose
from appliance.contract.document import MAX_BYTES, read_document
from appliance.contract.errors import ContractRefused
from appliance.contract.reading import read_contract
from tests.fixtures.api_contracts import PARTS, ROOMS, api_app

SMALL = {
    "openapi": "3.1.0",
    "info": {"title": "Keys", "version": "1"},
    "paths": {
        "/keys": {
            "get": {
                "operationId": "listKeys",
                "responses": {
                    "200": {
                        "description": "all",
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Key"}}
                            }
                        },
                    }
                },
            }
        },
        "/keys/{id}": {
            "get": {
                "operationId": "getKey",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "responses": {
                    "200": {
                        "description": "one",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Key"}}},
                    }
                },
            }
        },
    },
    "components": {
        "schemas": {
            "Key": {
                "type": "object",
                "required": ["id", "label"],
                "properties": {"id": {"type": "integer"}, "label": {"type": "string"}},
            }
        }
    },
}


def changed(**at):
    """The small contract with values put at places such as ``paths__/keys__get``."""
    made = deepcopy(SMALL)
    for place, value in at.items():
        *path, last = place.split("__")
        inside = made
        for part in path:
            inside = inside[part]
        if value is None:
            del inside[last]
        else:
            inside[last] = value
    return json.dumps(made).encode()


KEY = "components__schemas__Key"
GET = "paths__/keys__get"
REFUSED = {
    "no version": (changed(openapi=None), "openapi"),
    "an old version": (changed(openapi="3.2.0"), "#/openapi"),
    "swagger": (changed(swagger="2.0"), "Convert it to OpenAPI 3"),
    "no title": (changed(info={}), "#/info/title"),
    "no paths": (changed(paths={}), "no operation"),
    "no answers": (changed(**{f"{GET}__responses": {"404": {"description": "no"}}}), "no successful answer"),
    "a bad status": (changed(**{f"{GET}__responses": {"2000": {}}}), "“2000” is no status"),
    "a reference elsewhere": (
        changed(**{KEY: {"$ref": "https://example.com/schemas.json#/Key"}}),
        "only references inside this one are followed",
    ),
    "a file": (changed(**{KEY: {"$ref": "file:///etc/passwd"}}), "only references inside"),
    "a reference to nothing": (changed(**{KEY: {"$ref": "#/components/schemas/Lock"}}), "leads nowhere"),
    "a schema in itself": (
        changed(**{f"{KEY}__properties__inner": {"$ref": "#/components/schemas/Key"}}),
        "This schema contains itself: Key → Key",
    ),
    "a circle": (changed(**{KEY: {"$ref": "#/components/schemas/Key"}}), "contains itself"),
    "a path parameter that is not described": (
        changed(**{"paths__/keys/{id}__get__parameters": []}),
        "“{id}” of the path is described by no parameter",
    ),
    "a path parameter that is not in the path": (
        changed(**{f"{GET}__parameters": [{"name": "no", "in": "path", "required": True, "schema": {}}]}),
        "“no” is not in the path",
    ),
    "a parameter twice": (
        changed(**{f"{GET}__parameters": [{"name": "q", "in": "query", "schema": {}}] * 2}),
        "“q” is there twice",
    ),
    "two operations of one name": (
        changed(**{"paths__/keys/{id}__get__operationId": "listKeys"}),
        "have the same operationId “listKeys”",
    ),
    "a path with and without its end": (changed(**{"paths__/keys/": SMALL["paths"]["/keys"]}), "the same path"),
    "two paths that are one": (
        changed(**{"paths__/keys/{no}": SMALL["paths"]["/keys/{id}"]}),
        "are the same path with other names",
    ),
    "a type that is none": (changed(**{f"{KEY}__properties__label": {"type": "txt"}}), "“type” must hold one of"),
    "a bound that is none": (changed(**{f"{KEY}__properties__id__minimum": "1"}), "“minimum” must hold a number"),
    "a contradiction": (
        changed(**{f"{KEY}__properties__label": {"allOf": [{"type": "string"}, {"type": "integer"}]}}),
        "Nothing can be both",
    ),
    "a path that is none": (changed(paths__keys={}), "is no path"),
    "only functions": (
        changed(paths={"/ping": {"get": {"responses": {"200": {"description": "pong"}}}}}),
        "No operation of this contract",
    ),
    "too large": (b" " * (MAX_BYTES + 1), "up to"),
    "too deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "nested"),
    "deep yaml": (b"a: " + b"[" * 200 + b"]" * 200, "nested"),
    "a bomb of aliases": (
        "\n".join(
            ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
            + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
        ).encode(),
        "more than 60,000 values",
    ),
    "an alias of itself": (b"a: &a [*a]", "YAML"),
    "a key twice": (b"openapi: 3.0.0\nopenapi: 3.0.1\n", "line 2"),
    "a Python object": (b"a: !!python/object/apply:os.system ['true']", "YAML"),
    "merged keys": (b"a: &a {x: 1}\nb: {<<: *a}\n", "<<"),
    "no text": (b"", "empty"),
    "another encoding": ("info: ü".encode("utf-16"), "UTF-8"),
    "no object": (b"[1, 2]", "no OpenAPI document"),
    "not a number": (b'{"a": NaN}', "NaN"),
    "a long number": (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
}


@pytest.mark.parametrize(("content", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused_with_what_to_do(content, told):
    with pytest.raises(ContractRefused) as refused:
        propose(content)
    assert told in str(refused.value)
    assert refused.value.action


def test_nothing_is_fetched(monkeypatch):
    monkeypatch.setattr(socket, "socket", None)
    with pytest.raises(ContractRefused):
        propose(changed(**{KEY: {"$ref": "http://127.0.0.1:1/x"}}))
    propose(ROOMS)


def test_schemas_that_double_with_each_step_are_refused():
    schemas = {"S0": {"type": "object", "properties": {"x": {"type": "string"}}}}
    for number in range(1, 40):
        inner = {"$ref": f"#/components/schemas/S{number - 1}"}
        schemas[f"S{number}"] = {"type": "object", "properties": {"a": inner, "b": inner}}
    schemas["Key"] = {"$ref": "#/components/schemas/S39"}
    with pytest.raises(ContractRefused, match="parts"):
        propose(changed(components__schemas=schemas))


def test_both_ways_to_write_and_both_versions_mean_the_same():
    import yaml

    loaded = json.loads(PARTS)
    description = read_contract(PARTS)
    other = read_contract(yaml.safe_dump(loaded, sort_keys=False).encode())
    assert description.operations == other.operations
    assert description.digest != other.digest


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        ([], ""),
        ([{"url": "https://example.com/api/v2/"}], "/api/v2"),
        ([{"url": "/v1"}, {"url": "/v2"}], "/v1"),
        ([{"url": "//host/{v}", "variables": {"v": {"default": "v3"}}}], "/v3"),
        ([{"url": "https://example.com/a b"}], "/api"),
        ([{"url": "https://example.com/static/x"}], "/api"),
    ],
)
def test_the_api_is_where_its_first_server_is(servers, base):
    assert propose(changed(servers=servers)).binding.base == base


def test_a_path_with_a_parameter_in_a_word_is_left_alone(tmp_path):
    paths = {"/keys/{id}:lock": {"post": SMALL["paths"]["/keys/{id}"]["get"] | {"operationId": "lock"}}, "/": {
        "get": {"responses": {"200": {"description": "hello"}}}}}  # fmt: skip
    content = changed(paths=SMALL["paths"] | paths)
    assert propose(content).binding.base == "/api"
    with api_app(content, tmp_path) as app:
        assert app.owner.get("/").status_code == 303
        assert app.owner.get("/api").status_code == 501
        assert app.owner.get("/api/keys").json() == []
        assert app.owner.send("POST", "/api/keys/1:lock").status_code in (404, 405)


def test_a_path_that_the_app_needs_itself_moves_the_api():
    made = propose(changed(**{"paths__/key": SMALL["paths"]["/keys"], "paths__/keys": None,
                              "paths__/key__get__operationId": "listKeys"}))  # fmt: skip
    assert made.binding.base == "/api"
    assert any("/api" in note.text for note in made.binding.notes)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content):
    try:
        read_document(content)
    except ContractRefused:
        return


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "required", "allOf", "anyOf", "enum", "$ref", "format", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.sampled_from([KEY, f"{KEY}__properties__label", GET, "paths__/keys", "info", "components", "servers"]))
def test_anything_in_any_place_is_read_or_refused(value, place):
    try:
        propose(changed(**{place: value if value is not None else 0}))
    except ContractRefused:
        return
