"""``tests/test_behaviour.py``: what the app does by itself, checked with the app's own pytest."""

from __future__ import annotations

from appliance.blueprint import naming
from appliance.blueprint.model import OWNER, Entity, Numbering, Verb
from appliance.codegen.emit.field_access import field_scopes
from appliance.codegen.emit.names import Names

HEAD = '''"""What the app does by itself: who reads which field, numbers, rules, actions, reminders."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select

from conftest import Client
from {package}.app import DEFINITION
from {package}.kit.columns import Kind
from {package}.kit.identity import Identity
from {package}.kit.visit import Visit

# role, address, the columns that an export may have
COLUMNS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
{columns})

# address of a new form, fields that nobody may fill in
GIVEN: tuple[tuple[str, str], ...] = (
{given})

# role, address of an action on a row that is not there, what the answer must be
ACTIONS: tuple[tuple[str, str, int], ...] = (
{actions})


def token(client: Client) -> dict[str, str]:
    """What every form carries."""
    return {{"csrf_token": client.app.state["runtime"].signer.form_token("ada")}}


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
    assert f'name="{{field}}"' not in sign_in("{owner}").get(address).text


@pytest.mark.parametrize(("role", "address", "status"), ACTIONS)
def test_actions_are_for_those_who_may_see_the_row(
    sign_in: Callable[..., Client], role: str, address: str, status: int
) -> None:
    client = sign_in(role)
    assert client.post(address, data=token(client)).status_code == status
    assert client.post(address).status_code == 403  # a form from elsewhere


'''

VALUES = '''def test_conditions_mean_the_same_in_python_and_in_the_database(sign_in: Callable[..., Client]) -> None:
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
'''


def wanted(names: Names) -> bool:
    """Whether the app does something by itself that these tests are about."""
    blueprint = names.blueprint
    special = any(
        item.computed is not None or item.hidden or isinstance(item.type, Numbering)
        for entity in blueprint.entities
        for item in entity.fields
    )
    return special or bool(
        blueprint.rules or blueprint.actions or blueprint.marks or blueprint.reminders or blueprint.field_access
    )


def test_behaviour(names: Names) -> str:
    """The text of ``tests/test_behaviour.py``."""
    blueprint = names.blueprint
    columns, given, actions = [], [], []
    for entity in blueprint.entities:
        slug = naming.slug(entity.name)
        for role in (OWNER, *blueprint.roles):
            if blueprint.permission(entity.name, role, Verb.READ) is not None:
                columns.append(f"    ({role!r}, '/{slug}/export.csv', {_columns(names, entity, role)!r}),\n")
        for item in entity.fields:
            if item.computed is not None or item.custom is not None or item.hidden or isinstance(item.type, Numbering):
                given.append(f"    ('/{slug}/new', {naming.identifier(item.name)!r}),\n")
    for action in blueprint.actions:
        address = f"/{naming.slug(action.entity)}/999999/do/{naming.slug(action.title)}"
        for role in (OWNER, *blueprint.roles, "a stranger"):
            status = 404 if blueprint.permission(action.entity, role, Verb.READ) is not None else 403
            actions.append(f"    ({role!r}, {address!r}, {status}),\n")
    head = HEAD.format(
        package=names.package,
        owner=OWNER,
        columns="".join(columns),
        given="".join(given),
        actions="".join(actions),
    )
    return head + VALUES


def _columns(names: Names, entity: Entity, role: str) -> tuple[str, ...]:
    scopes = field_scopes(names.blueprint)
    shown = [
        names.label(item)
        for item in entity.fields
        if not item.hidden
        and (
            role == OWNER
            or (entity.name, item.name) not in scopes
            or Verb.READ in scopes[entity.name, item.name].get(role, {})
        )
    ]
    return ("id", *shown)
