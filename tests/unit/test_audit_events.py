"""What events say: a schema for each, entries that do not fit are refused, and the context of an act travels along."""

from __future__ import annotations

import json
import threading
from contextvars import copy_context
from pathlib import Path

import pytest
from litestar.datastructures import Headers

from appliance.audit.entries import NotDescribed, by_schema, without_addresses
from appliance.audit.event_page import event_page
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.log import AuditLog
from appliance.audit.space import ADMINISTRATION
from appliance.core.act_context import ActContext, acting, current_context, refine
from appliance.core.clock import SystemClock
from appliance.core.event_schemas import CONTEXT, SCHEMAS, Kind, mistakes
from appliance.core.events import Event, Outcome
from appliance.core.pseudonyms import AddressPseudonyms
from appliance.hosting.routes import FrontDoor, caddy_config
from appliance.web.openings import MAX_KNOWN, Openings
from appliance.web.request_context import source_of

ROOT = Path(__file__).parents[2]
SEALED = {"address": "a", "digest": "d", "kind": "prompt", "subject": "s"}
EXAMPLE = {Kind.TEXT: "x", Kind.NUMBER: 1, Kind.TEXTS: ["x"], Kind.SEALED: SEALED, Kind.OBJECT: {"x": 1}}
WRONG = {Kind.TEXT: 1, Kind.NUMBER: True, Kind.TEXTS: ["x", 1], Kind.SEALED: {"address": "a"}, Kind.OBJECT: "x"}


def test_every_event_has_a_schema_and_the_exempt_ones_are_events() -> None:
    assert set(SCHEMAS) == set(Event)
    assert {str(event) for event in Event} >= ADMINISTRATION
    assert all(schema.meaning.endswith(".") for schema in SCHEMAS.values())


@pytest.mark.parametrize("event", list(Event))
def test_a_schema_takes_what_it_describes_and_nothing_else(event: Event) -> None:
    for done, described in ((None, SCHEMAS[event].intent), (True, SCHEMAS[event].done)):
        full: dict[str, object] = {one.name: EXAMPLE[one.kind] for one in described}
        assert mistakes(event, full, done=done) == []
        assert mistakes(event, {**full, "more": 1}, done=done) == ["'more' is not described"]
        for one in described:
            assert mistakes(event, {**full, one.name: WRONG[one.kind]}, done=done) == [f"{one.name!r} is no {one.kind}"]
            without = {name: value for name, value in full.items() if name != one.name}
            assert bool(mistakes(event, without, done=done)) is one.required
    assert mistakes(event, {"error": "refused"}, done=False) == []
    assert mistakes(event, {"error": "refused"}, done=True) != []


def test_the_log_refuses_what_does_not_fit_and_writes_nothing(tmp_path: Path) -> None:
    key = load_or_make_log_key(tmp_path / "key")
    with AuditLog.open(tmp_path / "audit", key, SystemClock(), compose=by_schema) as log:
        for details in ({}, {"member": "m"}, {"member": "m", "role": 7}, {"member": "m", "role": "r", "x": 1}):
            with pytest.raises(NotDescribed) as refused:
                log.intent(Event.ACCESS_GRANTED, principal="p", resource="app_1", details=details)
            assert refused.value.code == "audit_schema"
        with pytest.raises(NotDescribed, match="added by the log"):
            log.intent(Event.SERVICE_STARTED, principal="p", resource="r", details={CONTEXT: {}})
        assert log.size == 0
        begun = log.intent(Event.BUILD_CANCELLED, principal="p", resource="r", details={"build": "b"})
        with pytest.raises(NotDescribed):
            log.outcome(begun, Outcome.DONE, details={"made_up": 1})
        log.outcome(begun, Outcome.REFUSED, details={"error": "no"})
        leaves = [leaf for _, leaf in log.leaves()]
    told = {"decision": "permit", "policy": "built-in", "rule": "appliance", "source": "appliance"}
    assert [leaf.details.get(CONTEXT) for leaf in leaves] == [told, None]


def test_addresses_in_what_people_wrote_get_names_and_nothing_else_changes(tmp_path: Path) -> None:
    names = AddressPseudonyms(bytes(32))
    compose = without_addresses(names.of)
    said = "Uwe (uwe@intramural.example) and UWE@intramural.example agree, see user:a@b and x@y."
    told = compose(Event.APP_UNPUBLISHED, None, {"version": 2, "reason": said})
    uwe = names.of("uwe@intramural.example")
    assert told is not None
    assert told["reason"] == f"Uwe ({uwe}) and {uwe} agree, see user:a@b and x@y."
    assert told["version"] == 2
    sealed = {"address": "a", "digest": "d", "kind": "prompt", "subject": "user:maya@intramural.example"}
    submitted = compose(Event.PROMPT_SUBMITTED, None, {"body": sealed, "kind": "prompt"})
    assert submitted is not None
    assert submitted["body"] == sealed  # whose it is must be found again
    assert compose(Event.SIGNED_OUT, Outcome.DONE, None) == {}


def test_what_a_crash_left_open_is_closed_even_if_its_event_is_of_another_program() -> None:
    assert by_schema("event.of.yesterday", Outcome.UNKNOWN, {"reason": "r"}) == {"reason": "r"}
    with pytest.raises(NotDescribed, match="no such event"):
        by_schema("event.of.yesterday", None, {})


def test_the_context_is_of_one_request_and_is_taken_along_by_hand() -> None:
    seen = []
    with acting(ActContext(source="192.0.2.1", request="req_1", rule="public")):
        refine(rule="maker", session="sess_1")
        thread = threading.Thread(target=copy_context().run, args=(lambda: seen.append(current_context()),))
        bare = threading.Thread(target=lambda: seen.append(current_context()))
        for one in (thread, bare):
            one.start()
            one.join()
    assert seen == [ActContext("sess_1", "192.0.2.1", "req_1", "maker"), ActContext()]
    assert current_context() == ActContext()


@pytest.mark.parametrize(
    ("headers", "source"),
    [
        ({}, "local"),
        ({"x-forwarded-for": "192.0.2.7"}, "192.0.2.7"),
        ({"x-forwarded-for": "6.6.6.6, 2001:DB8::1"}, "2001:db8::1"),
        ({"x-forwarded-for": "<script>"}, "unknown"),
        ({"x-real-ip": "6.6.6.6", "forwarded": "for=6.6.6.6"}, "local"),
    ],
)
def test_the_source_is_what_the_front_door_saw(headers: dict[str, str], source: str) -> None:
    assert source_of(Headers(headers)) == source


def test_the_front_door_trusts_no_proxy_before_it() -> None:
    door = FrontDoor("intramural.localhost", 8400, Path("/w"), Path("/a"), Path("/s"))
    assert "trusted_proxies" not in json.dumps(caddy_config(door))


def test_openings_are_remembered_and_bounded() -> None:
    openings = Openings()
    for number in range(MAX_KNOWN + 1):
        openings.add("sess", number)
    assert not openings.knows("sess", 0)
    assert openings.knows("sess", MAX_KNOWN)


def test_the_page_about_events_is_made_from_the_schemas() -> None:
    assert (ROOT / "docs" / "audit-events.md").read_text(encoding="utf-8") == event_page()
