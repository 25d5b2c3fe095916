"""What a piece of work costs of the model: counted where conversations end, for whoever wants to know."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from appliance.core.ports import TokenUsage


class Meter:
    """Counts tokens of the conversations that ended within :func:`metered`. One thread."""

    def __init__(self) -> None:
        self._found: dict[str, int] = {}

    def add(self, usage: TokenUsage) -> None:
        """One conversation more."""
        self._found = together(self._found, counts(usage))

    @property
    def tokens(self) -> dict[str, int]:
        """By name as in :class:`TokenUsage`; empty if the model was not asked."""
        return dict(self._found)


_METER: ContextVar[Meter | None] = ContextVar("intramural_meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what the model does for this thread, until the block ends."""
    meter = Meter()
    before = _METER.set(meter)
    try:
        yield meter
    finally:
        _METER.reset(before)


def spent(usage: TokenUsage) -> None:
    """A conversation has ended; whoever counts is told."""
    meter = _METER.get()
    if meter is not None:
        meter.add(usage)


def counts(usage: TokenUsage) -> dict[str, int]:
    """The tokens of a conversation by name."""
    return {"prompt": usage.prompt, "cached": usage.cached, "sampled": usage.sampled, "forced": usage.forced}


def together(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Sums by name."""
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
