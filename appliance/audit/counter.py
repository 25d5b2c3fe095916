"""Acts of the operator at the command line: through the running service, or on the log itself while nothing runs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from appliance.audit.errors import BodyGone
from appliance.audit.keeping import Keeping
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.opening import open_audited
from appliance.audit.privacy_acts import carry_out
from appliance.audit.seal import Opened
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef

if TYPE_CHECKING:
    from appliance.audit.log import AuditLog
    from appliance.core.ports import PersonalRecords, SealedRef
    from appliance.core.settings import Settings

Ask = Callable[[str, str, Mapping[str, object] | None], dict[str, Any]]
"""Method, path and content of a request to the running service."""


class ExportCounter(Protocol):
    """Where an export is recorded."""

    def begin_export(self, details: Mapping[str, str | int]) -> LeafRef:
        """Record that an export begins; the leaf is published soon."""
        ...

    def end_export(self, intent: LeafRef, result: Outcome, details: Mapping[str, str | int]) -> None:
        """Record how it ended."""
        ...

    def open_body(self, ref: SealedRef, purpose: str) -> Opened:
        """Open a sealed body; recorded. Raises BodyGone or BodyDamaged when there is none."""
        ...


class Counter(ExportCounter, Protocol):
    """Where the operator's acts are recorded and carried out."""

    def act(self, act: str, target: str, reason: str) -> dict[str, Any]:
        """See :func:`appliance.audit.privacy_acts.carry_out`."""
        ...

    def state(self) -> dict[str, Any]:
        """Erasure requests and legal holds."""
        ...


class RemoteCounter:
    """The running service does it."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def begin_export(self, details: Mapping[str, str | int]) -> LeafRef:
        return LeafRef(**self._ask("POST", "/api/audit/exports", {"details": dict(details)}))

    def end_export(self, intent: LeafRef, result: Outcome, details: Mapping[str, str | int]) -> None:
        content = {**asdict(intent), "result": result.value, "details": dict(details)}
        self._ask("POST", "/api/audit/exports/end", content)

    def open_body(self, ref: SealedRef, purpose: str) -> Opened:
        answer = self._ask("POST", "/api/audit/bodies", {**asdict(ref), "purpose": purpose})
        if "absent" in answer:
            raise BodyGone(answer["absent"], cause=answer["cause"])
        return Opened(base64.b64decode(answer["body"]), bytes.fromhex(answer["salt"]))

    def act(self, act: str, target: str, reason: str) -> dict[str, Any]:
        return self._ask("POST", "/api/audit/privacy", {"act": act, "target": target, "reason": reason})

    def state(self) -> dict[str, Any]:
        return self._ask("GET", "/api/audit/privacy", None)


class LocalCounter:
    """Nothing runs, so this process opens the log itself. See :func:`local_counter`."""

    def __init__(self, log: AuditLog, keeping: Keeping, records: Mapping[str, PersonalRecords], principal: str) -> None:
        self._log, self._principal = log, principal
        self._privacy = keeping.privacy(records)

    def begin_export(self, details: Mapping[str, str | int]) -> LeafRef:
        intent = self._log.intent(
            Event.AUDIT_EXPORTED, principal=self._principal, resource="audit", details=dict(details)
        )
        self._log.checkpoint()
        return intent

    def end_export(self, intent: LeafRef, result: Outcome, details: Mapping[str, str | int]) -> None:
        self._log.outcome(intent, result, details=dict(details))

    def open_body(self, ref: SealedRef, purpose: str) -> Opened:
        return self._privacy.open_body(ref, principal=self._principal, purpose=purpose)

    def act(self, act: str, target: str, reason: str) -> dict[str, Any]:
        return carry_out(self._privacy, act, target=target, reason=reason, principal=self._principal)

    def state(self) -> dict[str, Any]:
        privacy = self._privacy
        return {"requests": [asdict(x) for x in privacy.requests()], "holds": [asdict(x) for x in privacy.holds()]}


@contextmanager
def local_counter(
    settings: Settings, records: Mapping[str, PersonalRecords], *, principal: str
) -> Iterator[LocalCounter]:
    """Open log and vault for a few acts, and close them again.

    Raises:
        AuditLocked: something runs after all.
        AuditUnavailable: the log cannot be opened, or a witness saw another history.
    """
    clock = SystemClock()
    key = load_or_make_log_key(settings.home / "keys" / "audit.json")
    with ExitStack() as stack:
        log, _ = open_audited(stack, settings.home / "audit", key, settings.audit, clock)
        yield LocalCounter(log, Keeping(settings, log, key, clock), records, principal)
