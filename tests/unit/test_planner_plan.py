"""What the planner makes of good and bad requests."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from appliance.blueprint.expressions import And
from appliance.blueprint.model import Choice, Entity, Field, Permission, Ref, Scalar, Verb
from appliance.blueprint.parser import parse
from appliance.blueprint.screens import TablePage
from appliance.core.clock import ManualClock
from appliance.core.ports import GenerationFailed
from appliance.planner.plan import Planner, plan_prompt
from appliance.planner.request import EmptyRequest, RequestTooLong, RequestWithoutWords, check_request
from appliance.planner.samples import sample_rows
from appliance.planner.stages import complete_access
from tests.fakes.generator import FakeGenerator

CLOCK = ManualClock(datetime(2026, 11, 22, 9, 0, tzinfo=UTC))

SCRIPT = [
    'app "Key Cabinet"\nabout "Which key is with whom."\n',
    " Porter,",
    " Keeper\n",
    " Key,",
    " Handover\n",
    "label text\n",
    "opens text\n",
    "state choice(in cabinet, handed out)\n",
    "entity Handover\n",
    "key ref(Key)\n",
    "holder person\n",
    "due date\n",
    "back boolean\n",
    "access Key:",
    " read",
    " all",
    " add",
    " all",
    'page "Overdue" table Handover where due < today and not back\n',
    "dashboard",
    " count Handover where not back,",
    " bar Key by state\n",
    ' "K1", "K2", "K3"\n',
]


def planned():
    heard: list[str] = []
    plan = Planner(FakeGenerator(SCRIPT), clock=CLOCK).plan("Who has which key?", on_text=heard.append)
    return plan, heard


def test_what_nobody_asked_for_is_named():
    plan, _ = planned()
    assert {"Key.deposit", "Key.photo", "Handover.condition_at_return"} <= set(plan.assumed)
    assert not {"Key.label", "Key.opens", "Key.state", "Handover.due", "Handover.back"} & set(plan.assumed)


def test_a_plan_becomes_a_complete_blueprint():
    plan, _ = planned()
    assert plan.text == (
        'app "Key Cabinet"\n'
        'about "Which key is with whom."\n'
        "role Porter\n"
        "role Keeper\n"
        "entity Key\n"
        "  label text required\n"
        "  opens text\n"
        "  state choice(in cabinet, handed out)\n"
        "  number text\n"
        "  kind text\n"
        "  holder person\n"
        "  issued_on date\n"
        "  returned_on date\n"
        "  deposit money\n"
        "  notes longtext\n"
        "  description longtext\n"
        "  photo image\n"
        "entity Handover\n"
        "  key ref(Key) required\n"
        "  holder person\n"
        "  due date required\n"
        "  back boolean\n"
        "  purpose text\n"
        "  requested_on date\n"
        "  lent_on date\n"
        "  returned_on date\n"
        "  condition_at_return text\n"
        "  status choice(requested, approved, lent, returned, rejected)\n"
        "  notes longtext\n"
        "  description longtext\n"
        "  category text\n"
        "  photo image\n"
        "access Key: Porter read; Keeper all\n"
        "access Handover: Porter create, read, edit own; Keeper all\n"
        'page "Overview" dashboard: count Handover where not back, bar Key by state\n'
        'page "Keys" table Key\n'
        'page "Handovers" table Handover\n'
        'page "Overdue" table Handover where due < today and not back\n'
        'example Key: "K1", -, in cabinet, "N-001", -, -, 2026-11-18, 2026-11-18, 45.5\n'
        'example Key: "K2", -, handed out, "N-002", -, -, 2026-11-25, 2026-11-25, 90.5\n'
        'example Key: "K3", -, in cabinet, "N-003", -, -, 2026-12-04, 2026-12-04, 135.5\n'
        'example Handover: "K1", -, 2026-11-18, false, -, 2026-11-18, 2026-11-18, 2026-11-18, -, requested\n'
        'example Handover: "K2", -, 2026-11-25, true, -, 2026-11-25, 2026-11-25, 2026-11-25, -, approved\n'
        'example Handover: "K3", -, 2026-12-04, false, -, 2026-12-04, 2026-12-04, 2026-12-04, -, lent\n'
    )


def test_the_blueprint_is_heard_while_it_is_written():
    plan, heard = planned()
    assert "".join(heard) == plan.text
    assert heard[0].startswith("app ")
    assert len(heard) >= 7


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", EmptyRequest),
        (" \n\t\x00 ", EmptyRequest),
        ("🙂🙂🙂🎉", RequestWithoutWords),
        ("?!... 123", RequestWithoutWords),
        ("word " * 10_000, RequestTooLong),
    ],
)
def test_what_is_no_request_is_refused_with_an_action(text, error):
    generator = FakeGenerator()
    with pytest.raises(error) as caught:
        Planner(generator).plan(text, on_text=lambda _: None)
    assert caught.value.action
    assert generator.prompts == []


def test_a_request_loses_control_characters_and_keeps_its_letters():
    assert check_request("Übersicht\x1b[31m\u202e über\nSchlüssel", limit=100).text == "Übersicht [31m über Schlüssel"


def test_the_request_stands_last_and_everything_before_it_is_the_same_each_time():
    first, second = plan_prompt("one"), plan_prompt("two")
    assert first.messages[: first.stable] == second.messages[: second.stable]
    assert first.messages[first.stable].content == "one"
    assert len(first.messages) == first.stable + 1


def test_a_broken_engine_fails_the_plan_and_nothing_else():
    with pytest.raises(GenerationFailed):
        Planner(FakeGenerator(context_tokens=50)).plan("Who has which key?", on_text=lambda _: None)


def test_samples_follow_references_and_leave_cycles_out():
    left = Entity("Left", (Field("name", Scalar.TEXT), Field("right", Ref("Right"), required=True)))
    right = Entity("Right", (Field("name", Scalar.TEXT), Field("left", Ref("Left"), required=True)))
    part = Entity("Part", (Field("code", Scalar.TEXT, required=True), Field("kind", Choice(("a", "b")))))
    use = Entity("Use", (Field("part", Ref("Part"), required=True), Field("on", Scalar.DATE)))
    rows = sample_rows([left, right, use, part], {"Part": ("P1", "P2")}, today=date(2026, 11, 22))
    assert [row.entity for row in rows] == ["Part", "Part", "Use", "Use", "Use"]
    assert [row.values[0] for row in rows] == ["P1", "P2", "P1", "P2", "P1"]


def test_special_lists_come_with_their_condition():
    plan, _ = planned()
    page = plan.blueprint.pages[-1]
    assert isinstance(page, TablePage)
    assert isinstance(page.where, And)
    assert len(page.where.parts) == 2


def test_warming_up_asks_with_the_same_unchanging_part():
    generator = FakeGenerator()
    planner = Planner(generator)
    planner.warm_up()
    planner.plan("Who has which key?", on_text=lambda _: None)
    warm, real = generator.prompts
    assert warm.stable == real.stable
    assert warm.messages[: warm.stable] == real.messages[: real.stable]


def test_who_works_with_everybodys_rows_sees_everybodys_rows_in_their_references() -> None:
    blueprint = parse(
        """app "Leave"
about "Days off."
role HR
role Employee
entity Person
  name text required
entity Leave
  person ref(Person) required
access Person: HR create, read own, edit own; Employee create, read own, edit own
access Leave: HR all; Employee create, read own, edit own
"""
    )
    access = complete_access(blueprint.access, blueprint.entities)
    read = {
        grant.role: grant.permission(Verb.READ) for line in access for grant in line.grants if line.entity == "Person"
    }
    assert read == {"HR": Permission(Verb.READ), "Employee": Permission(Verb.READ, own=True)}
