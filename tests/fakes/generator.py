"""A text generator without a model, for the tests of whatever uses one. It keeps every promise of the port.

Its tokens are bytes. A scripted text is checked against the grammar, so a test cannot script what a model could never
write; where the script has nothing, a seeded walk through the grammar answers.
"""

from __future__ import annotations

import codecs
import contextlib
import random
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from appliance.core.answers import AnswerEnd, AnswerPiece, Syntax, TokenChance, TokenTold, Wanted
from appliance.core.ports import (
    ContextFull,
    EngineDescription,
    GenerationCancelled,
    GenerationFailed,
    Grammar,
    GrammarRefused,
    Prompt,
    TokenUsage,
)
from appliance.inference.answering import AnswerText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_END = 256


class ScriptError(Exception):
    """The test scripted a text that the grammar does not allow."""


class _ByteTokens:
    """The vocabulary of 256 bytes and an end token, as llguidance wants it."""

    eos_token_id = _END
    bos_token_id = None
    tokens = (*(bytes([value]) for value in range(256)), b"<end>")
    special_token_ids = (_END,)

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


BYTES = LLTokenizer(TokenizerWrapper(_ByteTokens()), n_vocab=_END + 1)


class FakeGenerator:
    """Implements TextGenerator.

    Args:
        texts: what the next ``generate`` calls yield, over all sessions, in order.
        seed: of the walk that answers when ``texts`` is used up.
        context_tokens: bytes of a conversation.

    Attributes:
        prompts: of the sessions so far.
        transcripts: what stands in each session after its prompt, appended and generated; kept up to date.
    """

    def __init__(self, texts: Iterable[str] = (), *, seed: int = 0, context_tokens: int = 1 << 16) -> None:
        self.texts = deque(texts)
        self.prompts: list[Prompt] = []
        self.transcripts: list[str] = []
        self.random = random.Random(seed)  # noqa: S311 - not for secrets
        self.context_tokens = context_tokens

    @contextlib.contextmanager
    def session(self, prompt: Prompt) -> Iterator[FakeSession]:
        length = sum(len(message.content.encode()) for message in prompt.messages)
        if length >= self.context_tokens:
            raise _full()
        self.prompts.append(prompt)
        self.transcripts.append("")
        session = FakeSession(self, length, len(self.transcripts) - 1)
        try:
            yield session
        finally:
            session.close()

    def describe(self) -> EngineDescription:
        return EngineDescription("fake", "0" * 64, "none", 1, self.context_tokens)


class FakeSession:
    """Implements GenerationSession."""

    def __init__(self, generator: FakeGenerator, prompt: int, index: int) -> None:
        self._generator = generator
        self._prompt = prompt
        self._index = index
        self._text = b""
        self._usage = TokenUsage(prompt=prompt)
        self._marks: set[int] = set()
        self._cancelled = False
        self._closed = False

    def append(self, text: str) -> None:
        self._check()
        added = text.encode()
        if self.tokens + len(added) >= self._generator.context_tokens:
            raise _full()
        self._set(self._text + added)
        self._usage = replace(self._usage, prompt=self._usage.prompt + len(added))

    def generate(self, grammar: Grammar, *, max_tokens: int, temperature: float = 0.0, seed: int = 0) -> Iterator[str]:
        self._check()
        if max_tokens < 1:
            message = "The limits of a generation are out of range."
            raise GenerationFailed(message, action="Ask for at least one token.")
        before = self._text
        matcher = LLMatcher(BYTES, grammar.lark, log_level=0)
        if matcher.is_error():
            message = "The grammar cannot be compiled."
            raise GrammarRefused(message, cause=matcher.get_error().partition("\n")[0], action="Correct it.")
        scripted = deque(self._generator.texts.popleft().encode()) if self._generator.texts else None
        decoder = codecs.getincrementaldecoder("utf-8")()
        complete = False
        try:
            for count in range(max_tokens):
                token = self._next(matcher, scripted)
                if token is None:
                    break
                if self.tokens >= self._generator.context_tokens:
                    raise _full()
                self._count(forced=bool(matcher.compute_ff_tokens()))
                matcher.consume_token(token)
                self._set(self._text + bytes([token]))
                if text := decoder.decode(bytes([token])):
                    yield text
                self._check()
                if matcher.is_stopped() or count + 1 == max_tokens:
                    break
            pending = len(decoder.getstate()[0])
            self._set(self._text[: len(self._text) - pending])
            complete = True
        finally:
            if not complete:
                self._set(before)

    def answer(self, wanted: Wanted) -> Iterator[AnswerPiece | AnswerEnd]:
        """Texts and Lark grammars only; every byte is certain."""
        if wanted.form.syntax not in {Syntax.TEXT, Syntax.LARK}:
            message = "The fake knows Lark grammars only."
            raise GrammarRefused(message, action="Use the worker.")
        lark = wanted.form.source or "start: /(.|\\n)*/"
        before, room = self._text, self._generator.context_tokens - self.tokens
        limit, count = min(wanted.max_tokens or room, room), 0
        text = AnswerText(wanted.stop)
        try:
            for piece in self.generate(Grammar(lark), max_tokens=limit, temperature=wanted.temperature):
                for value in piece.encode():
                    count += not text.stopped
                    certain = TokenTold(TokenChance(bytes([value]), 0.0))
                    given = text.push(bytes([value]), None if wanted.top_logprobs is None else certain)
                    if given.text or given.tokens:
                        yield given
                if text.stopped:
                    break
            yield text.finish()
            yield AnswerEnd(text.stopped or count < limit, self.tokens - len(self._text) + len(before), 0, count)
        finally:
            self._set(before)

    def mark(self) -> int:
        self._check()
        self._marks.add(self.tokens)
        return self.tokens

    def rewind(self, mark: int) -> None:
        self._check()
        if mark not in self._marks:
            message = "There is no such point to rewind to."
            raise GenerationFailed(message, action="Use a number that mark() returned.")
        self._marks = {kept for kept in self._marks if kept <= mark}
        self._set(self._text[: mark - self._prompt])

    def usage(self) -> TokenUsage:
        self._check()
        return self._usage

    def cancel(self) -> None:
        self._cancelled = True

    def close(self) -> None:
        """The end of the ``with`` block."""
        self._closed = True

    @property
    def tokens(self) -> int:
        """Bytes in the conversation."""
        return self._prompt + len(self._text)

    def _next(self, matcher: LLMatcher, scripted: deque[int] | None) -> int | None:
        """The next byte, or None where the text ends."""
        mask = np.zeros(_END // 32 + 1, dtype=np.uint32)
        matcher.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
        allowed = np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()
        if matcher.is_error() or not allowed or (allowed == [_END] and not matcher.is_accepting()):
            message = "The grammar leaves the model no way to go on."
            raise GenerationFailed(message, action="Report the grammar that was used.")
        if scripted is None:
            token = _END if _END in allowed and self._generator.random.random() < 0.5 else None
            token = self._generator.random.choice(allowed) if token is None else token
        else:
            token = scripted.popleft() if scripted else _END
            if token not in allowed:
                at = bytes(scripted).decode(errors="replace")[:40]
                message = f"the grammar does not allow the scripted text before {at!r}, after {self._text[-40:]!r}"
                raise ScriptError(message)
        return None if token == _END else token

    def _count(self, *, forced: bool) -> None:
        usage = self._usage
        changed = {"forced": usage.forced + 1} if forced else {"sampled": usage.sampled + 1}
        self._usage = replace(usage, **changed)

    def _set(self, text: bytes) -> None:
        self._text = text
        self._generator.transcripts[self._index] = text.decode(errors="replace")

    def _check(self) -> None:
        if self._closed:
            message = "The session is closed."
            raise GenerationFailed(message, action="Open a new one.")
        if self._cancelled:
            message = "The generation was cancelled."
            raise GenerationCancelled(message)


def _full() -> ContextFull:
    message = "The model's context is full."
    return ContextFull(message, action="Shorten the request.")
