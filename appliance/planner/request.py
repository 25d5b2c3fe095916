"""What counts as a request: checked before anything is spent on it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from appliance.core.errors import Refused

MIN_LETTERS: Final = 3
MANY_COMMAS: Final = 4


class EmptyRequest(Refused):
    """Nothing was written."""

    code = "request_empty"


class RequestTooLong(Refused):
    """More text than the model can keep in mind."""

    code = "request_too_long"


class RequestWithoutWords(Refused):
    """Only symbols."""

    code = "request_without_words"


@dataclass(frozen=True)
class Request:
    """A request that can be planned: one paragraph, normalised (NFC), without control characters."""

    text: str

    @property
    def names_many(self) -> bool:
        """Whether it enumerates things, as a list of keywords does, and so asks for a broad app."""
        return self.text.count(",") >= MANY_COMMAS


def check_request(text: str, *, limit: int) -> Request:
    """Clean a request.

    Raises:
        EmptyRequest, RequestTooLong, RequestWithoutWords: with what to write instead.
    """
    clean = unicodedata.normalize("NFC", text)
    clean = " ".join("".join(c if unicodedata.category(c)[0] != "C" else " " for c in clean).split())
    if not clean:
        message = "There is no request yet."
        raise EmptyRequest(
            message, action="Say in one or two sentences what the app should keep track of, and for whom."
        )
    if len(clean) > limit:
        message = f"The request has {len(clean):,} characters; up to {limit:,} can be taken in."
        raise RequestTooLong(
            message, action="Describe the main thing first; details can be added to the app afterwards."
        )
    if sum(unicodedata.category(c)[0] == "L" for c in clean) < MIN_LETTERS:
        message = "The request has no words that could be planned from."
        raise RequestWithoutWords(message, action="Write it in words, for example what is recorded and who uses it.")
    return Request(clean)
