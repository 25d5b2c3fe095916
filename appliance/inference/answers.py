"""One answer to a client that asked for sampling, stop texts or probabilities: its request, and what is sent of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from appliance.core.answers import Adjustment, AnswerPiece, Form, Syntax, TokenChance, TokenTold, Wanted
from appliance.core.errors import Refused
from appliance.core.ports import GenerationFailed
from appliance.core.tools import Calling, ToolCall
from appliance.inference import protocol
from appliance.inference.answering import AnswerText
from appliance.inference.sampler import Sampler
from appliance.inference.sequence import Generation
from appliance.inference.tool_calls import MAX_CALLS, call_form, choice_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.core.tools import CallPiece, Tool
    from appliance.inference.constraint import Constraint
    from appliance.inference.drafter import Drafter
    from appliance.inference.sampler import Chance
    from appliance.inference.tokenizer import TextTokenizer
    from appliance.inference.tool_calls import CallReader

MAX_TOKENS: Final = 1 << 16
MAX_STOPS: Final = 16
MAX_STOP: Final = 1024
"""Characters of a stop text."""
MAX_BIAS: Final = 1024
"""Tokens."""
MAX_ADJUSTMENT: Final = 100.0
"""Of a logit."""
MAX_TOP: Final = 20
"""Alternatives that are told for a token."""


class UnknownToken(Refused):
    """There is no token of that number."""

    code = "unknown_token"


def checked(request: protocol.AskAnswer) -> Wanted:
    """The request, if its numbers make sense.

    Raises:
        GenerationFailed: one of them does not.
    """
    fits = (
        0 <= request.max_tokens <= MAX_TOKENS
        and 0 <= request.temperature <= 10
        and 0 <= request.top_p <= 1
        and 0 <= request.seed < 1 << 63
        and len(request.stop) <= MAX_STOPS
        and all(0 < len(stop) <= MAX_STOP for stop in request.stop)
        and (request.top_logprobs is None or 0 <= request.top_logprobs <= MAX_TOP)
        and (request.adjustment is None or _within(request.adjustment))
        and (request.calling is None or 1 <= request.calling.most <= MAX_CALLS)
    )
    if not fits:
        message = "The limits of an answer are out of range."
        raise GenerationFailed(message, action=f"Ask for at most {MAX_TOKENS} tokens and {MAX_STOPS} stop texts.")
    calling, own = request.calling, request.adjustment
    return Wanted(
        form=Form(Syntax(request.syntax), request.source),
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        stop=tuple(request.stop),
        top_logprobs=request.top_logprobs,
        calling=None if calling is None else Calling(calling.required, calling.only, calling.most),
        adjustment=None if own is None else Adjustment(own.frequency, own.presence, tuple(own.bias)),
    )


def _within(asked: protocol.Adjusted) -> bool:
    values = (asked.frequency, asked.presence, *(value for _, value in asked.bias))
    return len(asked.bias) <= MAX_BIAS and all(abs(value) <= MAX_ADJUSTMENT for value in values)


def choice_of(wanted: Wanted, tools: Sequence[Tool], tokenizer: TextTokenizer) -> Wanted:
    """The first part of an answer that may be calls: calls, or the choice of words. Naming what is chosen does not
    count towards the limit of the answer.

    Raises:
        GrammarRefused: a function's schema cannot be used; the cause says which.
    """
    calling = wanted.calling or Calling()
    limit = wanted.max_tokens and wanted.max_tokens + choice_tokens(tools, tokenizer)
    return replace(
        wanted, form=call_form(tools, calling), max_tokens=limit, stop=(), top_logprobs=None, adjustment=None
    )


def generation_of(
    wanted: Wanted, constraint: Constraint, tokenizer: TextTokenizer, *, room: int, drafter: Drafter | None
) -> Generation:
    """How the engine is to write it, in at most ``room`` tokens.

    Raises:
        UnknownToken: a bias is for none of this model's tokens.
    """
    greedy = wanted.top_p == 0.0  # only the most probable token is left
    adjustment = wanted.adjustment or Adjustment()
    if any(not 0 <= token < tokenizer.vocabulary for token, _ in adjustment.bias):
        message = "A bias is for a token that this model has not."
        raise UnknownToken(message, action=f"Its tokens have numbers below {tokenizer.vocabulary}.")
    sampler = Sampler(
        0.0 if greedy else wanted.temperature,
        wanted.seed,
        top_p=wanted.top_p,
        top_logprobs=wanted.top_logprobs,
        adjustment=adjustment,
    )
    limit = min(wanted.max_tokens or room, room)
    return Generation(constraint, sampler, limit, tokenizer.end_tokens, drafter)


class Answering:
    """Turns tokens into what the client is sent. Owned by the connection's event loop; the sampler notes each choice
    before its token arrives here."""

    def __init__(self, wanted: Wanted, generation: Generation, tokenizer: TextTokenizer) -> None:
        self._text = AnswerText(wanted.stop)
        self._sampler = generation.sampler
        self._tokenizer = tokenizer
        self.tokens = 0
        """How many were written, up to the one that completed a stop text."""

    @property
    def stopped(self) -> bool:
        """Whether a stop text ended the answer."""
        return self._text.stopped

    def take(self, tokens: Sequence[int]) -> protocol.Part | None:
        """What they make certain, if anything."""
        pieces = []
        for token in tokens:
            if self.stopped:
                break
            told = self._tell(self._sampler.chances.popleft()) if self._sampler.tells else None
            pieces.append(self._text.push(self._tokenizer.token_bytes([token]), told))
            self.tokens += 1
        return _part(pieces)

    def finish(self) -> protocol.Part | None:
        """What was held back."""
        return _part([self._text.finish()])

    def _tell(self, chance: Chance) -> TokenTold:
        content = self._tokenizer.token_bytes
        top = tuple(TokenChance(content([token]), logprob) for token, logprob in chance.top)
        return TokenTold(TokenChance(content([chance.token]), chance.logprob), top)


class ReadingCalls:
    """As :class:`Answering`, for an answer of calls. With ``hold`` nothing is sent before all of it is known."""

    stopped = False

    def __init__(self, reader: CallReader, *, hold: bool) -> None:
        self._reader = reader
        self._hold = hold
        self._pieces: list[CallPiece] = []
        self.tokens = 0

    @property
    def calls(self) -> list[ToolCall]:
        """What was called so far."""
        made: list[ToolCall] = []
        for piece in self._pieces:
            if piece.name:
                made.append(ToolCall(piece.name, ""))
            made[-1] = ToolCall(made[-1].name, made[-1].arguments + piece.arguments)
        return made

    def take(self, tokens: Sequence[int]) -> protocol.Part | None:
        """What they make certain, if anything."""
        self.tokens += len(tokens)
        pieces = [piece for token in tokens if (piece := self._reader.take(token)) is not None]
        self._pieces += pieces
        return None if self._hold else _called(pieces)

    def finish(self) -> protocol.Part | None:
        """Nothing more would be known by the end."""
        return None

    def held(self) -> protocol.Part | None:
        """What was not sent yet."""
        return _called(self._pieces) if self._hold else None


def _called(pieces: Sequence[CallPiece]) -> protocol.Part | None:
    calls = [(piece.index, piece.name, piece.arguments) for piece in pieces]
    return protocol.Part("", [], calls) if calls else None


def _part(pieces: Sequence[AnswerPiece]) -> protocol.Part | None:
    text = "".join(piece.text for piece in pieces)
    tokens = [
        protocol.Told(told.chosen.content, told.chosen.logprob, [(one.content, one.logprob) for one in told.top])
        for piece in pieces
        for told in piece.tokens
    ]
    return protocol.Part(text, tokens) if text or tokens else None
