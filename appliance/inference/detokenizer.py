"""Bytes to text while they arrive: a character is yielded when it is whole, never in halves."""

from __future__ import annotations

import codecs


class StreamingDetokenizer:
    """Turns the bytes of tokens into text.

    Args:
        skip: leading bytes that the reader has already seen.
    """

    def __init__(self, *, skip: int = 0) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._skip = skip

    def push(self, piece: bytes) -> str:
        """The text that ``piece`` completes; may be empty. Invalid UTF-8 becomes U+FFFD (Unicode 16, section 3.9)."""
        if self._skip:
            dropped = min(self._skip, len(piece))
            self._skip -= dropped
            piece = piece[dropped:]
        return self._decoder.decode(piece)

    @property
    def pending(self) -> int:
        """Bytes of a character that is not whole yet."""
        return len(self._decoder.getstate()[0])
