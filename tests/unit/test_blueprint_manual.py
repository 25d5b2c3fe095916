"""The reference manual: every example parses and prints back, every mistake gives the answer that it quotes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from appliance.blueprint.behaviour import Renamed
from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import Scalar
from appliance.blueprint.page_parser import PAGE_KINDS
from appliance.blueprint.parser import STATEMENTS, parse
from appliance.blueprint.printer import to_text

MANUAL = (Path(__file__).parents[2] / "docs" / "blueprint.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)
APP, EXAMPLES = BLOCKS[0], BLOCKS[1:]
MISTAKES = re.findall(r"^\| `(.+)` \| (.+) \| (.+) \|$", MANUAL.partition("## Mistakes")[2], re.MULTILINE)


def with_lines(lines: str) -> str:
    """The manual's app with more lines; indented ones belong to its entity Loan."""
    if lines.startswith("  "):
        return APP.replace("  returned boolean\n", f"  returned boolean\n{lines.rstrip()}\n")
    return f"{APP}{lines.rstrip()}\n"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_parses_and_prints_back(example: str) -> None:
    blueprint = parse(with_lines(example))
    assert parse(to_text(blueprint)) == blueprint
    assert blueprint != parse(APP)


@pytest.mark.parametrize(("line", "message", "hint"), MISTAKES, ids=[line for line, _, _ in MISTAKES])
def test_a_mistake_is_answered_as_the_manual_says(line: str, message: str, hint: str) -> None:
    with pytest.raises(BlueprintError) as caught:
        parse(with_lines(line))
    assert caught.value.message.partition(": ")[2] == message
    assert caught.value.hint == hint
    written = with_lines(line).splitlines().index(line) + 1
    assert caught.value.line == written


def test_the_manual_shows_every_construct() -> None:
    code = "\n".join(BLOCKS)
    assert {word for word in STATEMENTS if not re.search(rf"^{word} ", code, re.MULTILINE)} == set()
    assert {kind for kind in PAGE_KINDS if not re.search(rf'^page "[^"]+" {kind}\b', code, re.MULTILINE)} == set()
    assert {kind.value for kind in Scalar if f"`{kind.value}`" not in MANUAL} == set()
    assert {kind.value for kind in Renamed if f"rename {kind.value} " not in code} == set()
    assert len(MISTAKES) > 40
