"""Leaves: canonical, bounded, and read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from appliance.audit.errors import LeafRefused
from appliance.audit.leaf import MAX_LEAF_BYTES, LeafReader, encode_leaf
from appliance.core.events import Event, Outcome
from appliance.core.ports import LeafRef

TIME = datetime(2026, 11, 22, 20, 0, 1, 5, tzinfo=UTC)


def intent(details: Mapping[str, object] | None = None, **changes: str) -> bytes:
    values = {"principal": "demo-maya", "resource": "app_1", **changes}
    return encode_leaf(
        time=TIME,
        event=Event.PROMPT_SUBMITTED,
        principal=values["principal"],
        resource=values["resource"],
        details=details,
    )


def test_the_format_is_as_documented() -> None:
    assert intent({"b": 1, "a": [True, None, "x"]}) == (
        b'{"details":{"a":[true,null,"x"],"b":1},"event":"prompt.submitted","intent":null,"kind":"intent",'
        b'"principal":"demo-maya","resource":"app_1","result":null,"time":"2026-11-22T20:00:01.000005Z","v":1}'
    )


def test_an_outcome_links_to_its_intent() -> None:
    ref = LeafRef(7, "ab" * 32)
    entry = encode_leaf(
        time=TIME, event="prompt.submitted", principal="p", resource="r", intent=ref, result=Outcome.DONE
    )
    leaf = LeafReader().read(entry)
    assert (leaf.kind, leaf.intent, leaf.result, leaf.time) == ("outcome", ref, "done", TIME)


def test_times_are_written_in_utc() -> None:
    berlin = TIME.astimezone(timezone(timedelta(hours=1)))
    entry = encode_leaf(time=berlin, event="x", principal="p", resource="r")
    assert LeafReader().read(entry).time == TIME


@pytest.mark.parametrize(
    "details",
    [{"a": 1.5, "b": -0.0, "c": 1e300}, {"ü": "ä", "\U0001f600": 1, "\ufb33": 2}, {"x": '\x00\x1f\x7f\u2028"\\/'}, {}],
)
def test_what_is_written_is_read(details: dict[str, object]) -> None:
    assert LeafReader().read(intent(details)).details == details


@pytest.mark.parametrize(
    "details", [{"a": float("nan")}, {"a": 2**53}, {"a": object()}, {"a": "\ud800"}, {1: "a"}, {"a": b"bytes"}]
)
def test_what_is_not_json_is_refused(details: dict[str, object]) -> None:
    with pytest.raises(LeafRefused):
        intent(details)


def test_deep_nesting_is_refused() -> None:
    nested: dict[str, object] = {}
    for _ in range(5000):
        nested = {"a": nested}
    with pytest.raises(LeafRefused):
        intent(nested)


def test_the_size_limit_is_that_of_a_bundle() -> None:
    room = MAX_LEAF_BYTES - len(intent({"a": ""}))
    assert len(intent({"a": "x" * room})) == MAX_LEAF_BYTES
    with pytest.raises(LeafRefused, match="65536 bytes"):
        intent({"a": "x" * (room + 1)})


def test_an_outcome_needs_a_result() -> None:
    with pytest.raises(LeafRefused):
        encode_leaf(time=TIME, event="x", principal="p", resource="r", intent=LeafRef(0, ""))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"v":1', '"v":2'),
        lambda text: text.replace('"v":1', '"v":1,"w":1'),
        lambda text: text.replace(",", ", ", 1),
        lambda text: text.replace('"kind":"intent"', '"kind":"outcome"'),
        lambda text: text.replace('"kind":"intent"', '"kind":"rumour"'),
        lambda text: text.replace('"result":null', '"result":"done"'),
        lambda text: text.replace("Z", "+00:00"),
        lambda text: text.replace("2026-11", "2026-13"),
        lambda text: text.replace('{"details":{"n":1}', '{"details":{"n":1.0}'),
        lambda text: text.replace('{"details":{"n":1}', '{"details":{"n":1,"n":1}'),
        lambda text: json.dumps(dict(reversed(json.loads(text).items())), separators=(",", ":")),
        lambda text: text.replace("demo-maya", "demo-\\u006daya"),
        lambda text: text + " ",
        lambda text: text[:-1],
        lambda _: "",
        lambda _: "[" * 100_000,
        lambda _: "null",
    ],
)
def test_anything_else_is_not_a_leaf(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(LeafRefused):
        LeafReader().read(change(intent({"n": 1}).decode()).encode())
