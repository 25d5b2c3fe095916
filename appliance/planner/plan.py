"""Prompt to blueprint: the model writes a plan under narrowing grammars, deterministic code completes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import MAX_ABOUT, MAX_NAME, Blueprint, Entity
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import access_line, entity_lines, example_line, page_line, quote, to_text
from appliance.core.clock import Clock, SystemClock
from appliance.core.ports import Message, Prompt, TextGenerator, TokenUsage
from appliance.planner import stages
from appliance.planner.completion import added_fields, companions, complete, is_a_new_kind
from appliance.planner.custom_places import wanted_in, with_wanted
from appliance.planner.knowledge import Catalogue, load_catalogue
from appliance.planner.language import language_of
from appliance.planner.lines import title_lines
from appliance.planner.request import Request, check_request
from appliance.planner.samples import sample_rows
from appliance.planner.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT_VERSION: Final = "plan/3"
_EXAMPLES: Final = (2, 1, 3)


@dataclass(frozen=True)
class Plan:
    """A planned app: its blueprint, the blueprint's text, what it cost, and what was added without being asked for:
    records (``Author``) and fields (``Book.photo``) that such apps usually have."""

    blueprint: Blueprint
    text: str
    usage: TokenUsage
    prompt_version: str
    assumed: tuple[str, ...] = ()


def plan_prompt(request: str) -> Prompt:
    """The chat for a request; all but the last message are the same for every request."""
    folder = resources.files("appliance.planner") / "prompts"

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8").strip("\n")

    messages = [Message("system", read("system.txt"))]
    for number in _EXAMPLES:
        messages.append(Message("user", read(f"example_{number}_request.txt")))
        messages.append(Message("assistant", read(f"example_{number}_plan.txt")))
    return Prompt((*messages, Message("user", request)), stable=len(messages))


class Planner:
    """Plans apps with a text generator. Thread-safe; keeps nothing between plans."""

    def __init__(self, generator: TextGenerator, *, request_characters: int = 4000, clock: Clock | None = None) -> None:
        self._generator = generator
        self._limit = request_characters
        self._clock = clock or SystemClock()
        self._catalogue = load_catalogue()

    def warm_up(self) -> None:
        """Have the part of the prompt that never changes computed and stored, so that no request waits for it.

        Raises:
            GenerationFailed: the engine could not.
        """
        with self._generator.session(replace(plan_prompt("Keep records."), background=True)) as session:
            for _ in session.generate(title_lines(), max_tokens=1):
                pass

    def plan(self, request: str, *, on_text: Callable[[str], None]) -> Plan:
        """Plan an app; ``on_text`` receives the blueprint line by line while it is written.

        Raises:
            Refused: the request is empty, too long or has no words.
            GenerationFailed: the engine could not finish; nothing was planned.
            GenerationCancelled: somebody stopped it.
        """
        wanted = check_request(request, limit=self._limit)
        with self._generator.session(plan_prompt(wanted.text)) as session:
            draft, assumed = self._write(Transcript(session), on_text, wanted)
            usage = session.usage()
        text = to_text(draft)
        return Plan(parse(text), text, usage, PROMPT_VERSION, assumed)

    def _write(
        self, transcript: Transcript, on_text: Callable[[str], None], wanted: Request
    ) -> tuple[Blueprint, tuple[str, ...]]:
        def emit(*lines: str) -> None:
            on_text("".join(f"{line}\n" for line in lines))

        name, about = stages.write_title(transcript)
        name, about = name[:MAX_NAME].strip(), about[:MAX_ABOUT].strip()
        emit(f"app {quote(name)}", f"about {quote(about)}")
        roles = stages.write_names(transcript, "roles", most=stages.MOST_ROLES, fallback="Member")
        emit(*(f"role {role}" for role in roles))
        names = stages.write_names(transcript, "records", most=stages.MOST_ENTITIES, fallback="Record")
        language = language_of(wanted.text)
        # The catalogue speaks English; an app in another language keeps to the model's own words.
        known = self._catalogue if language == "en" else Catalogue({})
        if wanted.names_many:
            names = stages.write_more_names(
                transcript,
                names,
                upto=min(stages.MOST_ASKED, len(names) + 2),
                accept=lambda name, taken: is_a_new_kind(name, taken, known),
            )
        added = companions(names, known)
        assumed = list(added)

        def fill(entity: Entity, others: list[Entity]) -> Entity:
            return complete(entity, (*names, *added), known, stages.linked(others)) if language == "en" else entity

        transcript.force(stages.entity_header(names[0]))
        entities: list[Entity] = []
        for index, entity_name in enumerate(names):
            last = index + 1 == len(names)
            end = stages.access_header(names[0]) if last else stages.entity_header(names[index + 1])
            asked = stages.write_entity(transcript, entity_name, names, end, entities)
            entities.append(fill(asked, entities))
            assumed += added_fields(asked, entities[-1])
            emit(*entity_lines(entities[-1], entities))
        for entity_name in added:
            entities.append(stages.complete_fields(fill(Entity(entity_name, ()), entities), entities))
            emit(*entity_lines(entities[-1], entities))
        access = stages.write_access(transcript, entities, roles)
        emit(*(access_line(line) for line in access))
        pages = stages.write_pages(transcript, entities, language)
        blueprint = Blueprint(name, about, roles, tuple(entities), access, pages)
        emit(*(page_line(page, blueprint) for page in pages))
        sample_names = stages.write_example_names(transcript, entities)
        examples = sample_rows(entities, sample_names, today=self._clock.now().date())
        emit(*(example_line(example, blueprint) for example in examples))
        made = Blueprint(name, about, roles, tuple(entities), access, pages, examples, language=language)
        for item in wanted_in(wanted.text)[0]:
            made, _ = with_wanted(made, item)
        return made, tuple(assumed)
