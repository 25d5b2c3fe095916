"""A change of the policies as pages show it: line by line, and act by act."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, Final

from appliance.core.errors import IntramuralError
from appliance.db.approval_records import ApprovalState

if TYPE_CHECKING:
    from appliance.authz.trial import Changed, Trial
    from appliance.db.approval_records import Approval
    from appliance.studio.people import Actor
    from appliance.web.services import Services

MAX_LINES: Final = 400


def told(before: str, after: str, trial: Trial) -> dict[str, Any]:
    """What a text would change."""
    return {
        "lines": list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm=""))[
            2 : MAX_LINES + 2
        ],
        "tried": trial.tried,
        "refused": trial.refused,
        "permitted": trial.permitted,
        "now_refused": [_act(one) for one in trial.now_refused],
        "now_permitted": [_act(one) for one in trial.now_permitted],
        "problem": None,
    }


def trial_of(services: Services, actor: Actor, approval: Approval) -> dict[str, Any]:
    """What a proposed text would change now, tried anew for whoever decides."""
    policy, text = services.governance.policy, str(approval.subject["text"])
    nothing: dict[str, Any] = {"lines": [], "tried": 0, "refused": 0, "permitted": 0, "now_refused": []}
    nothing |= {"now_permitted": [], "problem": None}
    if approval.state is not ApprovalState.WAITING:
        known = {name: approval.subject[name] for name in ("tried", "refused", "permitted")}
        return {**nothing, **known, "lines": text.splitlines()[:MAX_LINES]}
    before = services.governance.authority.engine.text
    try:
        return told(before, text, policy.try_out(actor, text)[1])
    except IntramuralError as error:
        return {**nothing, "problem": error}


def _act(changed: Changed) -> dict[str, Any]:
    question = changed.recorded.question
    return {
        "index": changed.recorded.index,
        "time": changed.recorded.time[:16].replace("T", " "),
        "event": changed.recorded.event,
        "who": question.principal.name,
        "roles": ", ".join(sorted(question.principal.roles)),
        "action": question.action.value,
        "resource": f"{question.resource.kind.value} {question.resource.id}",
        "before": changed.before,
        "after": changed.after,
    }
