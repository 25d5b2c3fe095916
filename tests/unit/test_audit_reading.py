"""Reading the log: what fits is found, every look is recorded, what was erased stays erased, what was changed shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.audit.errors import AuditCorrupt
from appliance.audit.export.errors import ExportRefused
from appliance.audit.export.view import LogView
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.lineage import lineage_of
from appliance.audit.merkle import verify_inclusion
from appliance.audit.reading import MAX_OPENED, PAGE, AuditReader, Search, SearchRefused
from appliance.core.events import Event, Outcome
from appliance.core.ports import BodyKind
from appliance.core.pseudonyms import AddressPseudonyms
from appliance.web.audit_views import more_query, search_of
from tests.fixtures.privacy import TIME, Parts, parts_in

if TYPE_CHECKING:
    from collections.abc import Iterator

EVE = "user:eve"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with parts_in(tmp_path) as made:
        yield made


def view_of(parts: Parts) -> LogView:
    parts.log.checkpoint()
    key = load_or_make_log_key(parts.home / "keys" / "audit.json")
    return LogView(parts.home / "audit", key.verifier_keys)


def reader_of(parts: Parts) -> AuditReader:
    return AuditReader(lambda: view_of(parts), parts.log, parts.privacy)


def record(parts: Parts, event: Event, who: str, app: str, **details: object) -> int:
    intent = parts.log.intent(event, principal=who, resource=app, details=details)
    parts.log.outcome(intent, Outcome.DONE)
    return intent.index


def events_since(parts: Parts, start: int) -> list[str]:
    return [leaf.event for _, leaf in parts.log.leaves(start) if leaf.kind == "intent"]


def test_search_by_person_app_event_and_time(parts: Parts) -> None:
    first = record(parts, Event.APP_OPENED, "user:demo-uwe", "app_1")
    parts.clock.advance(2 * 86_400)
    second = record(parts, Event.APP_OPENED, "user:demo-maya", "app_2")
    reader = reader_of(parts)

    def found(**wanted: object) -> list[int]:
        page = reader.search(Search(event="app.opened", **wanted), principal=EVE)  # type: ignore[arg-type]
        return [entry.index for entry in page.entries]

    assert found() == [second + 1, second, first + 1, first]
    assert found(person="UWE") == [first + 1, first]
    assert found(apps=frozenset({"app_2"})) == [second + 1, second]
    assert found(first=TIME + timedelta(days=1)) == [second + 1, second]
    assert found(last=TIME + timedelta(days=1)) == [first + 1, first]
    names = AddressPseudonyms(bytes(32))
    let_in = record(parts, Event.ACCESS_GRANTED, "user:demo-maya", "app_2", member=names.of("Uwe@x.example"), role="R")
    wanted = search_of({"person": "uwe@x.example"}, (), names.of)
    assert [entry.index for entry in reader.search(wanted, principal=EVE).entries] == [let_in]
    assert found(person="%' OR 1=1 --") == []
    assert reader.search(Search(event="no.such"), principal=EVE).entries == ()


def test_pages_go_on_where_the_last_one_ended_and_miss_nothing(parts: Parts) -> None:
    for number in range(300):
        record(parts, Event.APP_OPENED, "user:demo-uwe", f"app_{number % 3}")
    reader, seen, before = reader_of(parts), [], None
    while True:
        wanted = Search(event="app.opened", apps=frozenset({"app_1"}), before=before)
        page = reader.search(wanted, principal=EVE)
        assert len(page.entries) <= PAGE
        seen += [entry.index for entry in page.entries]
        if page.following is None:
            break
        before = page.following
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 200


def test_words_are_opened_for_a_purpose_and_each_opening_is_recorded(parts: Parts) -> None:
    parts.prompt("A list of seedling trays")
    parts.prompt("Handover notes for the press shop")
    parts.prompt("seedling in code", kind=BodyKind.CODE)
    reader = reader_of(parts)
    with pytest.raises(SearchRefused):
        reader.search(Search(text="seedling"), principal=EVE)
    before = parts.log.size
    found = reader.search(Search(text="SEEDLING", purpose="complaint 7"), principal=EVE)
    assert [entry.leaf.kind for entry in found.entries] == ["intent"]
    assert (found.opened, found.absent) == (2, 0)
    assert events_since(parts, before) == ["audit.searched", "privacy.body_opened", "privacy.body_opened"]
    leaves = [leaf for _, leaf in parts.log.leaves(before)]
    assert {leaf.principal for leaf in leaves} == {EVE}
    assert leaves[1].details["purpose"] == "complaint 7"
    assert "seedling" not in str([dict(leaf.details) for leaf in leaves]).lower()


def test_one_search_opens_a_bounded_number(parts: Parts) -> None:
    for number in range(MAX_OPENED + 5):
        parts.prompt(f"prompt {number}")
    found = reader_of(parts).search(Search(text="nowhere", purpose="p"), principal=EVE)
    assert (found.entries, found.opened) == ((), MAX_OPENED)
    assert found.following is not None


def test_erased_words_are_not_found_and_it_is_said(parts: Parts) -> None:
    parts.prompt("A list of seedling trays")
    index = next(ref.index for ref, leaf in parts.log.leaves() if leaf.event == "prompt.submitted")
    parts.erase("maya")
    reader = reader_of(parts)
    found = reader.search(Search(text="seedling", purpose="p"), principal=EVE)
    assert (found.entries, found.absent) == ((), 1)
    body = reader.bodies(index, principal=EVE, purpose="p")[0]
    assert body.text == ""
    assert "Erased" in body.absent
    with pytest.raises(SearchRefused):
        reader.bodies(index, principal=EVE, purpose="  ")


def test_an_entry_comes_with_its_proof_and_the_other_half_of_its_act(parts: Parts) -> None:
    index = record(parts, Event.APP_OPENED, "user:demo-uwe", "app_1")
    open_one = parts.log.intent(Event.APP_OPENED, principal="user:demo-uwe", resource="app_1").index
    reader, before = reader_of(parts), parts.log.size
    looked = reader.entry(index, principal=EVE)
    assert looked.verified
    verify_inclusion(looked.entry.hash, index, looked.size, looked.proof, looked.root)
    assert looked.partner is not None
    assert looked.partner.index == index + 1
    back = reader.entry(index + 1, principal=EVE).partner
    assert back is not None
    assert back.index == index
    assert reader.entry(open_one, principal=EVE).partner is None
    assert events_since(parts, before) == ["audit.viewed"] * 3
    with pytest.raises(ExportRefused):
        reader.entry(10**9, principal=EVE)


def test_a_changed_entry_is_not_shown(parts: Parts) -> None:
    index = record(parts, Event.APP_OPENED, "user:demo-uwe", "app_1")
    parts.log.checkpoint()
    for bundle in (parts.home / "audit" / "tile" / "entries").rglob("*"):
        if bundle.is_file():
            bundle.write_bytes(bundle.read_bytes().replace(b"demo-uwe", b"demo-ada"))
    with pytest.raises(AuditCorrupt, match="leaf 0"):
        reader_of(parts).entry(index, principal=EVE)


def test_the_lineage_of_a_version_leads_back_to_the_words(parts: Parts) -> None:
    def act(event: Event, details: dict[str, object], done: dict[str, object], request: str, app: str = "app_1") -> int:
        context = {"context": {"request": request}}
        intent = parts.log.intent(event, principal="user:demo-maya", resource=app, details={**details, **context})
        parts.log.outcome(intent, Outcome.DONE, details=done)
        return intent.index

    asked = act(Event.PROMPT_SUBMITTED, {"kind": "revision"}, {}, "req_1")
    planned = act(Event.PLAN_MADE, {"kind": "revision", "model": "m"}, {}, "req_1")
    proposed = act(Event.REVISION_PROPOSED, {}, {"proposal": "prp_1"}, "req_1")
    act(Event.REVISION_PROPOSED, {}, {"proposal": "prp_2"}, "req_9")
    act(Event.PROMPT_SUBMITTED, {}, {}, "req_1", app="app_2")
    accepted = act(Event.REVISION_ACCEPTED, {"proposal": "prp_1"}, {"build": "bld_1"}, "req_2")
    built = act(Event.BUILD_STARTED, {"build": "bld_1"}, {"version": 2}, "req_2")
    placed = act(Event.VERSION_COMMITTED, {"build": "bld_1", "version": 2}, {}, "req_2")
    opened = act(Event.APP_OPENED, {"version": 2}, {}, "req_3")
    act(Event.APP_OPENED, {"version": 1}, {}, "req_3")
    found = lineage_of(view_of(parts), "app_1", 2)
    assert found is not None
    assert [one.intent.index for one in found.steps] == [asked, planned, proposed, accepted, built, placed]
    assert [one.intent.index for one in found.openings] == [opened]
    with pytest.raises(ExportRefused):
        reader_of(parts).lineage("app_1", 7, principal=EVE)


def test_what_a_form_says_becomes_a_search() -> None:
    found = search_of({"person": " uwe ", "first": "2026-11-21", "last": "2026-11-22", "before": "7"}, [])
    assert (found.person, found.before) == ("uwe", 7)
    assert (found.first, found.last) == (datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
    for wrong in ({"first": "soon"}, {"before": "-1"}, {"before": "9" * 30}, {"before": "x"}):
        with pytest.raises(SearchRefused):
            search_of(wrong, [])
    assert more_query({"person": "a&b", "text": "secret", "purpose": "p"}, 5) == "person=a%26b&before=5"
    assert more_query({}, None) == ""
