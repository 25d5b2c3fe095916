"""Kill -9 at each step of an exchange of the model: the next start carries it out, and the log is whole."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.audit.keys import vkeys_path
from appliance.audit.verify import verify_log
from appliance.db.approval_records import ApprovalState
from appliance.studio.model_choice import ModelChoice
from tests.e2e.test_model_switch import digest_of, home_with_bundles, running
from tests.faults.model_switcher import MOMENTS
from tests.fixtures.governed import OPERATOR
from tests.fixtures.studio import short_folder

ROOT = Path(__file__).parents[2]


@pytest.mark.sandbox
@pytest.mark.parametrize("moment", MOMENTS)
def test_kill_at_each_step(moment: str) -> None:
    with short_folder() as home:
        digests = home_with_bundles(home)
        command = [sys.executable, "-m", "tests.faults.model_switcher", str(home), moment]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == -signal.SIGKILL, done.stderr
        chosen = ModelChoice(home).read()
        assert (chosen is None) == (moment != "the choice kept")
        shutil.rmtree(home / "run", ignore_errors=True)
        with running(home) as appliance:
            assert digest_of(appliance) == digests["second"]
            (asked,) = appliance.governance.approvals.mine(OPERATOR)
            assert asked.state is ApprovalState.DONE
            chosen = ModelChoice(home).read()
            assert chosen is not None
            assert chosen.digest == digests["second"]
            results = [leaf.result for _, leaf in appliance.audit.leaves() if leaf.event == "model.switched"]
        assert results == ([None, "done"] if moment == "approved" else [None, "unknown", None, "done"])
        report = verify_log(home / "audit", vkeys_path(home / "keys" / "audit.json").read_text().splitlines())
        assert report.intact, report
        assert report.unfinished == ()
