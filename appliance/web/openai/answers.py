"""What programs are sent: whole answers, and the chunks of a stream.

https://platform.openai.com/docs/api-reference/chat/object and the pages beside it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from appliance.core.answers import AnswerEnd, AnswerPiece
from appliance.web.openai.running import finish_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from appliance.core.answers import TokenChance, TokenTold
    from appliance.core.ports import EngineDescription
    from appliance.core.tools import CallPiece
    from appliance.web.openai.parameters import Asked

Json = dict[str, Any]


@dataclass
class Teller:
    """Tells one answer, of a chat or of a text."""

    asked: Asked
    model: EngineDescription
    chat: bool
    created: int = field(default_factory=lambda: int(datetime.now(UTC).timestamp()))
    id: str = ""
    _told: bytes = b""
    _calls: list[str] = field(default_factory=list)
    """Names of the calls so far, as the program will refer to them."""

    def __post_init__(self) -> None:
        self.id = self.id or f"{'chatcmpl' if self.chat else 'cmpl'}-{secrets.token_hex(14)}"

    def whole(self, pieces: Sequence[AnswerPiece], end: AnswerEnd) -> Json:
        """The answer in one."""
        text = "".join(piece.text for piece in pieces)
        tokens = [told for piece in pieces for told in piece.tokens]
        calls = self._whole_calls(pieces)
        reason = finish_reason(end, len(calls))
        choice: Json = {"index": 0, "finish_reason": reason, "logprobs": None if calls else self._logprobs(tokens)}
        if self.chat and calls:
            choice["message"] = {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}
        elif self.chat:
            choice["message"] = {"role": "assistant", "content": text, "refusal": None}
        else:
            choice["text"] = text
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage(end)}

    def first(self, told: AnswerPiece | AnswerEnd) -> Iterator[Json]:
        """What comes before the first piece, which is ``told``."""
        calls = isinstance(told, AnswerPiece) and bool(told.calls)
        if self.chat:
            yield self._chunk({"role": "assistant", "content": None if calls else "", "refusal": None}, [], None)

    def piece(self, piece: AnswerPiece) -> Json:
        """A piece of it."""
        if piece.calls:
            return self._chunk({"tool_calls": [self._delta(call) for call in piece.calls]}, [], None)
        return self._chunk({"content": piece.text} if self.chat else piece.text, piece.tokens, None)

    def last(self, end: AnswerEnd) -> Iterator[Json]:
        """What comes after the last piece."""
        yield self._chunk({} if self.chat else "", [], finish_reason(end, len(self._calls)))
        if self.asked.include_usage:
            yield {**self._head("chat.completion.chunk"), "choices": [], "usage": usage(end)}

    def _whole_calls(self, pieces: Sequence[AnswerPiece]) -> list[Json]:
        calls: list[Json] = []
        for delta in (self._delta(call) for piece in pieces for call in piece.calls):
            if "id" in delta:
                calls.append({"id": delta["id"], "type": "function", "function": delta["function"]})
            else:
                calls[delta["index"]]["function"]["arguments"] += delta["function"]["arguments"]
        return calls

    def _delta(self, call: CallPiece) -> Json:
        delta: Json = {"index": call.index, "function": {"arguments": call.arguments}}
        if call.name:
            self._calls.append(f"call_{secrets.token_hex(12)}")
            delta |= {"id": self._calls[-1], "type": "function"}
            delta["function"] = {"name": call.name, "arguments": call.arguments}
        return delta

    def _chunk(self, said: Json | str, tokens: Sequence[TokenTold], finish: str | None) -> Json:
        logprobs = self._logprobs(tokens) if tokens else None
        choice: Json = {"index": 0, "finish_reason": finish, "logprobs": logprobs}
        choice["delta" if self.chat else "text"] = said
        told: Json = {**self._head("chat.completion.chunk"), "choices": [choice]}
        return {**told, "usage": None} if self.asked.include_usage else told

    def _head(self, kind: str) -> Json:
        told: Json = {
            "id": self.id,
            "object": kind if self.chat else "text_completion",
            "created": self.created,
            "model": self.model.model,
            "system_fingerprint": f"fp_{self.model.bundle_digest[:12]}",
        }
        return {**told, "service_tier": "default"} if self.asked.service_tier else told

    def _logprobs(self, tokens: Sequence[TokenTold]) -> Json | None:
        if self.asked.wanted.top_logprobs is None:
            return None
        if self.chat:
            return {"content": [_entry(one) for one in tokens], "refusal": None}
        offsets = []
        for one in tokens:
            offsets.append(len(self._told.decode("utf-8", "ignore")))
            self._told += one.chosen.content
        return {
            "tokens": [_text(one.chosen) for one in tokens],
            "token_logprobs": [one.chosen.logprob for one in tokens],
            "top_logprobs": [_best(one) for one in tokens],
            "text_offset": offsets,
        }


def usage(end: AnswerEnd) -> Json:
    """What it took."""
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": end.cached_tokens},
    }


def model_entry(model: EngineDescription, since: int) -> Json:
    """An entry of the list of models."""
    return {"id": model.model, "object": "model", "created": since, "owned_by": "intramural"}


def _entry(one: TokenTold) -> Json:
    return {**_chance(one.chosen), "top_logprobs": [_chance(other) for other in one.top]}


def _chance(one: TokenChance) -> Json:
    return {"token": _text(one), "logprob": one.logprob, "bytes": list(one.content)}


def _best(one: TokenTold) -> dict[str, float]:
    """By text; of several with the same text the most probable, and the chosen one in any case."""
    told: dict[str, float] = {}
    for other in _in_order(one.top):
        told.setdefault(_text(other), other.logprob)
    told.setdefault(_text(one.chosen), one.chosen.logprob)
    return told


def _in_order(chances: Iterable[TokenChance]) -> list[TokenChance]:
    return sorted(chances, key=lambda chance: -chance.logprob)


def _text(one: TokenChance) -> str:
    """A token as text; a part of a character is told as the official API tells it."""
    try:
        return one.content.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in one.content)
