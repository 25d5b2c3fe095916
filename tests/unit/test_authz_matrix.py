"""The shipped policies against the table that people review, and the table against everything that must be in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.authz.actions import KIND_OF, Action, Kind
from appliance.authz.engine import UNFIT, Engine
from appliance.authz.errors import PolicyBroken
from appliance.authz.questions import Role
from appliance.authz.shipped import FOLDER, shipped_engine, shipped_policies, shipped_schema
from appliance.authz.table import COLUMNS, Cell, cells
from appliance.authz.wording import REFUSALS

TABLE = (FOLDER / "decisions.csv").read_text(encoding="utf-8")
CELLS = tuple(cells(TABLE))
ENGINE = shipped_engine()


def wrong(engine: Engine) -> list[Cell]:
    return [cell for cell in CELLS if engine.decide(cell.question).allowed is not cell.expected]


def test_the_policies_decide_as_the_table_says() -> None:
    assert [(cell.line, cell.action, cell.situation, cell.who) for cell in wrong(ENGINE)] == []


@pytest.mark.parametrize("action", list(Action))
def test_every_action_is_in_the_table_permitted_and_refused(action: Action) -> None:
    found = {cell.expected for cell in CELLS if cell.action is action}
    assert found == ({True} if action is Action.VISIT else {True, False})
    assert REFUSALS[action].says.endswith(".")
    assert REFUSALS[action].next.endswith(".")


def test_every_kind_of_resource_role_and_policy_is_covered() -> None:
    assert {KIND_OF[cell.action] for cell in CELLS} == set(Kind)
    assert set(KIND_OF) == set(Action)
    assert set(COLUMNS) >= {role.value for role in Role}
    deciding = {reason for cell in CELLS for reason in ENGINE.decide(cell.question).reasons}
    assert {policy.name for policy in ENGINE.policies} == deciding - {UNFIT}


def test_owner_and_stranger_stand_in_the_table_for_everything_that_has_an_owner() -> None:
    for action, kind in KIND_OF.items():
        if kind in {Kind.APP, Kind.DRAFT, Kind.VERSION, Kind.API_KEY}:
            situations = " ".join(cell.situation for cell in CELLS if cell.action is action)
            assert "owner=me" in situations, action
            assert "owner=other" in situations, action


def test_the_schema_knows_these_actions_on_these_kinds_and_no_others() -> None:
    """A question that the schema does not know is never permitted, whatever the policies say."""
    lax = Engine(shipped_schema(), b'@id("all") permit (principal, action, resource);')
    permitted = {(cell.action, cell.who) for cell in CELLS if lax.decide(cell.question).allowed}
    assert {action for action, who in permitted if who == "user"} == set(Action)
    visitors = {action for action, who in permitted if who == "visitor"}
    assert visitors == {Action.VISIT, Action.USE_RELEASE, Action.USE_KIOSK}


@pytest.mark.parametrize("name", [policy.name for policy in ENGINE.policies])
def test_the_table_notices_when_a_policy_is_missing(name: str) -> None:
    text = shipped_policies().decode()
    start = text.index(f'@id("{name}")')
    end = text.index(";\n", start) + 2
    without = Engine(shipped_schema(), (text[:start] + text[end:]).encode())
    assert wrong(without), name


def test_a_table_with_a_word_that_nobody_knows_is_refused() -> None:
    head = TABLE.splitlines()[0]
    for line in ("visit,colour=red,yes,yes,yes,yes,yes,yes,yes", "fly,,no,no,no,no,no,no,no", "visit,,maybe,,,,,,"):
        with pytest.raises(PolicyBroken, match="Line 2"):
            list(cells(f"{head}\n{line}\n"))
    with pytest.raises(PolicyBroken, match="columns"):
        list(cells("a,b\n"))


def test_the_folder_ships() -> None:
    assert {path.name for path in Path(FOLDER).iterdir() if path.is_file()} == {
        "appliance.cedar",
        "decisions.csv",
        "schema.cedarschema",
    }
