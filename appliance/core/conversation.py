"""The port for the model's part in a conversation with a maker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Question:
    """Something to settle before building, asked only where the answer changes the app.

    ``choices`` are two to four short answers, the likeliest first; the maker may write another one instead, or skip the
    question, which means the first. ``id`` is unique within one request.
    """

    id: str
    text: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What the maker answered: one of the choices, or words of their own. ``question`` is the question's text."""

    question: str
    text: str


@dataclass(frozen=True)
class Revised:
    """A blueprint that the model changed. ``left_out`` says, one sentence each, what it meant to do and could not."""

    text: str
    left_out: tuple[str, ...] = ()


class Reviser(Protocol):
    """The model's part in a conversation about an app. Each call takes seconds; none of them changes anything."""

    def revise(self, blueprint_text: str, request: str, on_text: Callable[[str], None]) -> Revised:
        """The blueprint with what ``request`` asks for; ``on_text`` receives the text piece by piece.

        An exception raised by ``on_text`` stops the work and comes out of this call.

        Raises Refused when the request cannot be understood, :class:`GenerationFailed` or
        :class:`GenerationCancelled` when the model could not finish.
        """
        ...

    def clarify(self, request: str) -> tuple[Question, ...]:
        """At most three questions about a request for a new app; none where nothing depends on the answers."""
        ...

    def suggest(self, blueprint_text: str) -> tuple[str, ...]:
        """Up to four next steps, as requests that a maker could send."""
        ...
