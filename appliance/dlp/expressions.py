"""RE2 expressions as rules give them: matching is linear in the text, so neither rule nor text can hold things up."""

from __future__ import annotations

from typing import Any, Final

import re2

MEMORY_BYTES: Final = 16 << 20
"""What one expression may take, compiled."""


def compiled(pattern: str, *, ignore_case: bool = False) -> Any:
    """An expression, ready to match texts.

    Raises:
        ValueError: it is none, or too large.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = MEMORY_BYTES
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        told = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        message = f"not an RE2 expression: {told}"
        raise ValueError(message) from error
