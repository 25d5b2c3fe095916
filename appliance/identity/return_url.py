"""Which addresses a browser may be sent to after a sign-in: plain paths on this site and nothing else.

Open redirects are the classic way to turn a sign-in page into a phishing tool (CWE-601), so this is an allow-list of
characters and shapes; what does not fit is refused rather than repaired.
"""

from __future__ import annotations

import re
from typing import Final

from appliance.identity.errors import ReturnUrlRefused

MAX_CHARACTERS: Final = 2000

# One leading slash, then RFC 3986 path, query and fragment characters. No backslash (browsers read it as a slash), no
# control character or white space (browsers drop some of them), no brackets.
_SHAPE: Final = re.compile(
    r"(?P<path>/(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*)"
    r"(?:\?(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?"
    r"(?:\#(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?"
)
_DOT_SEGMENT: Final = re.compile(r"/(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)
_ENCODED_SEPARATOR: Final = re.compile(r"%(?:2f|5c|0[0-9a-f]|1[0-9a-f]|7f)", re.IGNORECASE)


def safe_return_url(value: str) -> str:
    """Return ``value`` unchanged if it is a path on this site, with an optional query and fragment.

    Refused: absolute and scheme-relative addresses (``https://…``, ``//host``), backslashes, control characters, dot
    segments, empty path segments, encoded separators, and anything longer than 2,000 characters.

    Raises:
        ReturnUrlRefused: it is something else.
    """
    match = _SHAPE.fullmatch(value) if len(value) <= MAX_CHARACTERS else None
    path = match["path"] if match else ""
    if not path or "//" in path or _DOT_SEGMENT.search(path) or _ENCODED_SEPARATOR.search(path):
        message = "The address to return to after the sign-in is not allowed."
        raise ReturnUrlRefused(
            message, cause=f"return address {value[:80]!r}", action="Open the page again from the studio."
        )
    return value
