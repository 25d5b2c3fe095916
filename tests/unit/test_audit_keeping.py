"""The parts around an open log, as the settings put them together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.audit.errors import BodyPruned
from appliance.audit.keeping import Keeping
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.pruned import stated_minimum
from appliance.audit.upkeep import Daily
from appliance.core.clock import ManualClock
from appliance.core.errors import SettingsError, Unavailable
from appliance.core.events import Event, Outcome
from appliance.core.ports import BodyKind
from appliance.core.settings import RetentionSettings, Settings, SyslogSettings
from tests.fixtures.exports import TIME

if TYPE_CHECKING:
    from pathlib import Path


def test_a_receiver_without_an_authority_is_refused(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, syslog=SyslogSettings(host="siem.example"))
    key, clock = load_or_make_log_key(tmp_path / "keys" / "audit.json"), ManualClock(TIME)
    with AuditLog.open(tmp_path / "audit", key, clock) as log, pytest.raises(SettingsError, match="authority"):
        Keeping(settings, log, key, clock)


def test_upkeep_prunes_bodies_and_entries_but_not_what_the_receiver_still_needs(tmp_path: Path) -> None:
    """Nobody listens at the receiver's address, so its cursor stays at 0, and with it every entry."""
    days = RetentionSettings(prompt_days=30, entries_days=30)
    waiting = SyslogSettings(host="127.0.0.1", port=9, ca_file=tmp_path / "nowhere.pem")
    key, clock = load_or_make_log_key(tmp_path / "keys" / "audit.json"), ManualClock(TIME)
    with AuditLog.open(tmp_path / "audit", key, clock) as log:
        keeping = Keeping(Settings(home=tmp_path, retention=days), log, key, clock)
        ref = keeping.vault.seal(b"words", subject="maya", kind=BodyKind.PROMPT)
        for _ in range(130):
            log.outcome(log.intent(Event.APP_OPENED, principal="p", resource="r"), Outcome.DONE)
        clock.advance(timedelta(days=31).total_seconds())
        lagging = Keeping(Settings(home=tmp_path, retention=days, syslog=waiting), log, key, clock)
        lagging.start()
        lagging.stop()
        assert "did not confirm" in lagging.state() or lagging.state() == "ok"
        assert stated_minimum(tmp_path / "audit", log.size).below == 0
        with pytest.raises(BodyPruned):
            keeping.vault.open(ref)
        keeping.start()
        keeping.stop()
        log.checkpoint()
        assert stated_minimum(tmp_path / "audit", log.size).below == 256
        assert keeping.state() == "ok"


def test_a_duty_that_fails_says_so_and_is_tried_again() -> None:
    tries: list[int] = []

    def duty() -> None:
        tries.append(1)
        if len(tries) < 3:
            message = "not now"
            raise Unavailable(message)
        daily.stop_soon()

    class Once(Daily):
        def stop_soon(self) -> None:
            self._stopping.set()

    daily = Once(duty, name="duty", seconds=0.01)
    daily.start()
    daily._thread.join(5)
    assert len(tries) == 3
    assert daily.failure is None
