"""Acts with evidence: an intent is durable before the act, its outcome after it, whatever happens in between."""

from __future__ import annotations

import base64
import json
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Outcome
from appliance.core.ports import BodyKind, GenerationCancelled
from appliance.studio.errors import BuildCancelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.core.events import Event
    from appliance.core.filetree import FileTree
    from appliance.core.ports import AuditSink, BodyVault, LeafRef


@dataclass
class Act:
    """An act under way. What is put into ``details`` before the block ends becomes part of the outcome."""

    intent: LeafRef
    details: dict[str, object] = field(default_factory=dict)


def sealed_text(vault: BodyVault, text: str, *, subject: str, kind: BodyKind) -> dict[str, object]:
    """Keep ``text`` under the person's key; returns what the log holds instead of it: a salted digest, an address.

    Raises:
        AuditUnavailable: it cannot be kept; do not act.
    """
    # A lone surrogate is no text, but somebody may have sent one, and what was sent is what is kept.
    return vault.seal(text.encode("utf-8", "surrogatepass"), subject=subject, kind=kind).as_details()


def sealed_code(vault: BodyVault, tree: FileTree, *, subject: str) -> dict[str, object]:
    """Keep a file tree in the same way: JSON of paths to base64, compressed with zlib.

    Raises:
        AuditUnavailable: it cannot be kept; do not act.
    """
    files = {path: base64.b64encode(content).decode() for path, content in tree}
    body = zlib.compress(json.dumps(files, separators=(",", ":")).encode())
    return vault.seal(body, subject=subject, kind=BodyKind.CODE).as_details()


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
