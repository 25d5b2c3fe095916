"""What has to change so that a realm is as it is wanted: pure, readable by people, empty when nothing has to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.identity.provisioning.wanted import Json, Kind, Resource

_MAX_SHOWN: Final = 100


@dataclass(frozen=True)
class FieldChange:
    """One field: ``path`` in dotted form, and what it was and will be, as JSON values."""

    path: str
    was: object
    will: object


@dataclass(frozen=True)
class Change:
    """A resource that is made (``fields`` empty and ``new``) or altered."""

    resource: Resource
    new: bool
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True)
class Plan:
    """``changes`` are carried out; ``advice`` is for whoever owns a realm that is not ours."""

    realm: str
    changes: tuple[Change, ...]
    advice: tuple[Change, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether everything is as it is wanted."""
        return not self.changes


def difference(
    wanted: Sequence[Resource], found: Mapping[tuple[Kind, str], Json], *, realm: str, existing: bool
) -> Plan:
    """Compare. ``found`` holds the actual fields of every wanted resource that is there."""
    changes: list[Change] = []
    advice: list[Change] = []
    for resource in wanted:
        change = _change(resource, found.get((resource.kind, resource.name)))
        if change is None:
            continue
        theirs = existing and resource.kind in (Kind.REALM, Kind.FLOW)
        (advice if theirs else changes).append(change)
    return Plan(realm, tuple(changes), tuple(advice))


def printed(plan: Plan) -> str:
    """The plan as people read it: ``+`` made, ``~`` altered, one line for each field."""
    lines = []
    for change in plan.changes:
        lines += _told(change, "+" if change.new else "~")
    if plan.empty:
        lines.append(f"Realm {plan.realm!r} is as it should be.")
    if plan.advice:
        lines += ["", "This realm is not the appliance's own. Its owner should look at:"]
        for change in plan.advice:
            lines += _told(change, "!")
    return "\n".join(lines)


def as_json(plan: Plan) -> dict[str, object]:
    """The plan for programs."""

    def one(change: Change) -> dict[str, object]:
        fields = [{"field": item.path, "was": item.was, "will": item.will} for item in change.fields]
        return {"kind": change.resource.kind.value, "name": change.resource.name, "new": change.new, "fields": fields}

    return {
        "realm": plan.realm,
        "changes": [one(change) for change in plan.changes],
        "advice": [one(change) for change in plan.advice],
    }


def merged(actual: Json, want: Json) -> dict[str, object]:
    """``actual`` with the wanted fields in it; nested objects are merged, lists replaced."""
    result = dict(actual)
    for name, value in want.items():
        known = result.get(name)
        result[name] = merged(known, value) if isinstance(value, Mapping) and isinstance(known, Mapping) else value
    return result


def _change(resource: Resource, actual: Json | None) -> Change | None:
    if actual is None:
        return Change(resource, new=True, fields=tuple(_compared("", resource.want, {})))
    fields = tuple(_compared("", resource.want, actual))
    return Change(resource, new=False, fields=fields) if fields else None


def _compared(path: str, want: object, actual: object) -> list[FieldChange]:
    if isinstance(want, Mapping):
        known = actual if isinstance(actual, Mapping) else {}
        return [
            found
            for name, value in want.items()
            for found in _compared(f"{path}.{name}" if path else name, value, known.get(name))
        ]
    return [] if _same(want, actual) else [FieldChange(path, actual, want)]


def _same(want: object, actual: object) -> bool:
    if isinstance(want, list) and isinstance(actual, list):
        if all(isinstance(one, str) for one in (*want, *actual)):
            return sorted(want) == sorted(actual)
        if len(want) != len(actual):
            return False
        return all(not _compared("", one, other) for one, other in zip(want, actual, strict=True))
    if isinstance(want, str) and want.startswith("{"):
        return _json(want) == _json(actual)
    return want == actual or (actual is None and want in ([], ""))


def _json(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return text


def _told(change: Change, sign: str) -> list[str]:
    lines = [f"{sign} {change.resource.kind} {change.resource.name!r}"]
    for item in change.fields:
        will = _short(item.will)
        lines.append(f"    {item.path} = {will}" if change.new else f"    {item.path}: {_short(item.was)} -> {will}")
    return lines


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"
