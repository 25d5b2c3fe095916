"""One HTTP exchange with somebody outside, bounded in time and size whatever the other side does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import httpx

STEP_SECONDS: Final = 5.0
"""For connecting, and for each piece of an answer."""
TOTAL_SECONDS: Final = 10.0
MAX_ANSWER_BYTES: Final = 1 << 16


class ExchangeFailed(Exception):  # noqa: N818
    """No usable answer; the text says why. Never leaves this package."""


def exchange(
    client: httpx.Client, method: str, url: str, *, content: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """Status and body of the answer.

    Raises:
        ExchangeFailed: nobody answers, or not in time, or too much.
    """
    stop = time.monotonic() + TOTAL_SECONDS
    answer = bytearray()
    try:
        with client.stream(method, url, content=content, headers=headers, timeout=STEP_SECONDS) as response:
            for part in response.iter_bytes():
                answer += part
                if len(answer) > MAX_ANSWER_BYTES:
                    raise ExchangeFailed("the answer is too large")
                if time.monotonic() > stop:
                    raise ExchangeFailed("the answer takes too long")
            return response.status_code, bytes(answer)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ExchangeFailed(f"{type(error).__name__}: {error}") from error
