"""Holds generated text to a grammar: which tokens may come next, and which must."""

from __future__ import annotations

import json
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from llguidance import LLMatcher

from appliance.core.ports import GenerationFailed, Grammar

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from appliance.inference.tokenizer import TextTokenizer

MAX_GRAMMAR: Final = 256 << 10
"""Characters of a grammar; compilation is bounded further by llguidance's own limits."""
_CACHED: Final = 64


class Constraint:
    """One generation's place in its grammar. Owned by the engine's thread, apart from the mask that it waits for.

    Args:
        matcher: fresh, or a copy of a fresh one.
        mask: buffer of one bit per token, filled by :meth:`begin_mask`.
    """

    def __init__(self, matcher: LLMatcher, tokenizer: TextTokenizer, workers: ThreadPoolExecutor) -> None:
        self._matcher = matcher
        self._tokenizer = tokenizer
        self._workers = workers
        self._mask = np.zeros((tokenizer.vocabulary + 31) // 32, dtype=np.uint32)
        self._pending: Future[None] | None = None

    @property
    def finished(self) -> bool:
        """Whether the grammar allows nothing more."""
        return bool(self._matcher.is_stopped())

    def forced(self, limit: int) -> list[int]:
        """Take the tokens that must come next, at most ``limit``, and return them.

        They are the canonical tokens of the bytes that the grammar leaves no choice about; the last of them are left
        out while a longer token could still take their place.
        """
        tokens = [int(token) for token in self._matcher.compute_ff_tokens()[:limit]]
        control = next((index for index, token in enumerate(tokens) if token in self._tokenizer.special_ids), None)
        tokens = tokens[:control]
        if tokens and not self._matcher.consume_tokens(tokens):
            self._fail("The grammar could not follow its own forced text.")
        return tokens

    def accept(self, token: int) -> None:
        """Take a token that was sampled under the mask."""
        if not self._matcher.consume_token(token):
            self._fail("The grammar refused a token that it had allowed.")

    def begin_mask(self) -> None:
        """Start computing the mask for the next token on another thread, beside the forward pass."""
        self._pending = self._workers.submit(self._compute)

    def mask(self) -> NDArray[np.uint32]:
        """Wait for the mask that was begun.

        Raises:
            GenerationFailed: the grammar is a dead end, or too complex to go on with.
        """
        pending, self._pending = self._pending, None
        if pending is None:
            self._compute()
        else:
            pending.result()
        if self._matcher.is_error():
            self._fail("The grammar cannot be followed any further.")
        return self._mask

    def _compute(self) -> None:
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)

    def _fail(self, message: str) -> None:
        cause = str(self._matcher.get_error()).partition("\n")[0]
        raise GenerationFailed(message, cause=cause, action="Report the grammar that was used; it needs a correction.")


class GrammarCompiler:
    """Compiles grammars and keeps the last :data:`_CACHED` of them; any thread may use it."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._workers = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mask")
        self._cache: OrderedDict[tuple[str, bytes], LLMatcher] = OrderedDict()
        self._lock = Lock()

    def compile(self, grammar: Grammar, *, held: bytes = b"") -> Constraint:
        """The constraint of one generation.

        Args:
            grammar: what the text must match.
            held: bytes that stand before the generated text but have no tokens yet; they are the first forced text,
                so that tokens may reach across the boundary.

        Raises:
            GenerationFailed: the grammar is malformed, empty or too large; the cause says where.
        """
        key = (grammar.lark, held)
        with self._lock:
            fresh = self._cache.get(key)
            if fresh is not None:
                self._cache.move_to_end(key)
        if fresh is None:
            fresh = self._compiled(grammar, held)
            with self._lock:
                self._cache[key] = fresh
                while len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)
        return Constraint(fresh.deep_copy(), self._tokenizer, self._workers)

    def close(self) -> None:
        """Stop the thread that computes masks."""
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _compiled(self, grammar: Grammar, held: bytes) -> LLMatcher:
        if len(grammar.lark) > MAX_GRAMMAR:
            message = "The grammar is too large."
            action = f"Keep it below {MAX_GRAMMAR} characters."
            raise GenerationFailed(message, cause=f"{len(grammar.lark)} characters", action=action)
        matcher = LLMatcher(self._tokenizer.for_grammars, _source(grammar, held), log_level=0)
        if matcher.is_error():
            message = "The grammar cannot be compiled."
            cause = " ".join(str(matcher.get_error()).split())[:500]
            raise GenerationFailed(message, cause=cause, action="Correct the grammar at the place named.")
        return matcher


def _source(grammar: Grammar, held: bytes) -> str:
    if not held:
        return str(LLMatcher.grammar_from_lark(grammar.lark))
    literal = json.dumps(held.decode("utf-8"), ensure_ascii=False)
    outer = {"lark_grammar": f"start: {literal} @after"}
    return json.dumps({"grammars": [outer, {"name": "after", "lark_grammar": grammar.lark}]})
