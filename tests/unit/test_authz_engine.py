"""The engine: default deny, forbid beats permit, no answer for what does not fit, and what is no policy is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cedarpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.authz import questions
from appliance.authz.actions import KIND_OF, Action
from appliance.authz.engine import MAX_POLICY_BYTES, Engine, digest_of
from appliance.authz.errors import PolicyBroken
from appliance.authz.questions import Circumstances, Principal, PrincipalKind, Question, Resource, Role
from appliance.authz.shipped import shipped_engine, shipped_policies, shipped_schema
from appliance.authz.table import cells

MAYA = Principal(PrincipalKind.USER, "user:demo-maya", frozenset({"maker", "user"}))
APP = questions.app("app_1", owner=MAYA.name)
SCHEMA = shipped_schema()
ENGINE = shipped_engine()


def test_a_decision_names_the_deciding_policies_and_the_digest() -> None:
    decision = ENGINE.decide(Question(MAYA, Action.EDIT_APP, APP))
    assert (decision.allowed, decision.reasons, decision.rule) == (True, ("owners-work",), "owners-work")
    assert decision.policy == digest_of(SCHEMA, shipped_policies()) == ENGINE.digest
    assert decision.policy.startswith("sha256:")
    assert decision.refusal is None


def test_nothing_permits_is_a_refusal_with_words() -> None:
    decision = ENGINE.decide(Question(MAYA, Action.READ_AUDIT, questions.LOG))
    assert (decision.allowed, decision.reasons, decision.rule) == (False, (), "default-deny")
    assert decision.refusal is not None
    assert decision.refusal.says == "Reading the audit log is reserved for auditors."
    assert "operator" in decision.refusal.next


def test_a_forbid_beats_every_permit_and_says_why_in_its_own_words() -> None:
    both = Principal(PrincipalKind.USER, MAYA.name, frozenset({"maker", "reviewer", "auditor", "operator"}))
    own = questions.approval("apr_1", kind="publish", requester=MAYA.name, owner=MAYA.name)
    decision = ENGINE.decide(Question(both, Action.APPROVE, own))
    assert decision.reasons == ("author-is-not-approver",)
    assert decision.refusal is not None
    assert "cannot approve it" in decision.refusal.says
    assert decision.refusal.next == "Let somebody else decide."


def test_a_question_that_does_not_fit_the_schema_is_refused_even_by_a_policy_that_permits_all() -> None:
    lax = Engine(SCHEMA, b'@id("all") permit (principal, action, resource);')
    assert lax.decide(Question(MAYA, Action.EDIT_APP, APP)).allowed
    for resource in (Resource(KIND_OF[Action.READ_AUDIT], "this"), Resource(KIND_OF[Action.USE_MODEL], "m")):
        assert not lax.decide(Question(MAYA, Action.EDIT_APP, resource)).allowed
    assert not lax.decide(Question(questions.VISITOR, Action.EDIT_APP, APP)).allowed


def test_a_policy_that_fails_while_it_is_evaluated_refuses() -> None:
    text = b"""@id("all") permit (principal, action, resource);
    @id("sum") @says("No.") forbid (principal, action == Action::"useModel", resource)
    when { resource.ceiling + 9223372036854775807 < 0 };"""
    decision = Engine(SCHEMA, text).decide(Question(MAYA, Action.USE_MODEL, questions.model("m", ceiling=3)))
    assert not decision.allowed
    assert decision.rule == "policy-error"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (b"", "@id"),
        (b"permit (principal, action", "unexpected"),
        (b"permit (principal, action, resource);", "@id"),
        (b'@id("a") permit (principal, action, resource); @id("a") permit (principal, action, resource);', "twice"),
        (b'@id("a") forbid (principal, action, resource);', "says why"),
        (b'@id("a") permit (principal == ?principal, action, resource);', "templates"),
        (b'@id("a") permit (principal, action == Action::"fly", resource);', "fly"),
        (
            b'@id("a") permit (principal, action == Action::"editApp", resource) when { resource.colour == 1 };',
            "colour",
        ),
        (b'@id("a") permit (principal, action, resource) when { context.level == "x" };', "a"),
        (b"\xff\xfe", "UTF-8"),
        (b"// " + b"x" * MAX_POLICY_BYTES, "at most"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_cause(text: bytes, cause: str) -> None:
    with pytest.raises(PolicyBroken) as refused:
        Engine(SCHEMA, text)
    assert cause in refused.value.cause
    assert "stays" in refused.value.action


def test_every_question_of_the_table_survives_its_way_through_a_leaf() -> None:
    table = (Path(__file__).parents[2] / "policies" / "decisions.csv").read_text()
    for cell in cells(table):
        told = json.loads(json.dumps(cell.question.as_details()))
        assert Question.from_details(told) == cell.question


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(name=NAMES, resource=NAMES, roles=st.frozensets(NAMES, max_size=3), action=st.sampled_from(list(Action)))
def test_whatever_names_are_made_of_they_are_names_only(
    name: str, resource: str, roles: frozenset[str], action: Action
) -> None:
    """Names that look like Cedar give no right: without a known role only what all may is permitted."""
    strangers = roles - {role.value for role in Role}
    principal = Principal(PrincipalKind.USER, f"user:{name}", strangers)
    decision = ENGINE.decide(Question(principal, action, Resource(KIND_OF[action], resource, _attributes(action))))
    assert decision.allowed is (action in {Action.VISIT, Action.USE_STUDIO, Action.VIEW_CATALOGUE, Action.USE_KIOSK})


def _attributes(action: Action) -> dict[str, Any]:
    cell = next(one for one in cells(TABLE) if one.action is action and one.who == "user")
    return {
        key: "user:\x00" if value == "user:me" else value for key, value in cell.question.resource.attributes.items()
    }


TABLE = (Path(__file__).parents[2] / "policies" / "decisions.csv").read_text()


def test_groups_count_where_policies_speak_of_them() -> None:
    text = (
        shipped_policies()
        + b"""
    @id("finance-exports") permit (principal in Group::"/finance", action == Action::"exportAudit", resource);"""
    )
    engine = Engine(SCHEMA, text)
    assert (engine.groups, ENGINE.groups) == (frozenset({"/finance"}), frozenset())
    member = Principal(PrincipalKind.USER, "user:fin", frozenset(), frozenset({"/finance"}))
    for who, allowed in ((member, True), (Principal(PrincipalKind.USER, "user:fin"), False)):
        assert engine.decide(Question(who, Action.EXPORT_AUDIT, questions.LOG)).allowed is allowed


def test_circumstances_out_of_range_do_not_permit() -> None:
    restricted = questions.approval("apr", kind="publish", requester=MAYA.name, level=3)
    for approvals in (-1, 0, 1):
        question = Question(MAYA, Action.CARRY_OUT, restricted, Circumstances(approvals=approvals))
        assert not ENGINE.decide(question).allowed
    assert ENGINE.decide(Question(MAYA, Action.CARRY_OUT, restricted, Circumstances(approvals=2))).allowed


def test_the_library_decides_as_its_makers_say() -> None:
    """Cedar's own cases (shared vectors): the library that we ship gives their answers."""
    checked = 0
    for line in (Path(__file__).parents[1] / "fixtures" / "vectors" / "cedar" / "tests.jsonl").read_text().splitlines():
        case = json.loads(line)
        for request in case["requests"]:
            asked = {name: request[name] for name in ("principal", "action", "resource", "context")}
            got = cedarpy.is_authorized(asked, case["policies"], json.dumps(case["entities"]), case["schema"])
            assert got.allowed is (request["decision"] == "allow"), case["id"]
            checked += 1
    assert checked > 50
