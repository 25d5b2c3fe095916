"""One answer of the model to whoever asks it directly: what is wanted, and what comes, as frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from appliance.core.tools import Calling, CallPiece


@dataclass(frozen=True)
class RawPrompt:
    """Text that the model continues, without a chat around it. With ``suffix`` it writes what stands between the two
    (fill in the middle), if it was trained for that."""

    text: str
    suffix: str = ""
    scope: str = ""
    """As that of a :class:`appliance.core.ports.Prompt`."""


class Syntax(StrEnum):
    """How the form of an answer is described."""

    TEXT = "text"
    """Anything; the source is empty."""
    LARK = "lark"
    REGEX = "regex"
    JSON_SCHEMA = "json_schema"
    GRAMMARS = "grammars"
    """Several that refer to each other, in the engine's own notation; nobody outside writes one."""


@dataclass(frozen=True)
class Form:
    """What an answer must match."""

    syntax: Syntax = Syntax.TEXT
    source: str = ""


@dataclass(frozen=True)
class Adjustment:
    """What is added to the logits before a choice: ``bias`` for tokens by number, and less for each time that a token
    has been written in this answer (``frequency``), and once if it has been at all (``presence``)."""

    frequency: float = 0.0
    presence: float = 0.0
    bias: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Wanted:
    """One answer of the model.

    ``max_tokens`` 0: as many as the context has room for. ``top_p`` keeps the most probable tokens that together have
    this probability. The first of the ``stop`` texts that is completed ends the answer before it. ``top_logprobs``: how
    many alternatives to tell for each token; None tells no probabilities at all. ``calling``: the answer may be, or
    must be, calls of the functions that the prompt offers; ``form`` and ``stop`` are those of an answer in words then.
    """

    form: Form = Form()
    max_tokens: int = 0
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    top_logprobs: int | None = None
    calling: Calling | None = None
    adjustment: Adjustment | None = None


@dataclass(frozen=True)
class TokenChance:
    """A token as bytes, and the natural logarithm of its probability in the model's own distribution: before
    temperature, ``top_p`` and grammar."""

    content: bytes
    logprob: float


@dataclass(frozen=True)
class TokenTold:
    """A token of the answer, and the most probable ones at its place."""

    chosen: TokenChance
    top: tuple[TokenChance, ...] = ()


@dataclass(frozen=True)
class AnswerPiece:
    """A part of an answer in whole characters, and the tokens that begin in it, where they were asked for; or a part of
    calls."""

    text: str
    tokens: tuple[TokenTold, ...] = ()
    calls: tuple[CallPiece, ...] = ()


@dataclass(frozen=True)
class AnswerEnd:
    """How an answer ended, and what it took. ``complete`` is false where the limit of tokens cut it off."""

    complete: bool
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class PromptScreen(Protocol):
    """Looks at words before the model sees them."""

    def pass_on(self, texts: Sequence[str], *, principal: str, data_class: str) -> Sequence[str]:
        """The texts, about data of this class, as the model may read them, in the same order and number.

        Raises Refused when they must not reach the model; the message says why.
        """
        ...
