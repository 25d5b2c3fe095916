"""What the app does by itself: who reads which field, numbers, rules, actions, reminders."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Client
from sqlalchemy import ColumnElement, select

from repair_desk_app.app import DEFINITION
from repair_desk_app.kit.columns import Kind
from repair_desk_app.kit.identity import Identity
from repair_desk_app.kit.visit import Visit

# role, address, the columns that an export may have
COLUMNS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("@owner", "/room/export.csv", ("id", "Name", "Open jobs")),
    ("Reporter", "/room/export.csv", ("id", "Name", "Open jobs")),
    ("Technician", "/room/export.csv", ("id", "Name", "Open jobs")),
    ("Auditor", "/room/export.csv", ("id", "Name", "Open jobs")),
    (
        "@owner",
        "/job/export.csv",
        (
            "id",
            "Number",
            "Title",
            "Room",
            "Reporter",
            "Technician",
            "Due",
            "Status",
            "Finished on",
            "Costs",
            "Note",
            "Days late",
            "Double cost",
        ),
    ),
    (
        "Reporter",
        "/job/export.csv",
        (
            "id",
            "Number",
            "Title",
            "Room",
            "Reporter",
            "Technician",
            "Due",
            "Status",
            "Finished on",
            "Note",
            "Days late",
        ),
    ),
    (
        "Technician",
        "/job/export.csv",
        (
            "id",
            "Number",
            "Title",
            "Room",
            "Reporter",
            "Technician",
            "Due",
            "Status",
            "Finished on",
            "Costs",
            "Note",
            "Days late",
            "Double cost",
        ),
    ),
    (
        "Auditor",
        "/job/export.csv",
        (
            "id",
            "Number",
            "Title",
            "Room",
            "Reporter",
            "Technician",
            "Due",
            "Status",
            "Finished on",
            "Costs",
            "Note",
            "Days late",
            "Double cost",
        ),
    ),
    ("@owner", "/shift/export.csv", ("id", "Technician", "Day", "Slot", "Place")),
    ("Technician", "/shift/export.csv", ("id", "Technician", "Day", "Slot", "Place")),
    ("Auditor", "/shift/export.csv", ("id", "Technician", "Day", "Slot", "Place")),
)

# address of a new form, fields that nobody may fill in
GIVEN: tuple[tuple[str, str], ...] = (
    ("/room/new", "open_jobs"),
    ("/job/new", "number"),
    ("/job/new", "secret"),
    ("/job/new", "days_late"),
    ("/job/new", "double_cost"),
)

# role, address of an action on a row that is not there, what the answer must be
ACTIONS: tuple[tuple[str, str, int], ...] = (
    ("@owner", "/job/999999/do/finish", 404),
    ("Reporter", "/job/999999/do/finish", 404),
    ("Technician", "/job/999999/do/finish", 404),
    ("Auditor", "/job/999999/do/finish", 404),
    ("a stranger", "/job/999999/do/finish", 403),
    ("@owner", "/job/999999/do/take", 404),
    ("Reporter", "/job/999999/do/take", 404),
    ("Technician", "/job/999999/do/take", 404),
    ("Auditor", "/job/999999/do/take", 404),
    ("a stranger", "/job/999999/do/take", 403),
    ("@owner", "/job/999999/do/reopen", 404),
    ("Reporter", "/job/999999/do/reopen", 404),
    ("Technician", "/job/999999/do/reopen", 404),
    ("Auditor", "/job/999999/do/reopen", 404),
    ("a stranger", "/job/999999/do/reopen", 403),
)


def token(client: Client) -> dict[str, str]:
    """What every form carries."""
    return {"csrf_token": client.app.state["runtime"].signer.form_token("ada")}


@pytest.mark.parametrize(("role", "address", "columns"), COLUMNS)
def test_a_role_reads_its_fields_and_no_others(
    sign_in: Callable[..., Client], role: str, address: str, columns: tuple[str, ...]
) -> None:
    answer = sign_in(role).get(address)
    assert answer.status_code == 200
    assert tuple(next(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))) == columns


@pytest.mark.parametrize(("address", "field"), GIVEN)
def test_what_the_app_gives_or_works_out_is_in_no_form(
    sign_in: Callable[..., Client], address: str, field: str
) -> None:
    assert f'name="{field}"' not in sign_in("@owner").get(address).text


@pytest.mark.parametrize(("role", "address", "status"), ACTIONS)
def test_actions_are_for_those_who_may_see_the_row(
    sign_in: Callable[..., Client], role: str, address: str, status: int
) -> None:
    client = sign_in(role)
    assert client.post(address, data=token(client)).status_code == status
    assert client.post(address).status_code == 403  # a form from elsewhere


def test_conditions_mean_the_same_in_python_and_in_the_database(sign_in: Callable[..., Client]) -> None:
    runtime = sign_in("@owner").app.state["runtime"]
    behaviour = DEFINITION.behaviour
    identity = Identity("ada", "Ada", "ada@example.com", frozenset({"@owner"}))
    tests = [(rule.entity, rule.test) for rule in behaviour.rules]
    tests += [(mark.entity, mark.test) for mark in behaviour.marks]
    tests += [(action.entity, action.when) for action in behaviour.actions if action.when is not None]
    tests += [(reminder.entity, reminder.where) for reminder in behaviour.reminders if reminder.where is not None]
    with runtime.visit(identity) as visit:
        for entity, test in tests:
            found = {row.id for row in rows(visit, entity.model, test.clause(visit.moment))}
            for row in rows(visit, entity.model):
                assert test.holds(visit.session, row, visit.moment) is (row.id in found), test.text


def rows(visit: Visit, model: Any, condition: ColumnElement[bool] | None = None) -> list[Any]:
    """The rows of a table, as far as a condition holds."""
    statement = select(model)
    return list(visit.session.scalars(statement if condition is None else statement.where(condition)))


def test_numbers_are_given_to_every_row_once(sign_in: Callable[..., Client]) -> None:
    runtime = sign_in("@owner").app.state["runtime"]
    with runtime.database.reading() as session:
        for entity in DEFINITION.entities:
            for spec in entity.kept:
                if spec.kind is Kind.SEQUENCE and spec.numbers is not None:
                    given = [getattr(row, spec.attribute) for row in session.scalars(select(entity.model))]
                    assert len(set(given)) == len(given)
                    assert all(number.startswith(spec.numbers.prefix) for number in given)
