"""The policies changed by two people while the appliance runs, and what a start does with what it finds."""

from __future__ import annotations

import errno
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from appliance.app import Appliance
from appliance.audit.recent import recent_intents
from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.engine import Engine
from appliance.authz.errors import PolicyBroken, PolicyUnusable
from appliance.authz.questions import Question
from appliance.authz.shipped import shipped_policies, shipped_schema
from appliance.authz.trial import can_be_changed_again
from appliance.core.act_context import ActContext, acting
from appliance.core.errors import Refused
from appliance.core.events import Event, Outcome
from appliance.db.approval_records import ApprovalState
from appliance.studio.errors import NotAllowed
from appliance.studio.permits import as_principal
from tests.fakes.studio_planner import ScriptedPlanner
from tests.fixtures.governed import AUDITOR, MAKER, OPERATOR, REVIEWER
from tests.fixtures.studio import settings_in, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NO_IMPORTS = """
@id("no-imports")
@says("Tables are not taken in at this site.")
@next("Describe the app in words instead.")
forbid (principal, action == Action::"importTable", resource);
"""
CREATE = Question(as_principal(MAKER), Action.CREATE_APP, questions.APPLIANCE)
IMPORT = Question(as_principal(MAKER), Action.IMPORT_TABLE, questions.APPLIANCE)


@pytest.fixture
def home() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


def appliance_in(home: Path) -> Appliance:
    return Appliance(settings_in(home), planner=ScriptedPlanner())


def recorded(appliance: Appliance, question: Question, event: Event = Event.ACCESS_REFUSED) -> None:
    """An act with its question, as a request leaves it."""
    decision = appliance.governance.authority.decide(question)
    context = ActContext(rule=decision.rule, policy=decision.policy, asked=question.as_details())
    with acting(context):
        intent = appliance.audit.intent(
            event,
            principal=question.principal.name,
            resource="studio",
            details={"method": "GET", "path": "/", "code": "x"},
        )
        appliance.audit.outcome(intent, Outcome.REFUSED)


def test_a_change_is_tried_against_what_was_decided_approved_by_another_and_counts_at_once(home: Path) -> None:
    appliance = appliance_in(home)
    try:
        governance = appliance.governance
        shipped = governance.authority.engine
        for _ in range(3):
            recorded(appliance, IMPORT)
            recorded(appliance, CREATE)
        text = shipped.text + NO_IMPORTS
        engine, trial = governance.policy.try_out(AUDITOR, text)
        assert (trial.tried, trial.refused, trial.permitted) == (6, 3, 0)
        assert [one.recorded.question for one in trial.now_refused] == [IMPORT] * 3
        assert [(one.before, one.after) for one in trial.now_refused] == [("makers-create", "no-imports")] * 3
        with pytest.raises(NotAllowed):
            governance.policy.propose(MAKER, text, "no")
        asked = governance.policy.propose(AUDITOR, text, "No tables at this site")
        with pytest.raises(NotAllowed, match="cannot approve it"):
            governance.decisions.approve(AUDITOR, asked.id, "")
        assert governance.authority.decide(IMPORT).allowed
        done = governance.decisions.approve(REVIEWER, asked.id, "agreed")
        assert done.state is ApprovalState.DONE
        refused = governance.authority.decide(IMPORT)
        assert not refused.allowed
        assert refused.refusal is not None
        assert refused.refusal.says == "Tables are not taken in at this site."
        assert refused.policy == engine.digest
        activated = [leaf for _, leaf in appliance.audit.leaves() if leaf.event == "policy.activated"]
        assert activated[-2].details["approved_by"] == ["user:demo-rita"]
        assert activated[-2].details["replaces"] == shipped.digest
        with pytest.raises(Refused, match="in force already"):
            governance.policy.propose(AUDITOR, text, "again")
    finally:
        appliance.stop()
    again = appliance_in(home)  # a start loads what was activated last
    try:
        assert again.governance.authority.engine.digest == engine.digest
        assert [one.number for one in again.governance.policy.view(OPERATOR)[1]] == [2, 1]
        assert again.governance.policy.text(1) == shipped.text
    finally:
        again.stop()


def test_what_is_broken_or_locks_everybody_out_is_refused_and_the_old_one_stays(home: Path) -> None:
    appliance = appliance_in(home)
    try:
        governance = appliance.governance
        before = governance.authority.engine
        nobody = b'@id("visit") permit (principal, action == Action::"visit", resource);'
        assert not can_be_changed_again(Engine(shipped_schema(), nobody))
        assert can_be_changed_again(before)
        for text, why in (
            ("permit (", "not a policy"),
            (before.text.replace('"importTable"', '"importMoon"'), "not a policy"),
            (nobody.decode(), "nobody could change the policy"),
        ):
            with pytest.raises(PolicyBroken, match=why):
                governance.policy.propose(AUDITOR, text, "x")
        assert governance.authority.engine is before
        assert governance.approvals.waiting() == []
        first = governance.policy.propose(AUDITOR, before.text + NO_IMPORTS, "one")
        second = governance.policy.propose(OPERATOR, before.text + NO_IMPORTS.replace("no-imports", "none"), "two")
        governance.decisions.approve(REVIEWER, first.id, "")
        with pytest.raises(Refused, match="has been changed since"):
            governance.decisions.approve(REVIEWER, second.id, "")
        kept = governance.approvals.find(second.id)
        assert kept is not None
        assert (kept.state, "propose it again" in kept.outcome) == (ApprovalState.APPROVED, True)
    finally:
        appliance.stop()


def test_a_crash_after_activation_is_finished_by_the_start(home: Path) -> None:
    appliance = appliance_in(home)
    text = appliance.governance.authority.engine.text + NO_IMPORTS
    asked = appliance.governance.policy.propose(AUDITOR, text, "x")
    settle = appliance.governance.decisions._settle

    def killed(approval: Any, state: ApprovalState, **more: Any) -> None:
        if state is ApprovalState.DONE:
            raise KeyboardInterrupt
        settle(approval, state, **more)

    appliance.governance.decisions._settle = killed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        appliance.governance.decisions.approve(REVIEWER, asked.id, "")
    appliance.stop()
    again = appliance_in(home)
    try:
        again.governance.decisions.resume()
        assert again.governance.approvals.find(asked.id).state is ApprovalState.DONE  # type: ignore[union-attr]
        assert len(again.governance.policy.view(AUDITOR)[1]) == 2
        assert not again.governance.authority.decide(IMPORT).allowed
    finally:
        again.stop()


@pytest.mark.parametrize("damage", ["text", "meta", "pointer gone", "pointer", "text gone"])
def test_a_damaged_policy_stops_the_start_with_an_explanation_and_nothing_takes_its_place(
    home: Path, damage: str
) -> None:
    appliance_in(home).stop()
    folder = home / "policies"
    assert json.loads((folder / "active.json").read_text()) == {"number": 1}
    if damage == "text":
        (folder / "0001.cedar").write_bytes(shipped_policies() + b"\n")
    elif damage == "meta":
        (folder / "0001.json").write_text("{}")
    elif damage == "pointer":
        (folder / "active.json").write_text("7")
    else:
        (folder / ("active.json" if damage == "pointer gone" else "0001.cedar")).unlink()
    with pytest.raises(PolicyUnusable) as stopped:
        appliance_in(home)
    assert "cannot be read" in stopped.value.message
    assert "backup" in stopped.value.action
    assert str(folder) in stopped.value.cause


def test_a_release_that_ships_other_policies_replaces_shipped_ones_and_never_changed_ones(home: Path) -> None:
    appliance_in(home).stop()
    folder = home / "policies"
    meta = json.loads((folder / "0001.json").read_text())
    older = shipped_policies() + b"\n// an older release\n"
    (folder / "0001.cedar").write_bytes(older)
    (folder / "0001.json").write_text(
        json.dumps(meta | {"sha256": hashlib.sha256(older).hexdigest(), "digest": "sha256:0"})
    )
    again = appliance_in(home)
    assert again.governance.authority.engine.text == shipped_policies().decode()
    assert [one.origin for one in again.governance.policy.view(AUDITOR)[1]] == ["shipped", "shipped"]
    again.stop()


def test_only_the_last_days_are_tried_however_long_the_log_is(home: Path) -> None:
    appliance = appliance_in(home)
    try:
        for _ in range(5):
            recorded(appliance, IMPORT)
        now = datetime.now(UTC)
        assert len(recent_intents(appliance.audit, now - timedelta(days=30))) >= 5
        assert recent_intents(appliance.audit, now + timedelta(seconds=5)) == []
        assert len(recent_intents(appliance.audit, now - timedelta(days=30), most=4)) == 2
    finally:
        appliance.stop()


def test_a_full_disk_leaves_the_policy_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    appliance = appliance_in(home)
    try:
        governance = appliance.governance
        before = governance.authority.engine
        asked = governance.policy.propose(AUDITOR, before.text + NO_IMPORTS, "x")

        def full(_path: Path, _content: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr("appliance.authz.store.write_durably", full)
            with pytest.raises(PolicyUnusable, match="does not come into force"):
                governance.decisions.approve(REVIEWER, asked.id, "")
        assert governance.authority.engine is before
        assert governance.decisions.carry_out(asked.id, "user:demo-rita").state is ApprovalState.DONE
        assert governance.authority.engine is not before
    finally:
        appliance.stop()
