"""Where an act comes from: a frozen value that a request carries to the audit log.

It travels in a context variable (PEP 567): each request has its own, threads that a request waits for inherit it, and
work that outlives the request takes it along by hand. What has no request is the appliance's own.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUILT_IN: Final = "built-in"
"""Stands for the policy's digest where the appliance acts by itself and nobody was asked."""
APPLIANCE: Final = "appliance"


@dataclass(frozen=True, slots=True)
class ActContext:
    """``session`` is the session's name, never its cookie. ``source`` is the address that the front door saw,
    ``local`` for the operator's socket, ``appliance`` for what it does by itself. ``rule`` let the act pass, or
    refused it (``decision`` is then ``deny``); ``policy`` is the digest of the policies that decided, ``asked`` the
    question that they were asked."""

    session: str = ""
    source: str = APPLIANCE
    request: str = ""
    rule: str = APPLIANCE
    decision: str = "permit"
    policy: str = BUILT_IN
    asked: Mapping[str, object] | None = field(default=None, hash=False)

    def as_details(self) -> dict[str, object]:
        """The JSON value under ``context`` in a leaf's details; session and request only where there is one."""
        told: dict[str, object] = {
            "decision": self.decision,
            "policy": self.policy,
            "rule": self.rule,
            "source": self.source,
        }
        if self.session:
            told["session"] = self.session
        if self.request:
            told["request"] = self.request
        if self.asked:
            told["asked"] = dict(self.asked)
        return told


_CURRENT: Final[ContextVar[ActContext]] = ContextVar("act_context", default=ActContext())  # noqa: B039 - frozen


def current_context() -> ActContext:
    """The context of whatever runs now."""
    return _CURRENT.get()


@contextmanager
def acting(context: ActContext) -> Iterator[None]:
    """Run the block in ``context``; afterwards everything is as before, whatever was refined in between."""
    token = _CURRENT.set(context)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def refine(
    *,
    rule: str = "",
    session: str = "",
    decision: str = "",
    policy: str = "",
    asked: Mapping[str, object] | None = None,
) -> ActContext:
    """Add what became known during the request, until the surrounding :func:`acting` ends; returns it."""
    known = _CURRENT.get()
    refined = replace(
        known,
        rule=rule or known.rule,
        session=session or known.session,
        decision=decision or known.decision,
        policy=policy or known.policy,
        asked=known.asked if asked is None else asked,
    )
    _CURRENT.set(refined)
    return refined
