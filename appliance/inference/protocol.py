"""What client and worker say to each other: one msgpack object per frame, four bytes of big-endian length before it.

A connection carries one conversation. The client sends a request and reads answers until one that ends it
(:class:`Done`, :class:`Opened`, :class:`Finished`, :class:`Marked`, :class:`UsageReport`, :class:`Described` or
:class:`Failed`); only :class:`Cancel` and :class:`Abandon` may be sent while another request is being answered.
Closing the connection cancels whatever runs. The msgpack format: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from __future__ import annotations

import struct
from typing import Final, Literal

import msgspec

from appliance.core.errors import IntramuralError

VERSION: Final = 8
MAX_FRAME: Final = 8 << 20
"""Bytes of one frame's body; a longer one ends the connection."""
LENGTH: Final = struct.Struct(">I")


class ProtocolError(IntramuralError):
    """The other side sent something that is not of this protocol; the connection is closed."""

    code = "inference_protocol"


class _Frame(msgspec.Struct, frozen=True, tag_field="t", forbid_unknown_fields=True):
    pass


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One message of a chat; ``calls`` are names and arguments."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: list[tuple[str, str]] = []


class Function(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The fields of :class:`appliance.core.tools.Tool`."""

    name: str
    description: str
    parameters: str


class Calls(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The fields of :class:`appliance.core.tools.Calling`."""

    required: bool
    only: str
    most: int


class Adjusted(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The fields of :class:`appliance.core.answers.Adjustment`."""

    frequency: float
    presence: float
    bias: list[tuple[int, float]]


class Open(_Frame, frozen=True, tag="open"):
    """Begin the conversation of this connection."""

    version: int
    messages: list[Turn]
    stable: int
    text: str | None = None
    """Instead of messages: what the model continues."""
    suffix: str = ""
    background: bool = False
    scope: str = ""
    """Digest of whose words these are: what is computed for them is reused for the same scope only, and for this
    conversation alone where it is empty."""
    tools: list[Function] = []


class Append(_Frame, frozen=True, tag="append"):
    """Add text."""

    text: str


class Generate(_Frame, frozen=True, tag="generate"):
    """Stream text under a grammar."""

    lark: str
    max_tokens: int
    temperature: float
    seed: int


class AskAnswer(_Frame, frozen=True, tag="answer"):
    """Stream one answer; the fields of :class:`appliance.core.answers.Wanted`."""

    syntax: Literal["text", "lark", "regex", "json_schema"]
    source: str
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    stop: list[str]
    top_logprobs: int | None
    calling: Calls | None = None
    adjustment: Adjusted | None = None


class Mark(_Frame, frozen=True, tag="mark"):
    """Ask for a point to rewind to."""


class Rewind(_Frame, frozen=True, tag="rewind"):
    """Go back to a point."""

    mark: int


class GetUsage(_Frame, frozen=True, tag="usage"):
    """Ask for the totals so far."""


class Describe(_Frame, frozen=True, tag="describe"):
    """Ask what runs; needs no conversation."""


class Cancel(_Frame, frozen=True, tag="cancel"):
    """End the conversation at the next token or prefill chunk."""


class Abandon(_Frame, frozen=True, tag="abandon"):
    """Stop the last generation and forget it: the conversation is as before. :class:`Done` comes when that is so."""


class Queued(_Frame, frozen=True, tag="queued"):
    """The engine is busy; ``position`` conversations go first. Repeated while it lasts."""

    position: int


class Opened(_Frame, frozen=True, tag="opened"):
    """The conversation has the engine."""


class Done(_Frame, frozen=True, tag="done"):
    """The request is carried out."""


class Piece(_Frame, frozen=True, tag="piece"):
    """Text, in whole characters."""

    text: str


class Told(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A token, its log probability, and the most probable ones at its place with theirs."""

    content: bytes
    logprob: float
    top: list[tuple[bytes, float]]


class Part(_Frame, frozen=True, tag="part"):
    """A part of an answer."""

    text: str
    tokens: list[Told]
    calls: list[tuple[int, str, str]] = []
    """The fields of :class:`appliance.core.tools.CallPiece`."""


class Ended(_Frame, frozen=True, tag="ended"):
    """The answer is over; the fields of :class:`appliance.core.answers.AnswerEnd`."""

    complete: bool
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class Finished(_Frame, frozen=True, tag="finished"):
    """The generation ended."""


class Marked(_Frame, frozen=True, tag="marked"):
    """A point to rewind to."""

    mark: int


class UsageReport(_Frame, frozen=True, tag="used"):
    """Totals; the fields of :class:`appliance.core.ports.TokenUsage`."""

    prompt: int
    cached: int
    sampled: int
    forced: int
    drafted: int
    prefill_seconds: float
    decode_seconds: float


class Described(_Frame, frozen=True, tag="described"):
    """The fields of :class:`appliance.core.ports.EngineDescription`."""

    model: str
    bundle_digest: str
    provider: str
    threads: int
    context_tokens: int
    executor: str


class Failed(_Frame, frozen=True, tag="failed"):
    """The request failed with an error of the given code."""

    code: str
    message: str
    cause: str
    action: str


Request = Open | Append | Generate | AskAnswer | Mark | Rewind | GetUsage | Describe | Cancel | Abandon
Answer = Queued | Opened | Done | Piece | Part | Ended | Finished | Marked | UsageReport | Described | Failed

_ENCODER: Final = msgspec.msgpack.Encoder()
_REQUESTS: Final = msgspec.msgpack.Decoder(Request)
_ANSWERS: Final = msgspec.msgpack.Decoder(Answer)


def encode(frame: Request | Answer) -> bytes:
    """The frame with its length before it.

    Raises:
        ProtocolError: it would be longer than :data:`MAX_FRAME`.
    """
    body = _ENCODER.encode(frame)
    if len(body) > MAX_FRAME:
        message = "A message to or from the model is too long."
        raise ProtocolError(message, cause=f"{len(body)} bytes", action=f"Keep it below {MAX_FRAME} bytes.")
    return LENGTH.pack(len(body)) + body


def body_length(header: bytes) -> int:
    """The length that a frame announces, checked before anything is allocated for it.

    Raises:
        ProtocolError: it is longer than :data:`MAX_FRAME`.
    """
    (length,) = LENGTH.unpack(header)
    if length > MAX_FRAME:
        message = "A frame announces more bytes than are allowed."
        raise ProtocolError(message, cause=f"{length} bytes; at most {MAX_FRAME}")
    return int(length)


def decode_request(body: bytes) -> Request:
    """Parse what a client sent.

    Raises:
        ProtocolError: it is not a request of this protocol.
    """
    try:
        request: Request = _REQUESTS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = "The worker received something that is not a request."
        raise ProtocolError(message, cause=str(error)) from error
    return request


def decode_answer(body: bytes) -> Answer:
    """Parse what the worker sent.

    Raises:
        ProtocolError: it is not an answer of this protocol.
    """
    try:
        answer: Answer = _ANSWERS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        message = "The worker sent something that is not an answer."
        raise ProtocolError(message, cause=str(error)) from error
    return answer
