"""A change that somebody proposes: what it would do, what has to be asked before, and how far it has come.

Values only. :class:`appliance.studio.revision.RevisionService` makes and carries them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from appliance.blueprint.behaviour import Rename
    from appliance.core.ports import Person


class Source(StrEnum):
    """Where the proposed blueprint came from."""

    EDITS = "edits"
    TEXT = "text"
    MODEL = "model"
    RESTORE = "restore"


class ProposalState(StrEnum):
    """How far it has come. ``outdated``: the app has another version by now; ask for the change again."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    OUTDATED = "outdated"


class Ask(StrEnum):
    """What a question is about, which is also what an answer may be.

    ``rename``: ``yes`` or ``no``. ``value``: a value for rows that have none, as a form takes it. ``rows``: what is to
    happen with values that do not fit: ``empty`` or, where there is room for it, ``note``.
    """

    RENAME = "rename"
    VALUE = "value"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class RowInTheWay:
    """A row whose value does not fit: its number, what it is called, the value, and why."""

    id: int
    label: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Question:
    """Something that only the maker knows. ``options`` are pairs of answer and words; empty: a value is typed in.

    ``rows`` are examples (at most 20) of ``count`` rows.
    """

    id: str
    ask: Ask
    text: str
    options: tuple[tuple[str, str], ...] = ()
    rows: tuple[RowInTheWay, ...] = ()
    count: int = 0
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One change in words. ``risk`` is ``safe``, ``converts`` or ``loses``; ``subject`` names what is lost."""

    text: str
    risk: str
    subject: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change before it happens.

    ``base`` is the version that it changes, ``screens``, ``data`` and ``access`` say what it does, ``effects`` what a
    trial on a copy of the records showed. ``confirm`` names what is put aside: each must be confirmed by that name.
    ``left_out``: what the words asked for and could not be carried out, in sentences.
    ``build`` is the build that carries it out, once accepted.
    """

    id: str
    project_id: str
    author: Person
    created_at: datetime
    source: Source
    words: str
    base: int
    blueprint: str
    renames: tuple[Rename, ...] = ()
    screens: tuple[Sentence, ...] = ()
    data: tuple[Sentence, ...] = ()
    access: tuple[Sentence, ...] = ()
    effects: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    confirm: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    state: ProposalState = ProposalState.OPEN
    restores: int | None = None
    build: str | None = None

    @property
    def unanswered(self) -> tuple[Question, ...]:
        """What still has to be answered before it can be accepted."""
        return tuple(question for question in self.questions if not question.answer)

    @property
    def empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.screens or self.data or self.access)
