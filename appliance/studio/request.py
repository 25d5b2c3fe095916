"""Which words can be used, said before anything is started."""

from __future__ import annotations

import unicodedata
from typing import Final

from appliance.core.errors import Refused

MIN_LETTERS: Final = 8


class UnusableRequest(Refused):
    """The words cannot become an app; the message says what is missing."""

    code = "unusable_request"


def check_request(text: str, *, limit: int) -> str:
    """The request without surrounding space and control characters.

    Args:
        text: as it was typed.
        limit: the most characters that are accepted.

    Raises:
        UnusableRequest: nothing in it, too long, or hardly any words.
    """
    clean = "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in {"Cc", "Cs"}).strip()
    if not clean:
        message = "There is nothing in the box yet."
        raise UnusableRequest(message, action="Say in a sentence or two what people should be able to do.")
    if len(clean) > limit:
        message = f"That is {len(clean):,} characters; I can take {limit:,} at once."
        raise UnusableRequest(message, action="Keep the part that matters most, and add the rest in a later step.")
    if sum(char.isalpha() for char in clean) < MIN_LETTERS:
        message = "I cannot make out words in this."
        raise UnusableRequest(message, action="Describe it in words: what is kept, and who does what with it.")
    return clean
