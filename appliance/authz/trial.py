"""Tries policies before they count: what they would have decided otherwise, and whether they could be changed again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.authz import questions
from appliance.authz.actions import Action
from appliance.authz.questions import Circumstances, Principal, PrincipalKind, Question, Role

if TYPE_CHECKING:
    from appliance.authz.engine import Engine

MAX_SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision that the audit log holds: where, when, on which event, and the question that was asked."""

    index: int
    time: str
    event: str
    question: Question


@dataclass(frozen=True, slots=True)
class Changed:
    """One that would be decided otherwise, and by which policies."""

    recorded: Recorded
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Trial:
    """``tried`` decisions; the lists hold the first :data:`MAX_SHOWN` of ``refused`` and ``permitted``."""

    tried: int
    refused: int
    permitted: int
    now_refused: tuple[Changed, ...]
    now_permitted: tuple[Changed, ...]


def replay(before: Engine, after: Engine, recorded: Iterable[Recorded]) -> Trial:
    """Ask both about everything that was asked."""
    tried = 0
    refused: list[Changed] = []
    permitted: list[Changed] = []
    counts = {False: 0, True: 0}
    for one in recorded:
        tried += 1
        old, new = before.decide(one.question), after.decide(one.question)
        if old.allowed == new.allowed:
            continue
        counts[new.allowed] += 1
        shown = permitted if new.allowed else refused
        if len(shown) < MAX_SHOWN:
            shown.append(Changed(one, old.rule, new.rule))
    return Trial(tried, counts[False], counts[True], tuple(refused), tuple(permitted))


def can_be_changed_again(engine: Engine) -> bool:
    """Whether two people are left who could sign in, propose another policy, and approve it."""
    if not engine.decide(Question(questions.VISITOR, Action.VISIT, questions.APPLIANCE)).allowed:
        return False
    asks = [role for role in Role if _may_ask(engine, role)]
    return bool(asks) and any(_may_approve(engine, role) for role in Role)


def _may_ask(engine: Engine, role: Role) -> bool:
    who = _somebody("asks", role)
    wanted = questions.approval("apr", kind="policy", requester=who.name)
    steps = (
        (Action.USE_STUDIO, questions.APPLIANCE),
        (Action.VIEW_POLICY, questions.POLICY),
        (Action.PROPOSE_POLICY, questions.POLICY),
    )
    done = Circumstances(approvals=2)
    return (
        all(engine.decide(Question(who, action, on)).allowed for action, on in steps)
        and engine.decide(Question(who, Action.REQUEST_APPROVAL, wanted)).allowed
        and engine.decide(Question(Principal(PrincipalKind.USER, who.name), Action.CARRY_OUT, wanted, done)).allowed
    )


def _may_approve(engine: Engine, role: Role) -> bool:
    wanted = questions.approval("apr", kind="policy", requester="user:asks")
    who = _somebody("approves", role)
    return engine.decide(Question(who, Action.USE_STUDIO, questions.APPLIANCE)).allowed and all(
        engine.decide(Question(who, action, wanted)).allowed for action in (Action.VIEW_APPROVAL, Action.APPROVE)
    )


def _somebody(name: str, role: Role) -> Principal:
    return Principal(PrincipalKind.USER, f"user:{name}", frozenset({role.value, Role.USER.value}))
