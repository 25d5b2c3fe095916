"""Text to tokens and back, for one bundle. Text is never read as a control token: only the chat template may write one.

Two libraries share one ``tokenizer.json``: ``tokenizers`` encodes, ``llguidance`` knows the bytes of each token and
which tokens may still change when text follows.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import numpy as np
from llguidance import LLTokenizer
from tokenizers import Tokenizer

from appliance.core.errors import IntramuralError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CONTINUATION: Final = range(0x80, 0xC0)
"""Bytes that cannot begin a UTF-8 character (RFC 3629, section 3)."""
_RESETTLE: Final = 8
"""Tokens before an appended text that are read again with it; merges seldom reach further back than two."""


class TokenizerError(IntramuralError):
    """The bundle's tokenizer cannot be used."""

    code = "tokenizer"


class TextTokenizer:
    """The tokenizer of a bundle; immutable, so any thread may use it.

    Args:
        tokenizer_json: the file's text, in the format of the ``tokenizers`` library (byte-level BPE).
        vocabulary: width of the logits, which may be larger than the number of tokens.
        end_tokens: the tokens that end an answer.

    Raises:
        TokenizerError: the text is not such a file, or an end token is not in it.
    """

    def __init__(self, tokenizer_json: str, *, vocabulary: int, end_tokens: Sequence[int]) -> None:
        try:
            document = json.loads(tokenizer_json)
            special = {token["content"]: token["id"] for token in document["added_tokens"] if token["special"]}
            self._added = {token["content"]: int(token["id"]) for token in document["added_tokens"]}
            # Control tokens are found by our own search, so the library must take their text for plain text.
            self._plain = Tokenizer.from_str(tokenizer_json)
            self._plain.encode_special_tokens = True
            self.for_grammars: Final = LLTokenizer(tokenizer_json, n_vocab=vocabulary, eos_token=list(end_tokens))
        except Exception as error:  # the libraries raise bare Exception
            message = "The bundle's tokenizer cannot be read."
            raise TokenizerError(message, cause=str(error), action="Build the bundle again.") from error
        if not end_tokens or not set(end_tokens) <= set(special.values()):
            message = "The bundle's end-of-answer tokens are not control tokens of its tokenizer."
            raise TokenizerError(message, cause=f"end tokens {sorted(end_tokens)}", action="Build the bundle again.")
        self.vocabulary: Final = vocabulary
        self.end_tokens: Final = frozenset(end_tokens)
        self.special_ids: Final = frozenset(special.values())
        self.first_bytes: Final = self._first_bytes()
        """The first byte of each token (0 for tokens without text)."""
        self._special: Final = special
        self._special_text: Final = re.compile("(" + "|".join(map(re.escape, sorted(special, key=len)[::-1])) + ")")

    def encode(self, text: str) -> list[int]:
        """The canonical tokens of plain text; what looks like a control token is spelled out."""
        return list(self._plain.encode(text, add_special_tokens=False).ids)

    def encode_template(self, text: str) -> list[int]:
        """The tokens of text that the chat template wrote: its control tokens are control tokens."""
        tokens: list[int] = []
        for part in self._special_text.split(text):
            if part in self._special:
                tokens.append(self._special[part])
            elif part:
                tokens.extend(self.encode(part))
        return tokens

    def control(self, name: str) -> int | None:
        """The control token of that name, if this model has it."""
        return self._special.get(name)

    def added(self, name: str) -> int | None:
        """The token of that name which is matched whole, as control tokens are and marks such as ``<tool_call>``."""
        return self._added.get(name)

    def has_special_text(self, text: str) -> bool:
        """Whether ``text`` contains the spelling of a control token."""
        return self._special_text.search(text) is not None

    def token_bytes(self, tokens: Sequence[int]) -> bytes:
        """The UTF-8 bytes that the tokens stand for; a token may hold part of a character."""
        return bytes(self.for_grammars.decode_bytes(list(tokens)))

    def _first_bytes(self) -> NDArray[np.uint8]:
        firsts = np.zeros(self.vocabulary, dtype=np.uint8)
        for token in range(self.vocabulary):
            if token not in self.special_ids and (content := self.token_bytes([token])):
                firsts[token] = content[0]
        return firsts

    def settle(self, tokens: Sequence[int], text: bytes, *, fixed: int) -> tuple[list[int], bytes]:
        """Tokens for ``tokens`` followed by ``text``, and the last bytes whose tokens depend on what comes next.

        A word's tokens depend on its neighbours (``" Item"`` is one token, ``" "`` and ``"Item"`` are two), and a
        model that meets a spelling it was not trained on answers worse. So the last few tokens are read again together
        with the new text, and the bytes that may still merge with what follows are held back.

        Args:
            tokens: the conversation so far.
            text: whole UTF-8 characters, among them the bytes that the last call held back.
            fixed: the number of leading tokens that must stay (the prompt).
        """
        start = max(fixed, len(tokens) - _RESETTLE)
        window = self.token_bytes(tokens[start:])
        while start > fixed and window and window[0] in _CONTINUATION:
            start -= 1
            window = self.token_bytes(tokens[start:])
        joined = window + text
        plain = joined.decode("utf-8", errors="replace")
        if self.has_special_text(plain) or plain.encode() != joined:
            return [*tokens, *self.encode(text.decode("utf-8", errors="replace"))], b""
        settled, held = self.for_grammars.tokenize_partial(joined, list(tokens[max(0, start - _RESETTLE) : start]))
        return [*tokens[:start], *settled], bytes(held)
