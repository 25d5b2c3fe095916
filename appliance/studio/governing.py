"""What governs the appliance, in one value: policies, approvals, delegation, publishing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from appliance.authz.authority import Authority
    from appliance.studio.approval import ApprovalService
    from appliance.studio.classifying import Classifying
    from appliance.studio.deciding import Decisions
    from appliance.studio.delegation import Delegations
    from appliance.studio.mail import Mailer
    from appliance.studio.models import Models
    from appliance.studio.policy import PolicyService
    from appliance.studio.publishing import Publishing
    from appliance.studio.release_records import ReleaseRecords
    from appliance.studio.releases import Releases
    from appliance.studio.trials import Trials


@dataclass(frozen=True)
class Governance:
    """What the web layer calls."""

    authority: Authority
    policy: PolicyService
    approvals: ApprovalService
    decisions: Decisions
    delegations: Delegations
    publishing: Publishing
    records: ReleaseRecords
    releases: Releases
    trials: Trials
    models: Models
    classes: Classifying
    mail: Mailer

    @contextmanager
    def running(self) -> Iterator[None]:
        """Finish what the last stop interrupted, then send mail until the block ends."""
        self.records.forget_halves()
        self.trials.forget_ended()
        self.decisions.resume()
        self.mail.start()
        try:
            yield
        finally:
            self.mail.stop()
