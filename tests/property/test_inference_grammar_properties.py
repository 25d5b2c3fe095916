"""Whatever the weights, the seed and the temperature: the text is a sentence of the grammar, or a prefix of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher

from tests.fixtures.inference_parts import Parts, engine_parts
from tests.fixtures.tiny_bundle import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

GRAMMARS = {
    'start: "role " NAME (", " NAME)? "\\n"\nNAME: /[A-Z][a-z]{0,9}/': r"role [A-Z][a-z]{0,9}(, [A-Z][a-z]{0,9})?\n",
    'start: line{1,5}\nline: "  " /[a-z_]{1,12}/ " " ("text" | "number" | "date") " required"? "\\n"': (
        r"(  [a-z_]{1,12} (text|number|date)( required)?\n){1,5}"
    ),
    'start: "(" start ")" | "x"': r"\(*x\)*",
    'start: /[0-9]{1,3}/ "." /[0-9]{2}/': r"[0-9]{1,3}\.[0-9]{2}",
    "start: /(👩‍🔬|é|日本|ß){1,6}/": "(👩‍🔬|é|日本|ß){1,6}",
    'start: "yes" | "no" | "perhaps, but only if it is needed"': "yes|no|perhaps, but only if it is needed",
    'start: "a" "b"? "c"*': "ab?c*",
}
held_texts = st.sampled_from(["", " ", "\n", "Rev", '"', "é", "\\", "entity "])


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    folder = tmp_path_factory.mktemp("grammars")
    with engine_parts(tiny_bundle(folder / "bundle"), folder / "prefixes") as made:
        yield made


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lark=st.sampled_from(sorted(GRAMMARS)),
    held=held_texts,
    temperature=st.sampled_from([0.0, 1.0, 4.0]),
    seed=st.integers(0, 1000),
    max_tokens=st.integers(1, 60),
)
def test_text_obeys(parts: Parts, *, lark: str, held: str, temperature: float, seed: int, max_tokens: int) -> None:
    work = parts.work([1, 2, 3], lark, max_tokens=max_tokens, temperature=temperature, seed=seed, held=held.encode())
    outcome = parts.run(work)
    assert outcome.sampled + outcome.forced == len(outcome.generated) <= max_tokens
    content = parts.model.tokenizer.token_bytes(outcome.generated)
    if len(outcome.generated) < max_tokens:
        text = content.decode()
        assert text.startswith(held)
        assert re.fullmatch(GRAMMARS[lark], text[len(held) :])
    elif len(content) > len(held.encode()):
        rest = content[len(held.encode()) :]
        matcher = LLMatcher(parts.model.tokenizer.for_grammars, lark)
        assert matcher.consume_tokens(
            list(parts.model.tokenizer.for_grammars.greedy_tokenize(rest.decode(errors="ignore")))
        )
