"""Rate limits in memory, bounded: a token bucket per key, the least recently used keys forgotten first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Self

from appliance.core.errors import Refused

MAX_KEYS: Final = 10_000


class TooMany(Refused):
    """Faster than a person works."""

    code = "too_many"

    @classmethod
    def now(cls) -> Self:
        """The error as people see it."""
        message = "That was a lot at once."
        return cls(message, action="Wait a moment and try again; what you typed is still there.")


class RateLimit:
    """At most ``burst`` at once and ``per_minute`` on average, per key. Safe for several threads."""

    def __init__(self, *, burst: int, per_minute: float) -> None:
        self._burst = float(burst)
        self._rate = per_minute / 60
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allow(self, key: str) -> bool:
        """Whether one more may pass now."""
        now = time.monotonic()
        with self._lock:
            tokens, then = self._buckets.pop(key, (self._burst, now))
            tokens = min(self._burst, tokens + (now - then) * self._rate)
            allowed = tokens >= 1
            self._buckets[key] = (tokens - 1 if allowed else tokens, now)
            while len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        return allowed


@dataclass(frozen=True)
class Limits:
    """The limits of one running service."""

    posts: RateLimit
    builds: RateLimit
    sign_ins: RateLimit
    scim: RateLimit = field(default_factory=lambda: RateLimit(burst=500, per_minute=6000))
    """An identity system's first push is large."""
    logouts: RateLimit = field(default_factory=lambda: RateLimit(burst=300, per_minute=1200))
    """Sign-outs that the provider tells of: many at once when an administrator ends a realm's sessions."""
    kiosks: RateLimit = field(default_factory=lambda: RateLimit(burst=20, per_minute=30))
    """Per app and address that asks; the app itself counts once more, over all addresses."""

    api: RateLimit = field(default_factory=lambda: RateLimit(burst=60, per_minute=60))
    """Per API key."""

    @classmethod
    def default(cls, *, api_per_minute: int = 60) -> Limits:
        """Generous for people, tight for programs."""
        return cls(
            posts=RateLimit(burst=60, per_minute=120),
            builds=RateLimit(burst=20, per_minute=12),
            sign_ins=RateLimit(burst=60, per_minute=120),
            api=RateLimit(burst=api_per_minute, per_minute=api_per_minute),
        )
