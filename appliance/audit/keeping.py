"""What goes on around an open log: the vault and what may be done with it, retention, pruning, delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.audit.desk import Desk
from appliance.audit.export.cursor import Cursor
from appliance.audit.export.delivery import Destination
from appliance.audit.export.forwarder import SyslogForwarder
from appliance.audit.export.syslog import SyslogFormat
from appliance.audit.export.view import LogView
from appliance.audit.privacy import Privacy
from appliance.audit.pruning import EntryPruning
from appliance.audit.retention import Retention
from appliance.audit.upkeep import Daily
from appliance.audit.vault import Vault
from appliance.core.errors import SettingsError
from appliance.core.pseudonyms import AddressPseudonyms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.audit.keys import LogKey
    from appliance.audit.log import AuditLog
    from appliance.core.clock import Clock
    from appliance.core.ports import PersonalRecords
    from appliance.core.settings import Settings

PRINCIPAL = "appliance"


class Keeping:
    """One for an open log. :attr:`vault` and :attr:`pseudonyms` can be used at once; the rest after :meth:`start`."""

    def __init__(self, settings: Settings, log: AuditLog, key: LogKey, clock: Clock) -> None:
        """Open the vault.

        Raises:
            PrivateFileError, BodyDamaged, VaultUnavailable: its keys cannot be used.
            SettingsError: a receiver is named without the authority of its certificate.
        """
        home = settings.home
        self._log, self._key, self._clock = log, key, clock
        self.vault = Vault(home / "vault", home / "keys" / "vault.json", clock)
        self.pseudonyms = AddressPseudonyms.load(home / "keys" / "addresses.key")
        self.desk = Desk(home / "vault")
        self._retention = Retention(self.vault, self.desk, log, clock, settings.retention.body_days())
        self._cursor = Cursor(home / "exports" / "syslog.json", key.name)
        self.forwarder = self._make_forwarder(settings)
        self._pruning = EntryPruning(
            log,
            home / "audit",
            clock,
            settings.retention.entries_days,
            holds=self.desk.holds,
            needed=lambda: () if self.forwarder is None else (self._cursor.read(),),
        )
        self._daily = Daily(self._upkeep, name="retention")

    def privacy(self, records: Mapping[str, PersonalRecords]) -> Privacy:
        """What may be done with sealed words; ``records`` are the working stores that an erasure empties."""
        return Privacy(self.vault, self.desk, self._log, self._clock, records)

    def start(self) -> None:
        """Begin the daily upkeep and the delivery.

        Raises:
            AuditUnavailable: the delivery cannot be recorded.
            ExportRefused: it is not known how far the receiver has got.
        """
        self._daily.start()
        if self.forwarder is not None:
            self.forwarder.start()

    def stop(self) -> None:
        """End both."""
        self._daily.stop()
        if self.forwarder is not None:
            self.forwarder.stop()

    def state(self) -> str:
        """``ok``, or what does not work."""
        if self._daily.failure is not None:
            return self._daily.failure.message
        return self.forwarder.state.error or "ok" if self.forwarder is not None else "ok"

    def _upkeep(self) -> None:
        self._retention.run(principal=PRINCIPAL)
        self._pruning.run(principal=PRINCIPAL)

    def _make_forwarder(self, settings: Settings) -> SyslogForwarder | None:
        wanted = settings.syslog
        if not wanted.host:
            return None
        if wanted.ca_file is None:
            message = "A syslog receiver is named, but not the authority of its certificate."
            raise SettingsError(message, cause="syslog.ca_file is not set", action="Set it, or remove syslog.host.")
        destination = Destination(
            wanted.host, wanted.ca_file, wanted.port, certificate=wanted.certificate, key=wanted.key
        )
        how = SyslogFormat(settings.web.domain, wanted.payload, wanted.enterprise)
        return SyslogForwarder(
            lambda: LogView(settings.home / "audit", self._key.verifier_keys),
            destination,
            how,
            self._cursor,
            self._log,
            principal=PRINCIPAL,
        )
