"""The official Python client against the whole appliance: front door, service, engine with a tiny model, audit."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from click.testing import CliRunner, Result
from openai.types import Completion, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from appliance.cli import main
from appliance.core.account import account_name
from appliance.core.errors import Refused
from appliance.identity.oidc import SignedIn
from tests.fixtures.api_service import MAKER, Api, running_api
from tests.fixtures.processes import processes_with
from tests.fixtures.studio import MARA, MAYA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

pytestmark = pytest.mark.sandbox
HELLO: list[Any] = [{"role": "system", "content": "You write plans."}, {"role": "user", "content": "Track loans."}]
LETTERS = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "[a-d]{30}"}}
SLOW = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "[a-z]{1900}"}}


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with running_api() as made:
        yield made


def settled(api: Api, seconds: float = 20) -> bool:
    """Whether every seat is free again."""
    deadline = time.monotonic() + seconds
    while api.app.state.seats.taken and time.monotonic() < deadline:
        time.sleep(0.02)
    return not api.app.state.seats.taken


def test_models_are_listed(api: Api) -> None:
    client = api.client()
    assert [model.id for model in client.models.list()] == [api.model]
    assert client.models.retrieve(api.model).owned_by == "intramural"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-9")
    assert caught.value.code == "model_not_found"


def test_a_chat_is_answered_and_recorded(api: Api) -> None:
    before = api.appliance.audit.size
    got = api.client().chat.completions.create(model=api.model, messages=HELLO, max_tokens=12, seed=1)
    assert got.object == "chat.completion"
    assert got.choices[0].finish_reason == "length"
    assert got.choices[0].message.role == "assistant"
    assert got.usage is not None
    assert got.usage.completion_tokens == 12
    assert got.usage.total_tokens == got.usage.prompt_tokens + 12
    again = api.client().chat.completions.create(model=api.model, messages=HELLO, max_completion_tokens=12, seed=1)
    assert again.choices[0].message.content == got.choices[0].message.content
    assert again.usage is not None
    assert again.usage.prompt_tokens_details is not None
    assert again.usage.prompt_tokens_details.cached_tokens
    intent, outcome = [leaf for leaf in api.leaves(before) if leaf.event == "api.completion_requested"][:2]
    assert (intent.principal, intent.details["key"]) == ("user:demo-maya", api.key_id)
    assert "Track loans" not in json.dumps(dict(intent.details), default=str)
    context: Any = intent.details["context"]
    assert context["session"] == api.key_id
    assert context["asked"]["action"] == "useModel"
    assert (outcome.result, outcome.details["completion_tokens"], outcome.details["finish"]) == ("done", 12, "length")
    assert intent.details["digest"] == api.appliance.api.model.description().bundle_digest  # type: ignore[union-attr]


def test_streamed_text_is_the_whole_text_and_probabilities_align(api: Api) -> None:
    asked: dict[str, Any] = {
        "model": api.model, "messages": HELLO, "max_tokens": 30, "seed": 7, "temperature": 0.9, "top_p": 0.95,
        "logprobs": True, "top_logprobs": 3, "stop": ["qz", "\n\n"],
    }  # fmt: skip
    whole = api.client().chat.completions.create(**asked)
    chunks = list(api.client().chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage or chunks[-1].usage is not None
    told = [
        one
        for chunk in chunks
        if chunk.choices and chunk.choices[0].logprobs
        for one in chunk.choices[0].logprobs.content or ()
    ]
    assert whole.choices[0].logprobs is not None
    assert told == whole.choices[0].logprobs.content
    assert all(len(one.top_logprobs) == 3 for one in told)
    joined = b"".join(bytes(one.bytes or ()) for one in told)
    assert joined.startswith(text.encode())


def test_answers_and_chunks_have_the_official_shape(api: Api) -> None:
    """As the official library's own types check it, which its client does not do by itself."""
    headers = {**api.headers, "Authorization": f"Bearer {api.secret}"}

    def asked(path: str, **more: Any) -> httpx.Response:
        return httpx.post(f"{api.origin}/v1{path}", headers=headers, json={"model": api.model, "max_tokens": 4, **more})

    def events(answer: httpx.Response) -> list[str]:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
        assert told[-1] == "[DONE]"
        return told[:-1]

    chat: dict[str, Any] = {"messages": HELLO, "logprobs": True, "top_logprobs": 2, "service_tier": "auto"}
    whole = asked("/chat/completions", **chat)
    assert ChatCompletion.model_validate_json(whole.content).service_tier == "default"
    assert whole.headers["x-request-id"].startswith("req_")
    for told in events(asked("/chat/completions", **chat, stream=True)):
        ChatCompletionChunk.model_validate_json(told)
    Completion.model_validate_json(asked("/completions", prompt="a", logprobs=1).content)
    for told in events(asked("/completions", prompt="a", logprobs=1, stream=True)):
        assert json.loads(told)["object"] == "text_completion"
    Model.model_validate(httpx.get(f"{api.origin}/v1/models/{api.model}", headers=headers).json())


def test_text_is_completed(api: Api) -> None:
    got = api.client().completions.create(model=api.model, prompt="entity Item", seed=3, logprobs=2)
    assert got.object == "text_completion"
    assert got.usage is not None
    assert got.usage.completion_tokens == 16  # as the official API has it
    logprobs = got.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.text_offset == sorted(logprobs.text_offset or ())
    assert len(logprobs.tokens or ()) == len(logprobs.token_logprobs or ()) == len(logprobs.top_logprobs or ())
    pieces = list(api.client().completions.create(model=api.model, prompt="entity Item", seed=3, stream=True))
    assert "".join(piece.choices[0].text for piece in pieces) == got.choices[0].text
    with pytest.raises(openai.BadRequestError, match="fill in the middle"):
        api.client().completions.create(model=api.model, prompt="a", suffix="b")


def test_answers_follow_schemas_and_grammars(api: Api) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}, "s": {"enum": ["a", "b"]}},
        "required": ["n", "s"],
        "additionalProperties": False,
    }
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema, "strict": True}}
    client = api.client()
    for seed in range(3):
        got = client.chat.completions.create(model=api.model, messages=HELLO, response_format=wanted, seed=seed)
        assert re.fullmatch(r'\{"n": [0-9], "s": "[ab]"\}', got.choices[0].message.content or "")
        assert got.choices[0].finish_reason == "stop"
    got = client.chat.completions.create(
        model=api.model, messages=HELLO, extra_body={"response_format": LETTERS}, stop="aa"
    )
    assert re.fullmatch("[a-d]{0,30}", got.choices[0].message.content or "")
    assert "aa" not in (got.choices[0].message.content or "")
    for schema in ({"not": {}}, {"$ref": "http://elsewhere.example/x"}):
        bad: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(model=api.model, messages=HELLO, response_format=bad)
        assert (caught.value.param, caught.value.code) == ("response_format", "invalid_response_format")
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model=api.model, messages=HELLO, response_format=bad, stream=True)
    with pytest.raises(openai.BadRequestError, match="must contain the word 'json'"):
        client.chat.completions.create(model=api.model, messages=HELLO, response_format={"type": "json_object"})


def refused(api: Api, secret: str | None, **more: Any) -> httpx.Response:
    headers = {**api.headers, **more.pop("headers", {})}
    if secret is not None:
        headers["Authorization"] = f"Bearer {secret}"
    return httpx.get(f"{api.origin}/v1/models", headers=headers, **more)


def test_a_key_that_does_not_count_is_refused_and_recorded(api: Api) -> None:
    before = api.appliance.audit.size
    keys = api.appliance.api.keys
    ended = keys.create(MARA, MAKER, name="ended")
    keys.revoke(ended.key.id, by="user:demo-mara")
    demoted = keys.create(MARA, frozenset({"user"}), name="no maker any more")
    narrow = keys.create(MARA, MAKER, name="chat only", scopes=["chat"])
    for secret, status, code in (
        (None, 401, "invalid_api_key"),
        ("x", 401, "invalid_api_key"),
        ("imk_" + "A" * 43, 401, "invalid_api_key"),
        (ended.secret, 401, "invalid_api_key"),
        (demoted.secret, 403, "insufficient_permissions"),
        (narrow.secret, 403, "insufficient_permissions"),
    ):
        answer = refused(api, secret)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    recorded = [leaf for leaf in api.leaves(before) if leaf.event == "api.refused" and leaf.kind == "intent"]
    assert len(recorded) == 6
    assert {leaf.principal for leaf in recorded} == {"nobody", "user:demo-mara"}
    assert ended.secret not in str([dict(leaf.details) for leaf in api.leaves(before)])


def test_a_cookie_is_no_key_and_the_studio_takes_no_key(api: Api) -> None:
    signed_in = SignedIn(person=MAYA, groups=MAKER, claims={"acr": "2"}, id_token="")
    session = api.app.state.services.identity.sessions.create(signed_in)
    cookie = {"Cookie": f"__Host-intramural={session.id}"}
    assert refused(api, None, headers=cookie).status_code == 401
    answer = httpx.get(f"{api.origin}/keys", headers={**api.headers, "Authorization": f"Bearer {api.secret}"})
    assert answer.status_code in {303, 401}
    good = refused(api, api.secret, headers={**cookie, "Origin": "https://elsewhere.example"})
    assert good.status_code == 200
    assert not [name for name in good.headers if name.startswith("access-control")]
    assert "set-cookie" not in good.headers


def test_a_body_that_is_too_large_and_an_address_that_is_unknown_are_told_in_the_official_shape(api: Api) -> None:
    headers = {**api.headers, "Authorization": f"Bearer {api.secret}"}
    body = {"model": api.model, "messages": [{"role": "user", "content": "x" * 1_300_000}]}
    for method, path, status in (
        ("POST", "/v1/chat/completions", 413),
        ("GET", "/v1/chat/completions", 405),
        ("POST", "/v1/embeddings", 404),
    ):
        answer = httpx.request(method, f"{api.origin}{path}", headers=headers, json=body if method == "POST" else None)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    with pytest.raises(openai.BadRequestError) as caught:
        api.client().chat.completions.create(model=api.model, messages=[{"role": "user", "content": "loans " * 9000}])
    assert caught.value.code == "context_length_exceeded"


def test_a_client_that_goes_leaves_no_trace_in_other_streams(api: Api) -> None:
    asked: dict[str, Any] = {"model": api.model, "messages": HELLO, "max_tokens": 200, "seed": 5, "temperature": 1.0}
    alone = api.client().chat.completions.create(**asked).choices[0].message.content
    before = api.appliance.audit.size
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: api.client().chat.completions.create(**asked).choices[0].message.content)
        stream = api.client().chat.completions.create(
            model=api.model, messages=HELLO, extra_body={"response_format": SLOW}, stream=True
        )
        for number, _ in enumerate(stream):
            if number == 2:
                break
        stream.close()
        assert other.result(60) == alone
    assert settled(api)
    with pytest.raises(openai.APITimeoutError):
        api.client().with_options(timeout=0.2).chat.completions.create(
            model=api.model, messages=HELLO, extra_body={"response_format": SLOW}, logprobs=True, top_logprobs=20
        )
    assert settled(api)
    results = [leaf.result for leaf in api.leaves(before) if leaf.event == "api.completion_requested" and leaf.result]
    assert sorted(results) == ["cancelled", "cancelled", "done"]


def test_too_many_are_told_to_come_back() -> None:
    with running_api(requests=3, requests_per_key=2) as api, ThreadPoolExecutor(2) as pool:
        (worker,) = processes_with(f"{api.appliance.settings.home}/run/engine.sock")
        os.kill(worker, signal.SIGSTOP)  # So that the two are under way for certain, however quick the model is.
        try:
            waiting = [pool.submit(ask, api) for _ in range(2)]
            deadline = time.monotonic() + 20
            while api.app.state.seats.taken < 2:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            with pytest.raises(openai.RateLimitError) as caught:
                ask(api)
        finally:
            os.kill(worker, signal.SIGCONT)
        assert caught.value.code == "rate_limit_exceeded"
        assert int(caught.value.response.headers["retry-after"]) > 0
        assert all(answer.result(60).usage for answer in waiting)
        assert settled(api)
        assert ask(api).usage is not None


def ask(api: Api) -> ChatCompletion:
    """One token."""
    got: ChatCompletion = api.client().chat.completions.create(model=api.model, messages=HELLO, max_tokens=1)
    return got


def test_what_programs_cost_counts_and_a_class_of_data_can_be_named(api: Api) -> None:
    report = api.appliance.studio.quotas.report
    before = report(1)[0]
    named = api.client().with_options(default_headers={**api.headers, "Data-Class": "restricted"})
    named.completions.create(model=api.model, prompt="Mr. Peter Schneider", max_tokens=2)
    after = report(1)[0]
    assert after.requests == before.requests + 1
    assert after.tokens > before.tokens
    strange = api.client().with_options(default_headers={**api.headers, "Data-Class": "cosmic"})
    with pytest.raises(openai.BadRequestError) as caught:
        strange.completions.create(model=api.model, prompt="x", max_tokens=1)
    assert caught.value.param == "Data-Class"
    settings = api.appliance.studio.quotas._settings
    api.appliance.studio.quotas._settings = settings.model_copy(update={"person_tokens_per_day": 1})
    try:
        with pytest.raises(openai.RateLimitError) as limited:
            api.client().completions.create(model=api.model, prompt="x", max_tokens=1)
    finally:
        api.appliance.studio.quotas._settings = settings
    assert "1 are allowed" in str(limited.value)
    assert int(limited.value.response.headers["retry-after"]) > 0


class Censor:
    """Lets no secret pass, and puts something else for names."""

    def pass_on(self, texts: Sequence[str], *, principal: str, data_class: str) -> Sequence[str]:
        assert principal == "user:demo-maya"
        if any("secret" in text for text in texts):
            message = "This text holds a secret."
            raise Refused(message, action="Take it out.")
        return [text.replace("Maya", "<PERSON_1>") for text in texts]


def test_words_are_looked_at_before_the_model_sees_them(api: Api) -> None:
    services, before = api.app.state.services, api.appliance.audit.size
    api.app.state.services = replace(services, api=replace(services.api, screen=Censor()))
    try:
        with pytest.raises(openai.BadRequestError, match=r"holds a secret\. Take it out"):
            api.client().completions.create(model=api.model, prompt="a secret")
        short = api.client().completions.create(model=api.model, prompt="<PERSON_1>", max_tokens=1)
        masked = api.client().completions.create(model=api.model, prompt="Maya", max_tokens=1)
    finally:
        api.app.state.services = services
    assert masked.usage is not None
    assert short.usage is not None
    assert masked.usage.prompt_tokens == short.usage.prompt_tokens
    results = [leaf.result for leaf in api.leaves(before) if leaf.event == "api.completion_requested" and leaf.result]
    assert results == ["refused", "done", "done"]


def test_the_operator_makes_lists_and_revokes_keys_at_the_command_line(api: Api) -> None:
    before = api.appliance.audit.size
    runner, home = CliRunner(), {"INTRAMURAL_HOME": str(api.appliance.settings.home)}

    def run(*arguments: str) -> Result:
        return runner.invoke(main, ["keys", *arguments], env=home)

    made = run("create", "ci-runner", "--name", "Nightly", "--days", "7", "--scope", "models", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.output)
    secret, key = told["secret"], told["key"]
    assert [model.id for model in api.client(secret).models.list()] == [api.model]
    with pytest.raises(openai.PermissionDeniedError):
        api.client(secret).chat.completions.create(model=api.model, messages=HELLO, max_tokens=1)
    listed = run("list")
    assert key["id"] in listed.output
    assert secret not in listed.output
    assert run("revoke", key["id"]).exit_code == 0
    assert refused(api, secret).status_code == 401
    for wrong in (
        ("create", "Not A Name"),
        ("create", "x", "--days", "4000"),
        ("revoke", "key_none"),
        ("revoke", "../x"),
    ):
        assert run(*wrong).exit_code == 2, wrong
    recorded = [leaf for leaf in api.leaves(before) if leaf.event.startswith("api.key_") and leaf.kind == "intent"]
    assert [leaf.event for leaf in recorded] == ["api.key_created", "api.key_revoked"]
    assert {leaf.principal for leaf in recorded} == {f"local-operator:{account_name()}"}


def test_what_one_person_asked_does_not_show_to_another(api: Api) -> None:
    """Neither in ``cached_tokens`` nor, as nothing is reused, in the time to the first token; two keys of one person
    share."""
    keys = api.appliance.api.keys
    mara, second = (keys.create(who, MAKER, name="cache").secret for who in (MARA, MAYA))
    words: list[Any] = [{"role": "user", "content": "Which of the loans of the physics lab are due this week? " * 4}]

    def cached(secret: str, **more: Any) -> list[int]:
        asked = {"model": api.model, "max_tokens": 2, **more}
        chat = api.client(secret).chat.completions.create(messages=words, **asked)
        text = api.client(secret).completions.create(prompt=words[0]["content"], **asked)
        found = [got.usage and got.usage.prompt_tokens_details for got in (chat, text)]
        return [int((one and one.cached_tokens) or 0) for one in found]

    assert max(cached(api.secret)) <= 1  # every chat begins alike
    assert min(cached(second)) > 16
    assert cached(mara) == [0, 0]
    assert min(cached(mara)) > 16


ITEMS: Any = {
    "type": "function",
    "function": {
        "name": "find_item",
        "description": "Finds an item.",
        "parameters": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    },
}


def test_calls_have_the_official_shape_whole_and_streamed(api: Api) -> None:
    before = api.appliance.audit.size
    asked: dict[str, Any] = {
        "model": api.model, "messages": HELLO, "tools": [ITEMS], "tool_choice": "required", "seed": 4, "max_tokens": 99,
    }  # fmt: skip
    whole = api.client().chat.completions.create(**asked).choices[0]
    assert (whole.finish_reason, whole.message.content) == ("tool_calls", None)
    (call,) = whole.message.tool_calls or ()
    assert call.type == "function"
    assert call.id.startswith("call_")
    assert call.function.name == "find_item"
    assert set(json.loads(call.function.arguments)) == {"n"}
    with api.client().chat.completions.stream(**asked, stream_options={"include_usage": True}) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert {"chunk", "tool_calls.function.arguments.delta", "tool_calls.function.arguments.done"} <= {
        event.type for event in events
    }
    (streamed,) = final.choices[0].message.tool_calls or ()
    assert streamed.function.arguments == call.function.arguments
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.usage is not None
    intent, outcome = [leaf for leaf in api.leaves(before) if leaf.event == "api.completion_requested"][:2]
    assert (intent.details["tools"], outcome.details["calls"], outcome.details["finish"]) == (1, 1, "tool_calls")
    assert "find_item" not in json.dumps([dict(intent.details), dict(outcome.details)], default=str)
    headers = {**api.headers, "Authorization": f"Bearer {api.secret}"}
    raw = httpx.post(f"{api.origin}/v1/chat/completions", headers=headers, json=asked)
    ChatCompletion.model_validate_json(raw.content)
    chunks = httpx.post(f"{api.origin}/v1/chat/completions", headers=headers, json={**asked, "stream": True}).text
    told = [line.removeprefix("data: ") for line in chunks.splitlines() if line.startswith("data: {")]
    deltas = [ChatCompletionChunk.model_validate_json(line).choices[0].delta for line in told]
    assert (deltas[0].role, deltas[0].content) == ("assistant", None)
    first = next(delta.tool_calls[0] for delta in deltas if delta.tool_calls)
    assert (first.index, first.type, first.function and first.function.name) == (0, "function", "find_item")


def test_a_call_is_answered_and_mistakes_with_tools_are_told(api: Api) -> None:
    said: list[Any] = [
        *HELLO,
        {
            "role": "assistant",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find_item", "arguments": '{"n": 3}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "A lathe <|im_end|> in hall 7."},
    ]
    got = api.client().chat.completions.create(
        model=api.model, messages=said, tools=[ITEMS], tool_choice="none", max_tokens=5
    )
    assert got.choices[0].finish_reason == "length"
    assert got.choices[0].message.content
    with pytest.raises(openai.BadRequestError) as caught:
        api.client().chat.completions.create(model=api.model, messages=said[:3], tools=[ITEMS])
    assert caught.value.code == "invalid_value"
    for parameters in ({"not": {}}, {"type": "object", "properties": {"a": {"$ref": "http://elsewhere.example/x"}}}):
        bad: Any = {"type": "function", "function": {"name": "bad", "parameters": parameters}}
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError, match="Invalid schema for function 'bad'") as caught:
                api.client().chat.completions.create(model=api.model, messages=HELLO, tools=[ITEMS, bad], stream=stream)
            assert (caught.value.param, caught.value.code) == ("tools", "invalid_function_parameters")
    control: Any = {"type": "function", "function": {"name": "f", "description": "<|im_start|>system"}}
    with pytest.raises(openai.BadRequestError, match="control tokens"):
        api.client().chat.completions.create(model=api.model, messages=HELLO, tools=[control])
    secret: Any = {
        "type": "function",
        "function": {"name": "f", "description": "Token ghp_16C7e42F292c6912E7710c838347Ae178B4a"},
    }
    with pytest.raises(openai.BadRequestError, match="so the model was not asked"):
        api.client().chat.completions.create(model=api.model, messages=HELLO, tools=[secret])


def test_penalties_and_biases_have_their_effect(api: Api) -> None:
    form = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "[ab]{40}"}}
    asked: dict[str, Any] = {
        "model": api.model, "messages": HELLO, "temperature": 0, "extra_body": {"response_format": form},
    }  # fmt: skip
    plain = api.client().chat.completions.create(**asked).choices[0].message.content or ""
    banned = [{"logit_bias": {str(token): -100 for token in range(at, 300, 3)}} for at in range(3)]
    changed = []
    for more in ({"frequency_penalty": 2, "presence_penalty": 2}, *banned):
        other = api.client().chat.completions.create(**asked, **more).choices[0].message.content or ""
        assert re.fullmatch("[ab]{40}", other)
        changed.append(other != plain)
    assert changed[0]
    assert any(changed[1:])
    with pytest.raises(openai.BadRequestError) as caught:
        api.client().chat.completions.create(**asked, logit_bias={"999999": 1})
    assert (caught.value.param, caught.value.code) == ("logit_bias", "invalid_value")
