"""Open the log of an installation with everything around it, in the order that matters."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.audit.anchoring import Anchoring, AnchoringPolicy
from appliance.audit.entries import without_addresses
from appliance.audit.history import PublishedLog
from appliance.audit.log import AuditLog
from appliance.core.pseudonyms import AddressPseudonyms

if TYPE_CHECKING:
    from appliance.audit.keys import LogKey
    from appliance.core.clock import Clock
    from appliance.core.settings import AuditSettings


def open_audited(
    stack: ExitStack, directory: Path, key: LogKey, settings: AuditSettings, clock: Clock
) -> tuple[AuditLog, Anchoring]:
    """The open log and those who vouch for it, both closed by ``stack``; nothing new is recorded yet.

    The log is compared with what was witnessed before anybody can write to it. The visits begin with
    :meth:`Anchoring.start`.

    Raises:
        AuditUnavailable: the log cannot be opened, is damaged, forked or rolled back.
        PrivateFileError: the key for names of addresses cannot be used.
        NoteError, StampError, SettingsError: the settings name keys or certificates that cannot be used.
    """
    policy = AnchoringPolicy.from_settings(settings)
    reserve = settings.reserve_mib << 20
    compose = without_addresses(AddressPseudonyms.load(directory.parent / "keys" / "addresses.key").of)
    log = stack.enter_context(AuditLog.open(directory, key, clock, segment_bytes=reserve, compose=compose))
    anchoring = Anchoring(PublishedLog(directory, key.verifier_keys, key.name), policy, clock, log.halt)
    stack.callback(anchoring.stop)
    anchoring.check()
    return log, anchoring
