"""Requests against the official description of the API: every documented parameter has its effect or a clear 400."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from appliance.core.answers import Adjustment, RawPrompt, Syntax
from appliance.core.ports import GenerationFailed, Prompt
from appliance.core.tools import Calling, ToolCall
from appliance.studio.errors import NotAllowed
from appliance.web.openai import parameters
from appliance.web.openai.errors import ApiError, as_api_error
from appliance.web.openai.wire import ChatRequest, TextRequest

DOCUMENTED = json.loads((Path(__file__).parents[1] / "fixtures" / "openai_parameters.json").read_text())
HELLO = [{"role": "user", "content": "Hello"}]
OFFERED: dict[str, Any] = {"type": "function", "function": {"name": "f"}}
CALLED: dict[str, Any] = {
    "role": "assistant",
    "content": None,
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": "Ünal"}'}}],
}
VALUES: dict[str, Any] = {
    "audio": {"voice": "alloy", "format": "wav"},
    "best_of": 2,
    "echo": True,
    "function_call": {"name": "f"},
    "functions": [{"name": "f"}],
    "modalities": ["text", "audio"],
    "moderation": {"model": "x"},
    "n": 2,
    "prediction": {"type": "content", "content": "x"},
    "reasoning_effort": "low",
    "service_tier": "flex",
    "store": True,
    "verbosity": "low",
    "web_search_options": {},
}
"""A value of each parameter that asks for what this service does not have."""


def chat(**more: Any) -> parameters.Asked:
    body = json.dumps({"model": "m", "messages": HELLO, **more}).encode()
    return parameters.chat(parameters.read(body, ChatRequest))


def text(**more: Any) -> parameters.Asked:
    return parameters.text(parameters.read(json.dumps({"model": "m", "prompt": "a", **more}).encode(), TextRequest))


def refusal(call: Any, **more: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(**more)
    assert caught.value.status == 400
    body = caught.value.body()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert body["type"] == "invalid_request_error"
    return caught.value


@pytest.mark.parametrize(("kind", "name"), [("chat", ChatRequest), ("text", TextRequest)])
def test_every_documented_parameter_is_known(kind: str, name: type) -> None:
    known = set(get_type_hints(name))
    assert known >= set(DOCUMENTED[kind])
    assert known - set(DOCUMENTED[kind]) == (set() if kind == "chat" else {"response_format"})  # an extension


@pytest.mark.parametrize("name", sorted(VALUES))
def test_what_is_not_supported_is_refused_and_its_plain_value_is_not(name: str) -> None:
    for call, kind in ((chat, "chat"), (text, "text")):
        if name not in DOCUMENTED[kind]:
            assert refusal(call, **{name: VALUES[name]}).reason == "unknown_parameter"
            continue
        told = refusal(call, **{name: VALUES[name]})
        assert (told.param, told.reason) in {(name, "unsupported_value"), (name, "unsupported_parameter")}
        for plain in (None, *parameters._ONLY[name]):
            call(**{name: plain})


@pytest.mark.parametrize(
    ("given", "param", "reason"),
    [
        ({"foo": 1}, "foo", "unknown_parameter"),
        ({"messages": []}, "messages", "invalid_value"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "invalid_value"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content", "invalid_type"),
        ({"messages": [{"role": "user", "content": "x", "colour": 1}]}, "messages[0].colour", "unknown_parameter"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "x"}]}, "messages", "unsupported_value"),
        ({"messages": [{"role": "function", "content": "x", "name": "f"}]}, "messages[0]", "unsupported_value"),
        (
            {"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]},
            "messages[0].tool_call_id",
            "invalid_value",
        ),
        ({"messages": [CALLED]}, "messages[0]", "invalid_value"),
        ({"messages": [CALLED, *HELLO]}, "messages[0]", "invalid_value"),
        ({"messages": [{**CALLED, "role": "user"}]}, "messages[0].tool_calls", "invalid_value"),
        ({"messages": [CALLED, {"role": "tool", "content": "x"}]}, "messages[1].tool_call_id", "invalid_value"),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"parallel_tool_calls": True}, "parallel_tool_calls", "invalid_value"),
        ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0].type", "unsupported_value"),
        ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name", "invalid_value"),
        ({"tools": [OFFERED, OFFERED]}, "tools", "invalid_value"),
        ({"tools": [OFFERED] * 129}, "tools", "array_above_max_length"),
        ({"tools": [OFFERED], "tool_choice": "some"}, "tool_choice", "invalid_value"),
        (
            {"tools": [OFFERED], "tool_choice": {"type": "function", "function": {"name": "g"}}},
            "tool_choice",
            "invalid_value",
        ),
        (
            {
                "tools": [OFFERED],
                "response_format": {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a"}},
            },
            "response_format",
            "invalid_parameter_combination",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content[0].type",
            "unsupported_value",
        ),
        ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
        ({"temperature": -1}, "temperature", "decimal_below_min_value"),
        ({"temperature": "hot"}, "temperature", "invalid_type"),
        ({"top_p": 1.5}, "top_p", "decimal_above_max_value"),
        ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
        ({"max_completion_tokens": 0}, "max_completion_tokens", "integer_below_min_value"),
        ({"max_tokens": 1, "max_completion_tokens": 1}, "max_tokens", "invalid_parameter_combination"),
        ({"top_logprobs": 2}, "top_logprobs", "invalid_parameter_combination"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
        ({"stop": ["a", "b", "c", "d", "e"]}, "stop", "array_above_max_length"),
        ({"stop": ""}, "stop", "invalid_value"),
        ({"frequency_penalty": 2.5}, "frequency_penalty", "decimal_above_max_value"),
        ({"presence_penalty": -3}, "presence_penalty", "decimal_below_min_value"),
        ({"logit_bias": {"a": 1}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"1": "much"}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"-1": 1}}, "logit_bias", "invalid_value"),
        ({"logit_bias": {"1": 101}}, "logit_bias.1", "decimal_above_max_value"),
        ({"logit_bias": {str(token): 1 for token in range(301)}}, "logit_bias", "string_above_max_length"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_parameter_combination"),
        ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
        ({"response_format": {"type": "grammar"}}, "response_format.grammar", "missing_required_parameter"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a b", "schema": {}}}},
            "response_format.json_schema.name",
            "invalid_value",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"x": "y" * 140_000}}}},
            "response_format.json_schema.schema",
            "string_above_max_length",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(given: dict[str, Any], param: str, reason: str) -> None:
    told = refusal(chat, **given)
    assert (told.param, told.reason) == (param, reason), told.message


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"model": "\\ud800"}', b"[" * 50_000, b'{"a":' * 50_000]
)
def test_a_body_that_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parameters.read(body, ChatRequest)
    assert caught.value.status == 400


def test_a_schema_that_is_too_deep_is_refused() -> None:
    deep = b'{"a":' * 5000 + b"1" + b"}" * 5000
    body = (
        b'{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":'
        b'{"type":"json_schema","json_schema":{"name":"x","schema":' + deep + b"}}}"
    )
    with pytest.raises(ApiError) as caught:
        parameters.chat(parameters.read(body, ChatRequest))
    assert caught.value.status == 400


def test_what_is_asked_reaches_the_model() -> None:
    asked = chat(
        messages=[
            {"role": "developer", "content": "Be short."},
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "name": "x"},
        ],
        temperature=0.5, top_p=0.9, seed=-3, stop="x", max_completion_tokens=7, logprobs=True, stream=True,
        stream_options={"include_usage": True}, user="u", metadata={"a": "b"}, service_tier="auto",
    )  # fmt: skip
    assert isinstance(asked.prompt, Prompt)
    assert [(one.role, one.content) for one in asked.prompt.messages] == [("system", "Be short."), ("user", "ab")]
    wanted = asked.wanted
    assert (wanted.temperature, wanted.top_p, wanted.stop, wanted.max_tokens) == (0.5, 0.9, ("x",), 7)
    assert (wanted.top_logprobs, asked.stream, asked.include_usage, asked.service_tier) == (0, True, True, True)
    assert 0 <= wanted.seed < 1 << 63
    assert wanted.adjustment is None
    adjusted = chat(frequency_penalty=0.5, presence_penalty=-1, logit_bias={"7": -100}).wanted.adjustment
    assert adjusted == Adjustment(0.5, -1, ((7, -100),))
    assert text(logit_bias={}).wanted.adjustment is None
    masked = asked.with_texts(["Be short.", "<NAME_1>"])
    assert isinstance(masked, Prompt)
    assert masked.messages[1].content == "<NAME_1>"


def test_unnamed_seeds_differ_and_text_has_its_own_defaults() -> None:
    assert chat().wanted.seed != chat().wanted.seed
    assert (text().wanted.max_tokens, chat().wanted.max_tokens) == (16, 0)
    asked = text(prompt=["one"], suffix="two", logprobs=3)
    assert asked.prompt == RawPrompt("one", "two")
    assert asked.wanted.top_logprobs == 3
    for prompt in (["a", "b"], [1, 2], [[1]]):
        assert refusal(text, prompt=prompt).param == "prompt"


def test_forms_become_grammars() -> None:
    schema = {"type": "object"}
    form = chat(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}).wanted.form
    assert (form.syntax, json.loads(form.source)) == (Syntax.JSON_SCHEMA, schema)
    as_json = [{"role": "user", "content": "Answer in JSON."}]
    assert chat(messages=as_json, response_format={"type": "json_object"}).wanted.form.syntax is Syntax.JSON_SCHEMA
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": 'start: "a"'}}
    assert chat(response_format=grammar).wanted.form.source == 'start: "a"'


def test_errors_have_the_official_statuses_and_a_defect_tells_nothing() -> None:
    defect = as_api_error(ValueError("secret"))
    assert (defect.status, "secret" in str(defect.body())) == (500, False)
    assert as_api_error(GenerationFailed("The model is away.")).status == 503
    assert as_api_error(NotAllowed("No.")).status == 403


def test_functions_calls_and_their_results_reach_the_model() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    tool = {
        "type": "function",
        "function": {"name": "f", "description": "Finds.", "parameters": schema, "strict": True},
    }
    said = [*HELLO, CALLED, {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "none"}]}]
    asked = chat(tools=[tool], messages=said)
    assert isinstance(asked.prompt, Prompt)
    (made,) = asked.prompt.tools
    assert (made.name, made.description) == ("f", "Finds.")
    assert json.loads(made.parameters) == {**schema, "additionalProperties": False}
    assert [(one.role, one.content) for one in asked.prompt.messages][1:] == [("assistant", ""), ("tool", "none")]
    assert asked.prompt.messages[1].calls == (ToolCall("f", '{"a": "Ünal"}'),)
    assert asked.wanted.calling == Calling()
    assert asked.texts[:3] == ("Hello", "", "none")
    assert "Finds." in asked.texts[3]
    assert "Ünal" in asked.texts[4]


@pytest.mark.parametrize(
    ("more", "calling"),
    [
        ({"tool_choice": "none"}, None),
        ({"parallel_tool_calls": True}, Calling(most=8)),
        ({"parallel_tool_calls": False, "tool_choice": "required"}, Calling(required=True)),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, Calling(required=True, only="f")),
    ],
)
def test_the_choice_of_tools_reaches_the_model(more: dict[str, Any], calling: Calling | None) -> None:
    asked = chat(tools=[OFFERED], **more)
    assert asked.wanted.calling == calling
    assert isinstance(asked.prompt, Prompt)
    assert len(asked.prompt.tools) == (calling is not None)


def test_a_schema_that_speaks_of_other_arguments_is_left_as_it_is() -> None:
    for schema in (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": True},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}},
        {"type": "object", "properties": {}, "required": ["b"]},
        {"type": "string"},
    ):
        tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
        asked = chat(tools=[tool])
        assert isinstance(asked.prompt, Prompt)
        assert json.loads(asked.prompt.tools[0].parameters) == schema


def test_words_in_functions_and_calls_are_masked_and_names_are_not() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "Ask Peter Schneider."}}
    asked = chat(tools=[tool], messages=[*HELLO, CALLED, {"role": "tool", "tool_call_id": "1", "content": "Ünal"}])
    masked = asked.with_texts([text.replace("Peter Schneider", "<A>").replace("Ünal", "<B>") for text in asked.texts])
    assert isinstance(masked, Prompt)
    assert (masked.tools[0].description, masked.messages[1].calls[0].arguments) == ("Ask <A>.", '{"a": "<B>"}')
    assert masked.messages[2].content == "<B>"
    assert masked.tools[0].parameters == asked.prompt.tools[0].parameters  # type: ignore[union-attr]
    for spoil in (lambda text: text.replace('"f"', '"<C>"'), lambda text: text.replace('{"name', "<D>")):
        with pytest.raises(ApiError, match="must not reach the model"):
            asked.with_texts([spoil(text) for text in asked.texts])
