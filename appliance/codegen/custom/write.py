"""Has a model write one custom place, looks at what it wrote, tries it out, and lets it mend that at most twice.

Nothing here fails a build: what cannot be written is said, and the app works without it.
"""

from __future__ import annotations

import ast
import secrets
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Choice
from appliance.blueprint.places import Case
from appliance.codegen.custom.checker import checked
from appliance.codegen.custom.expect import derived_cases
from appliance.codegen.custom.format import formatted
from appliance.codegen.custom.grammar import body
from appliance.codegen.custom.problem import CodeProblem
from appliance.codegen.custom.signature import header, parameters
from appliance.codegen.custom.template import checked_template, template_grammar
from appliance.codegen.custom.trial import Tried, tried
from appliance.core.ports import Message, Prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.blueprint.places import Place
    from appliance.core.ports import TextGenerator
    from appliance.core.sandboxing import Sandbox

PROMPT_VERSION: Final = "custom/2"
MAX_REPAIRS: Final = 2
MAX_TOKENS: Final = 160
_SHOWN_CASES: Final = 4


class Status(StrEnum):
    """How it went. ``kept``: the code that was there still does it."""

    WRITTEN = "written"
    KEPT = "kept"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Written:
    """The code of a place (empty if there is none that works), how often it was begun, what was tried, and why not."""

    place: str
    status: Status
    source: str
    attempts: int
    results: tuple[Tried, ...]
    problem: str = ""


def prompt_for(place: Place) -> Prompt:
    """The chat for a place; all messages but the last are the same for every place of its kind."""
    kind = "template" if place.output is None else "function"
    folder = resources.files("appliance.codegen.custom") / "prompts"
    messages = [Message("system", (folder / f"{kind}_system.txt").read_text(encoding="utf-8").strip())]
    for turn in (folder / f"{kind}_turns.txt").read_text(encoding="utf-8").split("===\n"):
        asked, answered = turn.split("---\n")
        messages += [Message("user", asked.rstrip()), Message("assistant", answered.rstrip("\n"))]
    return Prompt((*messages, Message("user", _asked(place))), stable=len(messages))


def _asked(place: Place) -> str:
    if place.output is None:
        return f"values: {', '.join(name for name, _ in parameters(place))}\n{place.description}"
    lines = [header(place).rstrip()]
    for (name, _), field in zip(parameters(place), place.inputs, strict=True):
        if isinstance(field.type, Choice):
            lines.append(f"# {name} is one of {', '.join(map(repr, field.type.options))}")
    for case in all_cases(place)[:_SHOWN_CASES]:
        given = ", ".join(repr(value) for value in case.values)
        lines.append(f"# {place.function}({given}) gives {case.gives!r}")
    return "\n".join(lines)


def all_cases(place: Place) -> tuple[Case, ...]:
    """The maker's cases, and those that the description gives."""
    return tuple(dict.fromkeys((*place.cases, *derived_cases(place))))


class Coder:
    """Writes custom places. Thread-safe; keeps nothing."""

    def __init__(self, generator: TextGenerator, sandbox: Sandbox) -> None:
        self._generator = generator
        self._sandbox = sandbox

    def keep(self, place: Place, source: str) -> Written:
        """Whether code that is there still does what is asked.

        Raises:
            SandboxUnavailable: it cannot be tried.
        """
        try:
            made = _looked_at(place, source, whole=True)
            results = tried(self._sandbox, place, made, all_cases(place))
        except CodeProblem as problem:
            return Written(place.key, Status.REFUSED, "", 0, (), problem.message)
        failed = _failure(results)
        if failed:
            return Written(place.key, Status.REFUSED, "", 0, results, failed)
        return Written(place.key, Status.KEPT, made, 0, results)

    def write(self, place: Place, *, on_text: Callable[[str], None] = lambda _: None) -> Written:
        """Write it anew; ``on_text`` hears each attempt.

        Raises:
            GenerationFailed, GenerationCancelled: the model could not go on, or was stopped.
            SandboxUnavailable: it cannot be tried.
        """
        prompt = replace(prompt_for(place), scope=f"place {secrets.token_hex(16)}")  # its repairs begin alike
        seen: set[str] = set()
        results: tuple[Tried, ...] = ()
        problem = ""
        attempts = 0
        for attempt in range(MAX_REPAIRS + 1):
            attempts = attempt + 1
            text = self._generated(place, prompt, attempt)
            on_text(text)
            try:
                made = _looked_at(place, text, whole=False)
                results = tried(self._sandbox, place, made, all_cases(place))
                problem = _failure(results)
            except CodeProblem as caught:
                results, problem = (), caught.message
            if not problem:
                return Written(place.key, Status.WRITTEN, made, attempts, results)
            if problem in seen:
                break
            seen.add(problem)
            prompt = _again(prompt, text, problem)
        return Written(place.key, Status.REFUSED, "", attempts, results, problem)

    def _generated(self, place: Place, prompt: Prompt, attempt: int) -> str:
        grammar = template_grammar(place) if place.output is None else body(place)
        with self._generator.session(prompt) as session:
            pieces = session.generate(
                grammar, max_tokens=MAX_TOKENS, temperature=0.0 if attempt < MAX_REPAIRS else 0.6, seed=attempt
            )
            return "".join(pieces)


def _again(prompt: Prompt, text: str, problem: str) -> Prompt:
    told = f"That does not work: {problem}. Write the whole body again."
    return replace(prompt, messages=(*prompt.messages, Message("assistant", text.rstrip()), Message("user", told)))


def _looked_at(place: Place, text: str, *, whole: bool) -> str:
    if place.output is None:
        return checked_template(place, text)
    body_ = text
    if whole:  # a function as it stands in the app: its head is made anew
        lines = text.splitlines(keepends=True)
        body_ = "".join(lines[_head_lines(text) :])
    return formatted(checked(place, body_))


def _head_lines(text: str) -> int:
    try:
        function = ast.parse(text).body[0]
    except (SyntaxError, ValueError, IndexError) as error:
        message = "what is there is no function"
        raise CodeProblem(message) from error
    if not isinstance(function, ast.FunctionDef):
        message = "what is there is no function"
        raise CodeProblem(message)
    return (function.body[0].end_lineno or 1) if len(function.body) > 1 else 1


def _failure(results: tuple[Tried, ...]) -> str:
    failed = next((result for result in results if not result.passed), None)
    return "" if failed is None else f"{failed.text} is wanted, but {failed.why}"
