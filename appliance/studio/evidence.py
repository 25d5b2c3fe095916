"""Acts with evidence: an intent is durable before the act, its outcome after it, whatever happens in between."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Outcome
from appliance.core.ports import GenerationCancelled
from appliance.studio.errors import BuildCancelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.core.events import Event
    from appliance.core.ports import AuditSink, LeafRef


@dataclass
class Act:
    """An act under way. What is put into ``details`` before the block ends becomes part of the outcome."""

    intent: LeafRef
    details: dict[str, object] = field(default_factory=dict)


def digest(text: str) -> str:
    """SHA-256 of a body, in hex: what the log holds instead of the body."""
    return hashlib.sha256(text.encode()).hexdigest()


def outcome_of(error: BaseException) -> Outcome:
    """How an act ended that raised ``error``."""
    if isinstance(error, (BuildCancelled, GenerationCancelled)):
        return Outcome.CANCELLED
    return Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED


@contextmanager
def act(
    audit: AuditSink, event: Event, *, principal: str, resource: str, details: Mapping[str, object] | None = None
) -> Iterator[Act]:
    """Record the intent, run the block, record the outcome.

    Raises:
        AuditUnavailable: the log cannot be written; then the block has not run, or its effect is reported as failed.
    """
    under_way = Act(audit.intent(event, principal=principal, resource=resource, details=details))
    try:
        yield under_way
    except BaseException as error:
        code = error.code if isinstance(error, IntramuralError) else type(error).__name__
        audit.outcome(under_way.intent, outcome_of(error), details={**under_way.details, "error": code})
        raise
    audit.outcome(under_way.intent, Outcome.DONE, details=under_way.details or None)
