"""The default model over the API, by the official client: a sensible answer, a schema, and the middle of a function."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from tests.fixtures.api_service import running_api
from tests.fixtures.default_model import default_model_places
from tests.fixtures.studio import short_folder

pytestmark = [pytest.mark.model, pytest.mark.sandbox, pytest.mark.timeout(600)]
WEEKDAYS: dict[str, Any] = {
    "type": "object",
    "properties": {"days": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}},
    "required": ["days"],
    "additionalProperties": False,
}


def test_the_default_model_answers_programs() -> None:
    bundle, keys = default_model_places()
    with short_folder() as home:
        shutil.copytree(keys, home / "keys")
        with running_api(bundle, home) as api:
            client = api.client()
            wanted: Any = {"type": "json_schema", "json_schema": {"name": "d", "schema": WEEKDAYS, "strict": True}}
            asked: list[Any] = [{"role": "user", "content": "The two days of the weekend, in English, as JSON."}]
            got = client.chat.completions.create(
                model=api.model, messages=asked, response_format=wanted, temperature=0, max_tokens=40
            )
            assert json.loads(got.choices[0].message.content or "") == {"days": ["Saturday", "Sunday"]}
            middle = client.completions.create(
                model=api.model,
                prompt="def add(a, b):\n    return ",
                suffix="\n\nassert add(1, 2) == 3\n",
                temperature=0,
                max_tokens=12,
                stop="\n",
            )
            assert middle.choices[0].text.strip() == "a + b"


TOOLS: list[Any] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather of now in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
                "required": ["city"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": "find_machine",
            "description": "Where a machine stands, by its name.",
            "parameters": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
        },
    },
]


def test_the_default_model_calls_a_function_reads_what_came_of_it_and_answers() -> None:
    bundle, keys = default_model_places()
    with short_folder() as home:
        shutil.copytree(keys, home / "keys")
        with running_api(bundle, home) as api:
            client = api.client()
            asked: dict[str, Any] = {"model": api.model, "tools": TOOLS, "temperature": 0, "max_tokens": 60}
            said: list[Any] = [{"role": "user", "content": "Where does the lathe 'Emma' stand?"}]
            got = client.chat.completions.create(messages=said, **asked).choices[0]
            assert (got.finish_reason, got.message.content) == ("tool_calls", None)
            (call,) = got.message.tool_calls or ()
            assert call.type == "function"
            assert (call.function.name, json.loads(call.function.arguments)) == ("find_machine", {"name": "Emma"})
            said += [
                got.message.model_dump(exclude_none=True),
                {"role": "tool", "tool_call_id": call.id, "content": '{"hall": 7, "row": "C"}'},
            ]
            with client.chat.completions.stream(messages=said, **asked) as stream:
                final = stream.get_final_completion().choices[0]
            assert final.finish_reason == "stop"
            assert "7" in (final.message.content or "")
            assert not final.message.tool_calls
            words: list[Any] = [{"role": "user", "content": "Say hello in French."}]
            plain = client.chat.completions.create(messages=words, **asked).choices[0]
            assert plain.finish_reason == "stop"
            assert "onjour" in (plain.message.content or "")
