"""The appliance and its log: who vouches for it is shown, and a log that lost what was cosigned is not worked with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.app import Appliance
from appliance.audit.cosign import make_witness_key
from appliance.audit.history import AuditRolledBack
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.note import Checkpoint
from appliance.audit.report import KEY_FILE
from appliance.core.clock import SystemClock
from appliance.core.settings import AuditSettings, Settings
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.studio import free_port, settings_in, short_folder


@pytest.fixture
def home() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def watched(home: Path) -> Settings:
    """Settings with a witness that is not there."""
    keys = make_witness_key("witness.test").verifier_keys
    witness = {"url": f"http://127.0.0.1:{free_port()}", "vkeys": [one.text for one in keys]}
    return settings_in(home).model_copy(update={"audit": AuditSettings.model_validate({"witnesses": [witness]})})


def test_a_witness_that_is_away_is_shown(home: Path) -> None:
    appliance = Appliance(watched(home), planner=ScriptedPlanner())
    try:
        health = appliance.health()
        assert "did not cosign" in health["witness"]
        assert health["audit"] == "ok"
    finally:
        appliance.stop()


def test_without_witnesses_nothing_is_said_about_them(home: Path) -> None:
    appliance = Appliance(settings_in(home), planner=ScriptedPlanner())
    appliance.stop()
    assert "witness" not in appliance.health()


def test_a_log_that_lost_what_was_cosigned_stops_the_start(home: Path) -> None:
    Appliance(settings_in(home), planner=ScriptedPlanner()).stop()
    key = load_or_make_log_key(home / KEY_FILE)
    (home / "audit" / "witness").mkdir()
    note = key.checkpoint_note(Checkpoint(key.name, 1000, bytes(32)), SystemClock().now())
    (home / "audit" / "witness" / "checkpoint").write_text(note)
    before = (home / "audit" / "checkpoint").read_bytes()
    with pytest.raises(AuditRolledBack, match="covers 1000 entries"):
        Appliance(settings_in(home), planner=ScriptedPlanner())
    assert (home / "audit" / "checkpoint").read_bytes() == before
