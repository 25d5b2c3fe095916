"""Holds generated text to a grammar: which tokens may come next, and which must."""

from __future__ import annotations

import json
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np
from llguidance import LLMatcher

from appliance.core.answers import Form, Syntax
from appliance.core.ports import GenerationFailed, Grammar, GrammarRefused
from appliance.inference.sampler import allowed_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from appliance.inference.tokenizer import TextTokenizer

MAX_GRAMMAR: Final = 256 << 10
"""Characters of a grammar; compilation is bounded further by llguidance's own limits."""
_CACHED: Final = 64
_MAX_SPELLINGS: Final = 16
_JSON_OPTIONS: Final = {
    "whitespace_flexible": False,
    "item_separator": ", ",
    "key_separator": ": ",
    "lenient": False,
    "coerce_one_of": False,
}
_ANYTHING: Final = "start: /(.|\\n)*/"


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
        taken: list[int] = []
        while len(taken) < limit:
            tokens = [int(token) for token in self._matcher.compute_ff_tokens()[: limit - len(taken)]]
            control = next((index for index, token in enumerate(tokens) if token in self._tokenizer.special_ids), None)
            tokens = tokens[:control] or self._undisputed()
            if not tokens:
                break
            if not self._matcher.consume_tokens(tokens):
                self._fail("The grammar could not follow its own forced text.")
            taken += tokens
        return taken

    def accept(self, token: int) -> None:
        """Take a token that was sampled under the mask."""
        if not self._matcher.consume_token(token):
            self._fail("The grammar refused a token that it had allowed.")

    def allowed(self, tokens: Sequence[int]) -> list[int]:
        """The longest beginning of ``tokens`` that the grammar could go on with, without control tokens."""
        self._settle()
        control = next((index for index, token in enumerate(tokens) if token in self._tokenizer.special_ids), None)
        wanted = list(tokens[:control])
        return wanted[: int(self._matcher.validate_tokens(wanted))] if wanted else []

    def begin_mask(self) -> None:
        """Start computing the mask for the next token on another thread, beside the forward pass."""
        self._settle()  # of a step that was given up
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

    def _settle(self) -> None:
        """Wait until nobody else uses the matcher."""
        if self._pending is not None:
            self._pending.result()

    def _undisputed(self) -> list[int]:
        """The next token of forced bytes that have several spellings, when only one of them is canonical.

        After ``"\\n"`` the indentation ``"  "`` may be written as one token or as two, the second of which takes the
        next letter along. No token reaches beyond the forced bytes here, so it is no choice of content; the tokenizer
        decides if it spells the bytes alike before every character that may follow.
        """
        forced = bytes(self._matcher.compute_ff_bytes())
        if not forced or self._matcher.is_error():
            return []
        self._compute()
        allowed = allowed_tokens(self._mask)[: _MAX_SPELLINGS + 1].tolist()
        spellings = {token for token in allowed if forced.startswith(self._tokenizer.token_bytes([token]))}
        if not spellings or len(spellings) < len(allowed) or len(allowed) > _MAX_SPELLINGS:
            return []
        firsts = {tokens[0] for tokens in map(self._tokenizer.encode, self._continuations(forced)) if tokens}
        return list(firsts) if len(firsts) == 1 and firsts <= spellings else []

    def _continuations(self, forced: bytes) -> list[str]:
        """``forced`` with a specimen of each kind of character that the grammar allows after it."""
        beyond = self._matcher.deep_copy()
        try:
            text = forced.decode("utf-8")
        except UnicodeDecodeError:
            return []
        mask = np.zeros_like(self._mask)
        if not beyond.consume_tokens(self._tokenizer.encode(text)):
            return []
        beyond.unsafe_compute_mask_ptr(mask.ctypes.data, mask.nbytes)
        if beyond.is_error():
            return []
        following = {int(byte) for byte in np.unique(self._tokenizer.first_bytes[allowed_tokens(mask)])}
        specimens = {_specimen(byte) for byte in following}
        if text[-1].isalnum() and any(specimen.isalnum() for specimen in specimens):
            return []  # within a word, the spelling depends on more than the next character
        if beyond.is_accepting():
            specimens.add("")
        return [text + specimen for specimen in sorted(specimens)]

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
        self._cache: OrderedDict[tuple[Form, bytes, str], LLMatcher] = OrderedDict()
        self._lock = Lock()
        self.compile(Form()).mask()  # llguidance prepares its tables at the first mask, which takes a while

    def compile(self, wanted: Grammar | Form, *, held: bytes = b"", scope: str = "") -> Constraint:
        """The constraint of one generation.

        Args:
            wanted: what the text must match.
            held: bytes that stand before the generated text but have no tokens yet; they are the first forced text,
                so that tokens may reach across the boundary.
            scope: what was compiled for one is not found for another, whose time would tell of it.

        Raises:
            GrammarRefused: it is malformed, empty, too large or not supported; the cause says where.
        """
        form = wanted if isinstance(wanted, Form) else Form(Syntax.LARK, wanted.lark)
        key = (form, held, scope if form.source else "")
        with self._lock:
            fresh = self._cache.get(key)
            if fresh is not None:
                self._cache.move_to_end(key)
        if fresh is None:
            fresh = self._compiled(form, held)
            with self._lock:
                self._cache[key] = fresh
                while len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)
        return Constraint(fresh.deep_copy(), self._tokenizer, self._workers)

    def close(self) -> None:
        """Stop the thread that computes masks."""
        self._workers.shutdown(wait=True, cancel_futures=True)

    def _compiled(self, form: Form, held: bytes) -> LLMatcher:
        if len(form.source) > MAX_GRAMMAR:
            message = "The grammar is too large."
            action = f"Keep it below {MAX_GRAMMAR} characters."
            raise GrammarRefused(message, cause=f"{len(form.source)} characters", action=action)
        matcher = LLMatcher(self._tokenizer.for_grammars, grammar_source(form, held), log_level=0)
        if matcher.is_error():
            message = "The grammar cannot be compiled."
            cause = " ".join(str(matcher.get_error()).split())[:500]
            raise GrammarRefused(message, cause=cause, action="Correct the grammar at the place named.")
        return matcher


def _specimen(byte: int) -> str:
    """A character that stands for all that begin with this byte: splitting rules tell letters, digits and each mark."""
    character = chr(byte)
    if byte >= 0x80:
        return "é"
    if character.isdigit():
        return "0"
    if character.isalpha() and character.lower() not in "dlmrstv":  # those begin contractions such as 's and 'll
        return "a" if character.islower() else "A"
    return character


def grammar_source(form: Form, held: bytes) -> str:
    """The form as llguidance reads it, after the bytes that are held back."""
    if form.syntax is Syntax.GRAMMARS:
        return form.source
    part = _part(form)
    if not held:
        return json.dumps({"grammars": [part]})
    literal = json.dumps(held.decode("utf-8"), ensure_ascii=False)
    return json.dumps({"grammars": [{"lark_grammar": f"start: {literal} @after"}, {"name": "after", **part}]})


def _part(form: Form) -> dict[str, object]:
    if form.syntax is Syntax.JSON_SCHEMA:
        return json_schema_part(form.source)
    if form.syntax is Syntax.REGEX:
        return dict(json.loads(LLMatcher.grammar_from_regex(form.source))["grammars"][0])
    return {"lark_grammar": _ANYTHING if form.syntax is Syntax.TEXT else form.source}


def json_schema_part(source: str) -> dict[str, object]:
    """A schema as a grammar, with our own options whatever options it brings along: a small model that may choose its
    white space writes nothing else, and a lenient reading would take values that the schema forbids.

    Raises:
        GrammarRefused: it is no JSON object.
    """
    try:
        schema = json.loads(source)
    except (ValueError, RecursionError) as error:
        message = "The JSON schema cannot be read."
        raise GrammarRefused(message, cause=str(error)[:200], action="Correct it.") from error
    if not isinstance(schema, dict):
        message = "The JSON schema is not an object."
        raise GrammarRefused(message, action="Write it as an object with a type.")
    return {"json_schema": {**schema, "x-guidance": dict(_JSON_OPTIONS)}}
