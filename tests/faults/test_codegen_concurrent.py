"""Many people at once: no number twice, no combination twice, no rule broken in between; on every kind of database."""

from __future__ import annotations

import re
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.fixtures.generated_apps import blueprint, served
from tests.fixtures.postgres import INSTALLED, postgres

DATABASES = ("sqlite", "postgresql") if INSTALLED else ("sqlite",)
PEOPLE = 8


@pytest.fixture(scope="module", params=DATABASES)
def desk(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    if request.param == "sqlite":
        with served(blueprint("repair_desk"), folder, examples=False) as app:
            app.owner.post("/room/new", {"name": "Hall"})
            yield app
        return
    with tempfile.TemporaryDirectory(prefix="pg-") as place:
        Path(place).chmod(0o755)
        with (
            postgres(Path(place) / "server") as url,
            served(blueprint("repair_desk"), folder, examples=False, database_url=url) as app,
        ):
            app.owner.post("/room/new", {"name": "Hall"})
            yield app


def together(app, ask):
    """Ask from many threads at once; each is a person of their own."""
    people = [app.as_("Technician", name=f"Tim{number}") for number in range(PEOPLE)]
    for person in people:
        person.get("/job")
    with ThreadPoolExecutor(PEOPLE) as pool:
        return list(pool.map(ask, people))


def test_every_number_is_given_once_and_none_is_left_out(desk):
    def add(person):
        form = {"title": "Rush", "room": "1", "status": "open"}
        return [person.post("/job/new", form).headers["location"] for _ in range(4)]

    places = [place for some in together(desk, add) for place in some]
    numbers = sorted(int(re.search(r"JOB-(\d+)", desk.owner.get(place).text)[1]) for place in places)
    assert numbers == list(range(numbers[0], numbers[0] + len(places)))


def test_a_combination_is_saved_once_and_the_others_are_told(desk):
    form = {"technician": "x@example.com", "day": "2026-12-24", "slot": "late"}
    answers = together(desk, lambda person: person.post("/shift/new", form))
    assert sorted(answer.status_code for answer in answers) == [303] + [422] * (PEOPLE - 1)
    assert all("f-slot-error" in answer.text for answer in answers if answer.status_code == 422)


def test_an_action_happens_once(desk):
    where = desk.owner.post("/job/new", {"title": "One", "room": "1", "status": "open"}).headers["location"]
    answers = together(desk, lambda person: person.post(f"{where}/do/take"))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * (PEOPLE - 1)
    assert desk.owner.get(where).text.count("did “Take”") == 1


def test_pages_open_on_this_database(desk):
    tim = desk.as_("Technician", name="Tim")
    for path in (
        "/job?sort=-days_late&q=rush",
        "/job?sort=number",
        "/-/reminders",
        "/pages/late",
        "/room",
        "/job/export.csv",
    ):
        assert tim.get(path).status_code == 200, path
