"""What the layer-3 parts need of one another, as Protocols; ``appliance.app`` wires the real ones.

Every value that crosses a port is frozen. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    from appliance.core.answers import AnswerEnd, AnswerPiece, RawPrompt, Wanted
    from appliance.core.events import Event, Outcome
    from appliance.core.tools import Tool, ToolCall

# --- text generation -------------------------------------------------------------------------------------------


class GenerationFailed(IntramuralError):  # noqa: N818
    """The model could not finish: its process died, its context is full, or the grammar was refused."""

    code = "generation_failed"


class GenerationBusy(GenerationFailed):
    """Too many wait for the model already, or the wait took too long."""

    code = "generation_busy"


class ContextFull(GenerationFailed):
    """What was said is longer than the model can take in."""

    code = "context_full"


class GrammarRefused(GenerationFailed):
    """The grammar or schema cannot be used: malformed, too large, or with parts that are not supported."""

    code = "grammar_refused"


class GenerationCancelled(IntramuralError):  # noqa: N818
    """Somebody asked to stop."""

    code = "generation_cancelled"


@dataclass(frozen=True)
class Message:
    """One turn of a chat, as the bundle's chat template takes it. ``calls`` are those that the assistant made; a turn
    of a ``tool`` says what came of one."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A chat up to the point where the assistant speaks.

    ``stable`` leading messages are the same for every request of this kind: their KV cache is computed once and kept
    on disk beside the bundle. The last message must be the user's or a tool's. Nobody waits for a session in the
    ``background``: it is computed only while no other needs the model.

    ``scope`` says whose words the other messages are: what was computed for them is reused in sessions of the same
    scope only, so that nobody learns from the time that an answer takes what somebody else has asked. Empty: in this
    session alone. The ``stable`` ones must be the appliance's own; everybody shares them.
    """

    messages: tuple[Message, ...]
    stable: int = 0
    background: bool = False
    scope: str = ""
    tools: tuple[Tool, ...] = ()
    """What the assistant may call; such a prompt has no ``stable`` messages."""


@dataclass(frozen=True)
class Grammar:
    """A context-free grammar in llguidance's Lark dialect; the generated text always matches ``start``."""

    lark: str


@dataclass(frozen=True)
class TokenUsage:
    """Counts of tokens and the seconds they took, summed over a session.

    ``prompt`` were given as text, ``cached`` of them came from a stored KV prefix; ``sampled`` were chosen by the
    model, ``forced`` were implied by the grammar and appended without sampling. ``drafted`` of the sampled ones had
    been guessed from earlier text, so that several took one step.
    """

    prompt: int = 0
    cached: int = 0
    sampled: int = 0
    forced: int = 0
    drafted: int = 0
    prefill_seconds: float = 0.0
    decode_seconds: float = 0.0


@dataclass(frozen=True)
class EngineDescription:
    """What runs, told honestly: shown by the studio, the API and the operator's screens."""

    model: str
    bundle_digest: str
    provider: str
    threads: int
    context_tokens: int
    executor: str = "onnxruntime"
    """The library that runs it."""


class GenerationSession(Protocol):
    """One conversation on one KV cache. Not thread-safe; one owner.

    Every method raises :class:`GenerationFailed` when the worker dies and :class:`GenerationCancelled` after
    ``cancel``.
    """

    def append(self, text: str) -> None:
        """Add text that the caller decides (assistant side) to the cache."""
        ...

    def generate(self, grammar: Grammar, *, max_tokens: int, temperature: float = 0.0, seed: int = 0) -> Iterator[str]:
        """Yield pieces of text under ``grammar`` until it accepts and stops, or ``max_tokens`` were produced.

        The pieces joined are a sentence of the grammar, or a prefix of one when ``max_tokens`` cut it off.
        """
        ...

    def answer(self, wanted: Wanted) -> Iterator[AnswerPiece | AnswerEnd]:
        """Yield the pieces of one answer, and its end last. The answer does not become part of the conversation.

        Raises :class:`GrammarRefused` when its form cannot be used.
        """
        ...

    def mark(self) -> int:
        """The number of tokens in the cache now; a point to rewind to."""
        ...

    def rewind(self, mark: int) -> None:
        """Forget everything after ``mark``."""
        ...

    def usage(self) -> TokenUsage:
        """Totals so far."""
        ...

    def cancel(self) -> None:
        """Stop a running ``generate`` at the next token; callable from any thread."""
        ...


class TextGenerator(Protocol):
    """The engine, wherever it runs."""

    def session(self, prompt: Prompt | RawPrompt) -> AbstractContextManager[GenerationSession]:
        """Open a conversation; waits its turn when the engine is busy (bounded; then GenerationBusy)."""
        ...

    def describe(self) -> EngineDescription:
        """What model on what hardware."""
        ...


# --- sandbox ---------------------------------------------------------------------------------------------------


# --- identity of people towards apps ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Person:
    """Who acts. ``subject`` is stable and unique at the issuer; the rest is for display."""

    subject: str
    name: str
    email: str = ""


class KeyHolders(Protocol):
    """What is known now of people who hold API keys."""

    def groups_now(self, holder: Person, known: frozenset[str]) -> frozenset[str] | None:
        """The groups that count for ``holder``, who was in ``known`` at the last sign-in; None: they have left."""
        ...


class AppTokenIssuer(Protocol):
    """Signs the short-lived identity that the front door hands to an app with each request."""

    @property
    def jwks(self) -> str:
        """The public keys as a JWKS JSON text: what an app verifies with."""
        ...

    @property
    def issuer(self) -> str:
        """Value of the ``iss`` claim."""
        ...

    def issue(self, *, audience: str, person: Person, roles: Sequence[str]) -> str:
        """A compact JWS (EdDSA), valid for at most 60 seconds, for the app ``audience``."""
        ...


# --- audit -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LeafRef:
    """Where a leaf stands in the log: index, and its RFC 6962 leaf hash in hex."""

    index: int
    leaf_hash: str


class AuditUnavailable(IntramuralError):  # noqa: N818
    """The log cannot be written durably, so the act is refused."""

    code = "audit_unavailable"


class AuditSink(Protocol):
    """Evidence. Both calls return only after the leaf is durable; both raise :class:`AuditUnavailable` otherwise.

    ``details`` are JSON values without secrets; bodies (prompts, code) are given as SHA-256 digests.
    """

    def intent(
        self, event: Event, *, principal: str, resource: str, details: Mapping[str, object] | None = None
    ) -> LeafRef:
        """Record what is about to happen."""
        ...

    def outcome(self, intent: LeafRef, result: Outcome, *, details: Mapping[str, object] | None = None) -> LeafRef:
        """Record how it ended, linked to its intent."""
        ...


# --- what people wrote, under seal -----------------------------------------------------------------------------


class BodyKind(StrEnum):
    """What a sealed body is; retention is set for each."""

    PROMPT = "prompt"
    BLUEPRINT = "blueprint"
    CODE = "code"
    TRANSCRIPT = "transcript"


@dataclass(frozen=True)
class SealedRef:
    """What a leaf says of a sealed body. ``digest`` is salted, the salt is under the seal; ``address`` finds it."""

    kind: str
    subject: str
    digest: str
    address: str

    def as_details(self) -> dict[str, object]:
        """The JSON value for a leaf's details."""
        return {"address": self.address, "digest": self.digest, "kind": self.kind, "subject": self.subject}


class BodyVault(Protocol):
    """Keeps bodies under the key of the person they come from."""

    def seal(self, body: bytes, *, subject: str, kind: BodyKind) -> SealedRef:
        """Keep ``body``; durable when this returns, so that a leaf may name it.

        Raises :class:`AuditUnavailable` when it cannot be kept, Refused when it is too large.
        """
        ...


class PersonalRecords(Protocol):
    """A working store that holds things of a person outside the vault."""

    def erase(self, subject: str) -> Mapping[str, int]:
        """Remove what the person wrote, and the person's name; repeatable. Returns what was removed, by name.

        Durable when this returns; raises an IntramuralError when it is not wholly done.
        """
        ...


# --- the conversation with a maker -----------------------------------------------------------------------------
