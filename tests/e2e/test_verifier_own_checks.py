"""A maker's own checks are tried in the running app: what holds passes, what does not is told with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.blueprint.parser import parse
from appliance.codegen.render import render
from appliance.core.clock import SystemClock
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.verifier.model import Finding, Stage
from appliance.verifier.verify import Verifier

pytestmark = pytest.mark.sandbox

APP = """
app "Loans"
role Borrower
role Keeper
entity Item
  name text required
  price money
entity Loan
  item ref(Item) required
  borrower person required default me
  due date required
  late boolean
  hours number
  returned boolean
  twice number = hours * 2
access Item: Keeper all; Borrower read
access Loan: Keeper all; Borrower create, read own, edit own
rule Loan on create, edit: due >= today else "The due date cannot be in the past"
rule Item on delete: price is empty or price < 100 else "Ask the keeper first"
action Loan "Return" for Keeper, borrower when not returned: returned = true
example Item: "ThinkPad X1", 20
"""
HOLD = """
check Borrower cannot read Loan of others
check Borrower can read own Loan
check Borrower cannot create Item
check Borrower can create Loan with due = today + 3 days, hours = 2.125, item = "ThinkPad X1" then twice = 4.25
check Borrower cannot create Loan with due = today - 1 day because "The due date cannot be in the past"
check Borrower cannot edit Loan of others
check Borrower can edit own Loan with late = true then late = true
check Borrower can press "Return" on own Loan then returned = true
check Keeper cannot press "Return" on Loan with returned = true
check owner can create Item with name = "Scanner", price = empty then name = "Scanner", price = empty
check Keeper cannot delete Item with price = 100 because "Ask the keeper first"
check Keeper can delete Loan
"""
BROKEN = """
check Borrower can read Loan of others
check Borrower cannot create Loan
check Keeper cannot edit Loan with hours = 3
check Borrower can create Loan with due = today - 1 week
check Borrower can press "Return" on own Loan then hours = 7
check Keeper cannot delete Item with price = 100 because "Another reason"
check Keeper can create Loan with item = "Nowhere"
check Borrower can edit Item
check Keeper cannot read Item
"""


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    keys = tmp_path_factory.mktemp("keys") / "app-tokens.json"
    return Verifier(BubblewrapSandbox(), AppTokens(keys, SystemClock()))


@pytest.fixture(scope="module")
def findings(verifier: Verifier, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    """What is found with the checks that hold and those that do not, in one run."""
    blueprint = parse(APP + HOLD + BROKEN)
    folder = tmp_path_factory.mktemp("app")
    render(blueprint).write_to(folder)
    result = verifier.verify(folder, blueprint)
    assert not result.passed
    own = [check for check in result.checks if check.stage is Stage.OWN]
    assert len(own) == len(blueprint.checks)
    assert all(check.passed for check in own[: len(parse(APP + HOLD).checks)]), result.findings
    assert not any(check.passed for check in own[len(parse(APP + HOLD).checks) :])
    return {finding.title: finding for finding in result.findings}


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("A Borrower can see a Loan of others", "Under Access, a Borrower may see only their own Loans."),
        ("A Borrower cannot add a Loan", "it works. Under Access, a Borrower may add Loans."),
        ("A Keeper cannot change a Loan with hours = 3", "it works."),
        ("A Borrower can add a Loan with due = today - 7 days", "The due date cannot be in the past"),
        ("A Borrower can press “Return” on their own Loan; afterwards hours = 7", "not 7."),
        ("A Keeper cannot delete an Item with price = 100, because “Another reason”", "for something else"),
        ('A Keeper can add a Loan with item = "Nowhere"', "there is no Item called “Nowhere”"),
        ("A Borrower can change an Item", "it is not allowed. Under Access, a Borrower may not change Items."),
        ("A Keeper cannot see an Item", "It is shown."),
    ],
)
def test_a_check_that_does_not_hold_says_why(findings: dict[str, Finding], title: str, said: str) -> None:
    assert title in findings, list(findings)
    assert said in findings[title].message


def test_the_check_is_what_fails_and_nothing_else(findings: dict[str, Finding]) -> None:
    assert {finding.stage for finding in findings.values()} == {Stage.OWN}


def test_without_own_checks_the_app_passes(verifier: Verifier, tmp_path: Path) -> None:
    blueprint = replace(parse(APP + HOLD), checks=())
    render(blueprint).write_to(tmp_path)
    assert verifier.verify(tmp_path, blueprint).findings == ()
