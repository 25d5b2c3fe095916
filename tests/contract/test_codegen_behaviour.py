"""What an app does by itself, asked for by real requests: numbers, rules, actions, undo, history, marks, reminders."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from tests.fixtures.generated_apps import blueprint, row_ids, served


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    with served(blueprint("repair_desk"), tmp_path_factory.mktemp("desk"), examples=False) as app:
        app.owner.post("/room/new", {"name": "Hall"})
        yield app


def day(distance=0):
    return (datetime.now().astimezone().date() + timedelta(days=distance)).isoformat()


def job(person, **fields):
    form = {"title": "Lamp", "room": "1", "status": "open", "reporter": f"{person.name.lower()}@example.com"}
    answer = person.post("/job/new", form | fields)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def number_of(person, where):
    return re.search(r"JOB-\d+", person.get(where).text)[0]


def act(person, where, slug, **fields):
    return person.post(f"{where}/do/{slug}", fields)


def undo_of(answer, client):
    """The address behind the Undo button of the answer's message."""
    return client.app.state["runtime"].signer.open("flash", answer.cookies["app_flash"])[2]


def test_numbers_are_given_once_and_cannot_be_chosen(desk):
    owner = desk.owner
    first = number_of(owner, job(owner))
    where = job(owner, number="JOB-9999")
    second = number_of(owner, where)
    assert int(second[4:]) == int(first[4:]) + 1
    owner.post(f"{where}/edit", {"title": "Other", "room": "1", "number": "JOB-0777", "status": "open"})
    assert number_of(owner, where) == second
    assert 'name="number"' not in owner.get(f"{where}/edit").text
    assert owner.post("/job/new", {"title": ""}).status_code == 422
    done = job(owner, status="done", technician="tim@example.com")
    third = number_of(owner, done)
    assert int(third[4:]) == int(second[4:]) + 1  # the refused form took none
    assert owner.post(f"{done}/delete").status_code == 303
    assert int(number_of(owner, job(owner))[4:]) == int(third[4:]) + 1  # that of a deleted row is not given again
    assert row_ids(owner.get(f"/job?q={second.lower()}").text) == [int(where.split("/")[-1])]


def test_a_combination_of_values_is_there_once(desk):
    owner = desk.owner
    form = {"technician": "tim@example.com", "day": "2026-12-01", "slot": "early"}
    first = owner.post("/shift/new", form)
    assert first.status_code == 303
    again = owner.post("/shift/new", form)
    assert again.status_code == 422
    for field in ("technician", "day", "slot"):
        assert f'id="f-{field}-error"' in again.text
    late = owner.post("/shift/new", form | {"slot": "late"})
    assert late.status_code == 303
    assert owner.post(f"{late.headers['location']}/edit", form).status_code == 422
    assert owner.post(f"{first.headers['location']}/edit", form | {"place": "Hall"}).status_code == 303


def test_rules_are_told_together_and_keep_the_form(desk):
    owner = desk.owner
    answer = owner.post(
        "/job/new", {"title": "<i>Kept</i>", "room": "1", "status": "done", "due": "2019-01-01", "cost": "5"}
    )
    assert answer.status_code == 422
    assert "The due date lies too far back." in answer.text
    assert "Say who did it before it is done." in answer.text
    assert "&lt;i&gt;Kept&lt;/i&gt;" in answer.text
    assert 'value="2019-01-01"' in answer.text
    where = job(owner, title="Rule")
    assert owner.post(f"{where}/edit", {"title": "x", "room": "1", "due": "2019-01-01"}).status_code == 422
    assert "Rule" in owner.get(where).text
    refused = owner.post(f"{where}/delete")
    assert refused.status_code == 409
    assert "Only finished jobs can be deleted." in refused.text
    assert owner.get(where).status_code == 200


def test_a_rule_refuses_what_an_action_would_do(desk):
    rita = desk.as_("Reporter", name="Rita")
    where = job(rita)
    answer = act(rita, where, "finish")
    assert answer.status_code == 409
    assert "Say who did it before it is done." in answer.text
    assert "did “Finish”" not in rita.get(where).text


def test_an_action_is_for_those_whom_it_names_and_as_long_as_it_is_possible(desk):
    rita, rolf = desk.as_("Reporter", name="Rita"), desk.as_("Reporter", name="Rolf")
    tim, anna = desk.as_("Technician", name="Tim"), desk.as_("Auditor", name="Anna")
    where = job(rita, title="Door")
    assert f"{where}/do/take" not in rita.get(where).text
    assert act(rita, where, "take").status_code == 403
    assert act(rolf, where, "finish").status_code == 404  # not a row that Rolf may see
    assert act(anna, where, "finish").status_code == 403
    assert "/do/" not in anna.get(where).text
    assert act(tim, where, "none").status_code == 404
    assert tim.post(f"{where}/do/take", csrf=False).status_code == 403
    assert tim.post(f"{where}/do/take", origin="https://evil.example").status_code == 403
    assert f"{where}/do/take" in tim.get(where).text
    assert f"{where}/do/take" in tim.get("/job?q=Door").text
    assert act(tim, where, "take").status_code == 303
    page = tim.get(where).text
    assert f"{where}/do/take" not in page
    assert "Tim" in page
    again = act(tim, where, "take")
    assert again.status_code == 409
    assert "is not possible any more" in again.text
    assert act(rita, where, "finish").status_code == 303  # her own: she is the reporter


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("/job?q=a&page=2", "/job?q=a&page=2"),
        ("https://evil.example/", None),
        ("//evil.example", None),
        ("/\\evil.example", None),
        ("/job\r\nset-cookie: a=b", None),
    ],
)
def test_an_action_returns_to_a_page_of_this_app_only(desk, back, leads):
    tim = desk.as_("Technician", name="Tim")
    where = job(tim)
    assert act(tim, where, "take", back=back).headers["location"] == (leads or where)


def test_undo_restores_if_nothing_changed_meanwhile(desk):
    tim, tom = desk.as_("Technician", name="Tim"), desk.as_("Technician", name="Tom")
    where = job(tim, title="Undo", technician="tom@example.com", finished_on="2026-02-03")
    back = undo_of(act(tim, where, "finish"), desk.client)
    assert re.fullmatch(rf"{where}/undo/\d+", back)
    assert tom.post(back).status_code == 404  # not his
    assert tim.post(back, csrf=False).status_code == 403
    assert tim.post(back).status_code == 303
    page = tim.get(where).text
    assert "3 Feb 2026" in page
    assert "took back “Finish”" in page
    assert tim.post(back).status_code == 409  # it was taken back already
    back = undo_of(act(tim, where, "finish"), desk.client)
    form = {"title": "Undone?", "room": "1", "status": "done", "technician": "tom@example.com"}
    assert tom.post(f"{where}/edit", form).status_code == 303
    answer = tim.post(back)
    assert answer.status_code == 409
    assert "was changed meanwhile" in answer.text


def test_undo_leaves_a_row_alone_of_which_anything_changed(desk):
    tim = desk.as_("Technician", name="Tim")
    where = job(tim, title="Before", technician="tim@example.com")
    back = undo_of(act(tim, where, "finish"), desk.client)
    form = {"title": "After", "room": "1", "status": "done", "technician": "tim@example.com", "finished_on": day()}
    assert tim.post(f"{where}/edit", form | {"reporter": "tim@example.com"}).status_code == 303
    assert tim.post(back).status_code == 409


def test_an_entry_of_another_row_cannot_be_undone_here(desk):
    tim = desk.as_("Technician", name="Tim")
    one, other = job(tim, technician="tim@example.com"), job(tim, technician="tim@example.com")
    entry = undo_of(act(tim, one, "finish"), desk.client).rsplit("/", 1)[1]
    assert tim.post(f"{other}/undo/{entry}").status_code == 404
    assert tim.post(f"{one}/undo/999999").status_code == 404


def test_history_says_who_changed_what_as_far_as_the_reader_may_know(desk):
    rita, tim = desk.as_("Reporter", name="Rita"), desk.as_("Technician", name="Tim")
    where = job(rita, title="Pipe")
    tim.post(
        f"{where}/edit",
        {"title": "Pipe <b>", "room": "1", "status": "open", "cost": "77.50", "reporter": "rita@example.com"},
    )
    page = tim.get(where).text
    for text in ("Rita added it", "Tim changed it", "77.50", "Pipe &lt;b&gt;"):
        assert text in page
    seen = rita.get(where).text
    assert "Tim changed it" in seen
    assert "77.50" not in seen
    assert "Costs" not in seen
    tim.post(
        f"{where}/edit",
        {"title": "Pipe <b>", "room": "1", "status": "open", "cost": "88", "reporter": "rita@example.com"},
    )
    assert rita.get(where).text.count("Tim changed it") == 1  # what she may not read leaves no trace


def test_computed_fields_are_shown_sorted_and_exported_and_follow_what_they_are_made_of(desk):
    tim, rita = desk.as_("Technician", name="Tim"), desk.as_("Reporter", name="Rita")
    late = job(tim, title="Computed", due=day(-3), cost="12.5")
    job(tim, title="Computed", due=day(-9))
    job(tim, title="Computed", due=day(5))
    assert "25.00" in tim.get(late).text
    order = re.findall(
        r'data-label="Days late"[^>]*><span class="cell">([^<]*)', tim.get("/job?q=Computed&sort=-days_late").text
    )
    assert [text.strip() for text in order][:2] == ["9", "3"]
    assert len(row_ids(tim.get("/job?q=Computed&f.days_late=3").text)) == 1
    assert "Days late" in tim.get("/job/export.csv").text.splitlines()[0]
    rita.get("/")
    mine = job(rita, title="Computed")
    page = rita.get(mine).text
    assert "Days late" in page
    assert "Double cost" not in page  # it would tell what the costs are
    assert re.search(r'data-label="Open jobs"[^>]*><span class="cell">\d', rita.get("/room").text)


def test_marks_have_a_colour_and_a_word_and_tell_nobody_a_secret(desk):
    tim, rita = desk.as_("Technician", name="Tim"), desk.as_("Reporter", name="Rita")
    rita.get("/")
    late = job(rita, title="Marked", due=day(-1))
    dear = job(tim, title="Dear", cost="500", reporter="rita@example.com")
    page = tim.get("/job?q=Marked").text
    assert 'class="marked marked-red"' in page
    assert re.search(r'class="mark mark-red">.*?Late</span>', page, re.DOTALL)
    assert "mark-red" in tim.get(late).text
    assert "mark-blue" in tim.get(dear).text
    assert "mark-blue" not in rita.get(dear).text
    assert "mark-red" in rita.get(late).text


def test_reminders_come_and_stay_away_when_they_are_put_away(desk):
    rosa, tim = desk.as_("Reporter", name="Rosa"), desk.as_("Technician", name="Tim")
    assert "No jobs" not in rosa.get("/-/reminders").text
    where = job(tim, title="Soon & <i>", due=day(2), reporter="rosa@example.com", cost="9.99")
    job(tim, title="Later", due=day(3), reporter="rosa@example.com")
    page = rosa.get("/-/reminders").text
    assert "Soon &amp; &lt;i&gt; &lt;b&gt;Hall&lt;/b&gt; is due, cost –" in page
    assert "9.99" not in page
    assert "Later" not in page
    assert "1 reminder" in rosa.get("/job").text
    assert "Soon" not in tim.get("/-/reminders").text
    key = dict(re.findall(r'name="(key|row|day)" value="([^"]*)"', page))
    nobody = desk.as_("Reporter", name="Rolf")
    assert nobody.post("/-/reminders/done", key).status_code == 404
    assert rosa.post("/-/reminders/done", key, csrf=False).status_code == 403
    assert rosa.post("/-/reminders/done", key).status_code == 303
    assert "Soon" not in rosa.get("/-/reminders").text
    assert "1 reminder" not in rosa.get("/job").text
    form = {"title": "Soon", "room": "1", "status": "open", "reporter": "rosa@example.com"}
    tim.post(f"{where}/edit", form | {"due": day(1)})
    assert "Soon" in rosa.get("/-/reminders").text  # another date reminds again
    tim.post(f"{where}/edit", form | {"due": day(1), "status": "done", "technician": "tim@example.com"})
    assert "Soon" not in rosa.get("/-/reminders").text


def test_reminders_for_a_role_reach_everybody_who_has_it(desk):
    tim = desk.as_("Technician", name="Tim")
    number = number_of(tim, job(tim, title="Today", due=day()))
    for person in (tim, desk.as_("Technician", name="Tom")):
        assert f"{number} is due" in person.get("/-/reminders").text
    assert f"{number} is due" not in desk.as_("Auditor", name="Anna").get("/-/reminders").text
