"""Quotas and usage, over real rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from appliance.core.errors import Refused
from appliance.core.ports import Person
from appliance.core.settings import QuotaSettings
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.records import Build, BuildState, Origin, Project
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.personal import ERASED, Personal
from appliance.db.repositories.projects import Projects
from appliance.db.repositories.usage import Cause, Usage
from appliance.studio.people import Actor
from appliance.studio.quotas import QuotaReached, Quotas, as_csv
from tests.fixtures.studio import MAYA, UWE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


class At:
    def now(self) -> datetime:
        return NOW


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(make_engine(sqlite_url(tmp_path / "db.sqlite")))
    upgrade(made.engine)
    Projects(made).add(Project("app_1", "Notes", "", MAYA, NOW, NOW))
    yield made
    made.close()


def built(
    database: Database,
    number: int,
    person: Person,
    hours: float,
    *,
    department: str = "",
    tokens: int = 100,
    state: BuildState = BuildState.DONE,
    origin: Origin = Origin.PROMPT,
) -> None:
    builds, at = Builds(database), NOW - timedelta(hours=hours)
    name = f"bld_{number}"
    builds.add(Build(name, "app_1", person, origin, "words", BuildState.QUEUED, at, department=department))
    builds.start(name, at)
    builds.record_progress(name, stages={}, tokens={"prompt": 900, "cached": 900, "sampled": tokens, "forced": 0})
    builds.finish(name, state, at=at + timedelta(seconds=30))


def quotas(database: Database, **limits: int) -> Quotas:
    return Quotas(Usage(database), QuotaSettings.model_validate(limits), At())


def maker(person: Person = MAYA, *groups: str) -> Actor:
    return Actor(person, maker=True, groups=frozenset(groups))


def test_a_persons_builds_count_for_a_day_and_the_refusal_says_when_it_is_over(database: Database) -> None:
    for number, hours in enumerate((25, 23, 5, 1)):
        built(database, number, MAYA, hours)
    built(database, 9, UWE, 2)
    quotas(database, person_builds_per_day=4).admit(maker())
    with pytest.raises(QuotaReached) as reached:
        quotas(database, person_builds_per_day=3).admit(maker())
    assert reached.value.again == NOW + timedelta(hours=1)
    assert "13:00 UTC, in 1 h 0 min" in str(reached.value)
    assert 3600 <= reached.value.seconds <= 3601
    with pytest.raises(QuotaReached) as reached:
        quotas(database, person_builds_per_day=2).admit(maker())
    assert reached.value.again == NOW + timedelta(hours=19)
    quotas(database, person_builds_per_day=3).admit(maker(UWE))
    quotas(database, person_builds_per_day=0).admit(maker())


def test_tokens_are_free_again_when_enough_of_them_are_a_day_old(database: Database) -> None:
    for number, hours in enumerate((20, 10, 1)):
        built(database, number, MAYA, hours, tokens=400)
    quotas(database, person_tokens_per_day=1201).admit(maker())
    with pytest.raises(QuotaReached) as reached:
        quotas(database, person_tokens_per_day=900).admit(maker())
    assert reached.value.again == NOW + timedelta(hours=4)
    with pytest.raises(QuotaReached) as reached:
        quotas(database, person_tokens_per_day=500).admit(maker())
    assert reached.value.again == NOW + timedelta(hours=14)


def test_a_department_shares_its_quota(database: Database) -> None:
    built(database, 1, MAYA, 3, department="lab")
    built(database, 2, UWE, 2, department="lab")
    limited = quotas(database, department_builds_per_day=2)
    with pytest.raises(QuotaReached, match="Your department, lab"):
        limited.admit(maker(Person("new", "New"), "/departments/lab", "/maker"))
    limited.admit(maker(Person("new", "New"), "/departments/sales"))
    limited.admit(maker(Person("new", "New"), "/maker"))
    assert limited.department_of({"/maker", "departments/b", "/departments/a"}) == "a"


def test_going_back_costs_nothing(database: Database) -> None:
    built(database, 1, MAYA, 1, origin=Origin.RESTORE)
    quotas(database, person_builds_per_day=1).admit(maker())


def test_wishes_and_programs_use_tokens_but_no_builds(database: Database) -> None:
    built(database, 1, MAYA, 5, tokens=400)
    counted = quotas(database, person_tokens_per_day=1000, person_builds_per_day=2, department_tokens_per_day=1500)
    groups = {"/departments/lab"}
    counted.spent(MAYA, groups, Cause.WISH, {"prompt": 500, "cached": 450, "sampled": 100, "forced": 50})
    counted.spent(MAYA, groups, Cause.REQUEST, {"prompt": 300, "cached": 0, "sampled": 99})
    counted.admit(maker(MAYA, *groups))
    counted.admit_words(MAYA.subject, groups)
    counted.spent(MAYA, groups, Cause.WISH, {"sampled": 1})
    for refused in (lambda: counted.admit(maker(MAYA, *groups)), lambda: counted.admit_words(MAYA.subject, groups)):
        with pytest.raises(QuotaReached, match="1,000 of the model"):
            refused()
    counted.admit_words(UWE.subject, groups)
    counted.spent(UWE, groups, Cause.REQUEST, {"sampled": 900})
    with pytest.raises(QuotaReached, match="Your department, lab"):
        counted.admit_words("somebody-new", groups)
    lab, *people = (row for row in counted.report(1) if row.department == "lab")
    maya, uwe = sorted(people, key=lambda row: row.name)
    assert (lab.wishes, lab.requests, lab.builds, lab.tokens) == (2, 2, 0, 1500)
    assert (maya.wishes, maya.requests, maya.tokens, maya.name) == (2, 1, 600, MAYA.name)
    assert (uwe.wishes, uwe.requests) == (0, 1)


def test_an_erased_person_keeps_their_figures_and_loses_their_name(database: Database) -> None:
    counted = quotas(database)
    counted.spent(MAYA, (), Cause.WISH, {"sampled": 7})
    Personal(database).erase(MAYA.subject)
    (total, row) = counted.report(1)
    assert (row.subject, row.name, row.tokens, total.tokens) == (MAYA.subject, ERASED, 7, 7)


def test_the_report_adds_up(database: Database) -> None:
    built(database, 1, MAYA, 1, department="lab")
    built(database, 2, MAYA, 2, department="lab", state=BuildState.FAILED)
    built(database, 3, UWE, 3, department="lab", state=BuildState.CANCELLED)
    built(database, 4, Person("x", "=cmd()"), 3)
    built(database, 5, MAYA, 24 * 40, department="lab")
    rows = quotas(database).report(30)
    assert [(row.department, row.subject, row.builds) for row in rows] == [
        ("lab", "", 3), ("lab", MAYA.subject, 2), ("lab", UWE.subject, 1), ("", "", 1), ("", "x", 1),
    ]  # fmt: skip
    total = rows[0]
    assert (total.done, total.failed, total.cancelled, total.tokens, total.seconds) == (1, 1, 1, 300, 90.0)
    assert "'=cmd()" in as_csv(rows)
    assert quotas(database).build_seconds() == 30.0
    with pytest.raises(Refused):
        quotas(database).report(0)
