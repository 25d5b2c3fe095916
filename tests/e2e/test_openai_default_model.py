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
