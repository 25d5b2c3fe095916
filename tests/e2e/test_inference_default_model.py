"""The default model, through the worker process: what it writes is sensible, held to its grammar and repeatable."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.core.ports import Grammar, Message, Prompt
from appliance.inference.loader import EngineLimits
from appliance.inference.supervisor import WorkerSupervisor
from appliance.inference.worker import WorkerOptions
from tests.fixtures.default_model import default_model_places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.inference.client import WorkerGenerator

pytestmark = [pytest.mark.model, pytest.mark.timeout(600)]

SYSTEM = (
    "You name the columns of a table that a small company needs. Answer with one column per line, each with a type, "
    "in plain words that a colleague would use."
)
PROMPT = Prompt((Message("system", SYSTEM), Message("user", "Books that employees borrow from our library.")), stable=1)
COLUMNS = Grammar(
    'start: "table Books\\n" column{2,4} "end\\n"\n'
    'column: "- " /[a-z]{2,12}( [a-z]{2,12})?/ ": " ("text" | "number" | "date" | "yes or no") "\\n"\n'
)
SHAPE = re.compile(r"table Books\n(- [a-z]{2,12}( [a-z]{2,12})?: (text|number|date|yes or no)\n){2,4}end\n")


@pytest.fixture(scope="module")
def generator() -> Iterator[WorkerGenerator]:
    bundle, keys = default_model_places()
    with tempfile.TemporaryDirectory(prefix="imd-") as name:
        folder = Path(name)
        options = WorkerOptions(bundle, keys, folder / "w.sock", folder / "prefixes", EngineLimits(context_tokens=1024))
        supervisor = WorkerSupervisor(options, log=folder / "log")
        supervisor.start()
        try:
            yield supervisor.generator()
        finally:
            supervisor.stop()


def columns(generator: WorkerGenerator) -> tuple[str, int, int]:
    with generator.session(PROMPT) as session:
        text = "".join(session.generate(COLUMNS, max_tokens=120))
        usage = session.usage()
    assert usage.forced > 0
    assert usage.sampled > 0
    return text, usage.cached, usage.prompt


def test_sensible_text_in_the_right_form_twice_the_same(generator: WorkerGenerator) -> None:
    cold, cached, prompt = columns(generator)
    assert SHAPE.fullmatch(cold), cold
    assert re.search("title|author|name|book", cold), cold
    assert cached == 0
    warm, cached, prompt_again = columns(generator)
    assert warm == cold
    assert 32 < cached < prompt == prompt_again


def test_choice_follows_the_text_that_was_appended(generator: WorkerGenerator) -> None:
    prompt = Prompt((Message("user", "Complete the sentence about geography with one word."),))
    capital = Grammar('start: ("Madrid" | "Paris" | "Berlin" | "Rome") "."')
    found = []
    with generator.session(prompt) as session:
        start = session.mark()
        for country in ("France", "Germany", "Italy"):
            session.append(f"The capital of {country} is ")
            found.append("".join(session.generate(capital, max_tokens=10)))
            session.rewind(start)
    assert found == ["Paris.", "Berlin.", "Rome."]


def test_description_is_honest(generator: WorkerGenerator) -> None:
    told = generator.describe()
    assert told.provider == "CPUExecutionProvider"
    assert told.threads >= 1
    assert told.context_tokens == 1024
