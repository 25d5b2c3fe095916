"""The audit log as pages and JSON show it: plain words and values, nothing that opens a session or a seal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from appliance.audit.export.wording import column_values, is_bad, title
from appliance.audit.reading import Search, SearchRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from appliance.audit.export.view import Entry
    from appliance.audit.lineage import Act, Lineage
    from appliance.audit.reading import Found, Looked
    from appliance.db.records import Project

FIELDS: Final = ("person", "app", "event", "first", "last", "text", "purpose")
_MAX_INDEX_DIGITS: Final = 15


def search_of(
    values: Mapping[str, str], projects: Iterable[Project], name_in_log: Callable[[str], str] = lambda email: email
) -> Search:
    """What a form or a query asks for. ``app`` is an identifier, an address, or part of a name. A ``person`` given by
    an e-mail address is looked for as ``name_in_log`` calls that address.

    Raises:
        SearchRefused: a day or a number is none.
    """
    given = {name: " ".join(values.get(name, "").split()) for name in FIELDS}
    before = values.get("before", "")
    if before and not (before.isdecimal() and len(before) <= _MAX_INDEX_DIGITS):
        raise _refused("That is no place in the log.")
    last = _instant(given["last"])
    if last is not None and len(given["last"]) == len("2026-11-22"):
        last += timedelta(days=1)
    return Search(
        person=name_in_log(given["person"]) if "@" in given["person"] else given["person"],
        apps=_apps(given["app"], projects),
        event=given["event"],
        first=_instant(given["first"]),
        last=last,
        text=given["text"],
        purpose=given["purpose"],
        before=int(before) if before else None,
    )


def more_query(values: Mapping[str, str], following: int | None) -> str:
    """The query of the next page; words under seal go by a form only, so that they stand in no address."""
    if following is None:
        return ""
    kept = {name: values[name] for name in FIELDS if values.get(name) and name not in {"text", "purpose"}}
    return urlencode({**kept, "before": following})


def row(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    """One line of a list."""
    leaf = entry.leaf
    context = leaf.details.get("context")
    return {
        "index": entry.index,
        "title": title(entry),
        "event": leaf.event,
        "time": leaf.time,
        "kind": leaf.kind,
        "result": leaf.result,
        "bad": is_bad(entry),
        "principal": leaf.principal,
        "resource": leaf.resource,
        "resource_name": names.get(leaf.resource, leaf.resource),
        "context": context if isinstance(context, dict) else {},
        "version": leaf.details.get("version") if isinstance(leaf.details.get("version"), int) else None,
    }


def pretty(entry: Entry) -> str:
    """The details, indented."""
    return json.dumps(dict(entry.leaf.details), ensure_ascii=False, indent=2, sort_keys=True)


def as_json(entry: Entry) -> dict[str, Any]:
    """One entry for programs, details as an object."""
    return {**column_values(entry), "details": dict(entry.leaf.details)}


def found_as_json(found: Found) -> dict[str, Any]:
    """A page of results for programs; ``next`` goes into ``before``."""
    entries = [as_json(entry) for entry in found.entries]
    return {"entries": entries, "next": found.following, "opened": found.opened, "absent": found.absent}


def looked_as_json(looked: Looked) -> dict[str, Any]:
    """An entry with its proof for programs."""
    return {
        "entry": as_json(looked.entry),
        "raw": looked.entry.raw.decode(),
        "proof": [one.hex() for one in looked.proof],
        "verified": looked.verified,
        "size": looked.size,
        "root": looked.root.hex(),
        "partner": None if looked.partner is None else as_json(looked.partner),
    }


def lineage_as_json(found: Lineage) -> dict[str, Any]:
    """A lineage for programs."""
    return {
        "app": found.app,
        "version": found.version,
        "build": found.build,
        "steps": [_act_as_json(act) for act in found.steps],
        "openings": [_act_as_json(act) for act in found.openings],
        "more_openings": found.more,
    }


def _act_as_json(act: Act) -> dict[str, Any]:
    return {"intent": as_json(act.intent), "outcome": None if act.outcome is None else as_json(act.outcome)}


def _apps(text: str, projects: Iterable[Project]) -> frozenset[str]:
    if not text:
        return frozenset()
    wanted = text.casefold()
    named = {one.id for one in projects if wanted in one.name.casefold() or wanted == (one.slug or "")}
    return frozenset(named | {text})


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise _refused("That is no day.") from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _refused(message: str) -> SearchRefused:
    return SearchRefused(message, action="Write it as 2026-11-22, or choose it from the list.")
