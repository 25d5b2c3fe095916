"""A wish about an app to its next blueprint: the model writes changes, deterministic code carries them out.

The model never sees data and never writes the blueprint itself: it cannot lose a part of the app that the wish does not
mention. What a line cannot do (a name that is taken, a part that others need) is left out and said; the proposal that
the maker sees is made from the blueprints before and after, never from the model's words.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from importlib import resources
from typing import TYPE_CHECKING, Final

from appliance.blueprint.edit import apply_all
from appliance.blueprint.edits import EditRefused, RenameEntity
from appliance.blueprint.model import Access, Blueprint, Entity, Field, Grant, Permission, Scalar, Verb
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.core.conversation import Question, Revised
from appliance.core.errors import Refused
from appliance.core.ports import Message, Prompt, TextGenerator
from appliance.planner.advice import questions_about, suggestions_for
from appliance.planner.change_lines import change_line
from appliance.planner.change_steps import NoStep, step
from appliance.planner.change_words import THREAD_LOST, in_words, not_done
from appliance.planner.custom_places import wanted_in, with_wanted
from appliance.planner.outline import outline
from appliance.planner.request import check_request
from appliance.planner.transcript import Transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.blueprint.behaviour import Rename
    from appliance.blueprint.edits import Edit

PROMPT_VERSION: Final = "revise/1"
MOST_CHANGES: Final = 16
MOST_IDLE: Final = 2
"""Lines without effect after which the model has lost the thread."""
_LINE_TOKENS: Final = 48


class NothingToChange(Refused):
    """No change was found in the wish."""

    code = "revision_without_change"


class AlreadySo(NothingToChange):
    """All that was found in the wish is so already."""

    code = "revision_already_so"


def _without_change(left_out: tuple[str, ...], already: tuple[str, ...]) -> NothingToChange:
    if already and not left_out:
        message = "The app does that already."
        action = "Say what should be different from how it is now, or edit it directly."
        return AlreadySo(message, cause=f"There already: {'; '.join(already)}.", action=action)
    message = "No change of this app was found in these words."
    action = "Name the record, field or page, and say what should be different; or edit it directly."
    return NothingToChange(message, cause=" ".join(left_out), action=action)


@dataclass(frozen=True, slots=True)
class _Carried:
    """The blueprint with the changes, what they rename, what could not be done, and what was so before."""

    after: Blueprint
    renaming: tuple[Edit, ...] = ()
    left_out: tuple[str, ...] = ()
    already: tuple[str, ...] = ()


def revise_prompt(blueprint: Blueprint, wish: str) -> Prompt:
    """The chat for a wish; all messages but the last are the same for every app."""
    folder = resources.files("appliance.planner") / "prompts"
    messages = [Message("system", (folder / "revise_system.txt").read_text(encoding="utf-8").strip())]
    for turn in (folder / "revise_turns.txt").read_text(encoding="utf-8").split("===\n"):
        asked, answered = turn.split("---\n")
        messages += [Message("user", asked.strip()), Message("assistant", answered.strip())]
    return Prompt((*messages, Message("user", f"{outline(blueprint)}\nWish: {wish}")), stable=len(messages))


class ModelReviser:
    """The model's part in a conversation about an app (``appliance.core.ports.Reviser``). Thread-safe."""

    def __init__(self, generator: TextGenerator, *, request_characters: int = 4000) -> None:
        self._generator = generator
        self._limit = request_characters

    def warm_up(self) -> None:
        """Have the part of the prompt that never changes computed and stored, so that no wish waits for it.

        Raises:
            GenerationFailed: the engine could not.
        """
        nothing = Blueprint("App", "", (), (Entity("Record", (Field("name", Scalar.TEXT),)),))
        prompt = replace(revise_prompt(nothing, "nothing"), background=True)
        with self._generator.session(prompt) as session:
            for _ in session.generate(change_line(nothing), max_tokens=1):
                pass

    def revise(self, blueprint_text: str, request: str, on_text: Callable[[str], None]) -> Revised:
        """The blueprint with what ``request`` asks for; ``on_text`` hears each change as it is written.

        Raises:
            Refused: the wish is empty, too long, or holds no change of this app.
            BlueprintError: ``blueprint_text`` is none.
            GenerationFailed: the engine could not finish.
            GenerationCancelled: somebody stopped it.
        """
        before = parse(blueprint_text)
        wish = check_request(request, limit=self._limit)
        begun, rest, in_vain = _worked_out(before, wish.text, on_text)
        carried = _Carried(begun)
        if rest:
            with self._generator.session(revise_prompt(begun, rest)) as session:
                carried = _write(Transcript(session), begun, on_text)
        left_out = (*(in_vain if carried.after == begun else ()), *carried.left_out)
        if carried.after == before:
            raise _without_change(left_out, carried.already)
        after = replace(carried.after, renames=_renames(before, carried.renaming))
        return Revised(to_text(after), left_out)

    def clarify(self, request: str) -> tuple[Question, ...]:
        """At most three questions about a request for a new app."""
        return questions_about(check_request(request, limit=self._limit).text)

    def suggest(self, blueprint_text: str) -> tuple[str, ...]:
        """Up to four next steps for an app."""
        return suggestions_for(parse(blueprint_text))


def _worked_out(before: Blueprint, wish: str, on_text: Callable[[str], None]) -> tuple[Blueprint, str, list[str]]:
    """What rules make of "compute X as …", what is left for the model, and what the rules could not place."""
    wanted, rest = wanted_in(wish)
    made, in_vain = before, []
    for item in wanted:
        made, why_not = with_wanted(made, item)
        if why_not:
            in_vain.append(why_not)
            rest = f"{rest} {item.sentence}".strip()
        else:
            on_text(f"compute {item.name}\n")
    return made, rest, in_vain


def _renames(before: Blueprint, renaming: tuple[Edit, ...]) -> tuple[Rename, ...]:
    """What the edits rename of what was there before; a thing that was only just added has no data to follow."""
    found: tuple[Edit, ...] = ()
    for edit in renaming:
        with contextlib.suppress(EditRefused):
            apply_all(before, (*found, edit))
            found = (*found, edit)
    return apply_all(before, found).renames


def _write(transcript: Transcript, before: Blueprint, on_text: Callable[[str], None]) -> _Carried:
    now = before
    left_out: list[str] = []
    already: list[str] = []
    renaming: list[Edit] = []
    seen: set[str] = set()
    idle = 0
    for _ in range(MOST_CHANGES):
        text = transcript.choose(change_line(now), ends=("\n",), max_tokens=_LINE_TOKENS)
        if text is None or text in seen or text == "done\n":
            break
        seen.add(text)
        try:
            made, renamed = step(now, text.strip("\n"))
        except NoStep as refused:
            left_out.append(not_done(text.strip("\n"), str(refused)))
            idle += 1
            if idle == MOST_IDLE:
                left_out.append(THREAD_LOST)
                break
            continue
        if made == now:
            already.append(in_words(text.strip("\n")))
        now = made
        renaming += renamed
        on_text(text)
    else:
        left_out.append(THREAD_LOST)
    after = finish(before, now, tuple(renaming))
    return _Carried(after, tuple(renaming), tuple(dict.fromkeys(left_out)), tuple(dict.fromkeys(already)))


def finish(before: Blueprint, after: Blueprint, renaming: tuple[Edit, ...] = ()) -> Blueprint:
    """What a new record needs to be of use: a field of its own, and somebody who may work with it."""
    known = {entity.name for entity in before.entities}
    known |= {edit.to for edit in renaming if isinstance(edit, RenameEntity)}
    made = after
    for entity in after.entities:
        if entity.name in known or entity.name not in {item.name for item in made.entities}:
            continue
        made = _open(_without_placeholder(made, entity), entity.name)
    return made


def _without_placeholder(blueprint: Blueprint, entity: Entity) -> Blueprint:
    """A record starts with a name; where the model gave it another text, that one names it."""
    others = [item for item in entity.fields if item.name != "name"]
    texts = [item for item in others if getattr(item.type, "value", "") == "text"]
    if not texts or len(others) == len(entity.fields):
        return blueprint
    kept = replace(entity, fields=tuple(replace(item, required=item is texts[0]) for item in others))
    return replace(blueprint, entities=tuple(kept if item is entity else item for item in blueprint.entities))


def _open(blueprint: Blueprint, entity: str) -> Blueprint:
    if not blueprint.roles or any(line.entity == entity for line in blueprint.access):
        return blueprint
    everything = tuple(Permission(verb) for verb in Verb)
    line = Access(entity, (Grant(blueprint.roles[-1], everything),))
    return replace(blueprint, access=(*blueprint.access, line))
