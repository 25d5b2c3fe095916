"""What a reviewer should know of a version before colleagues get it: found by rules alone, the same each time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from appliance.blueprint.model import Scalar, Verb
from appliance.blueprint.screens import KioskPage
from appliance.db.approval_records import Observation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.blueprint.model import Blueprint
    from appliance.db.records import BuildEvent

_PERSONAL: Final = frozenset({Scalar.EMAIL, Scalar.PHONE, Scalar.PERSON})
_UPLOADED: Final = frozenset({Scalar.FILE, Scalar.IMAGE})
CONFIDENTIAL: Final = 2
MAX_NAMED: Final = 8


def scan(blueprint: Blueprint, events: Iterable[BuildEvent], level: int) -> tuple[Observation, ...]:
    """What is worth knowing of a version with this blueprint, whose build told ``events``, for data of ``level``."""
    found = [_checks(events)]
    kiosks = [page for page in blueprint.pages if isinstance(page, KioskPage)]
    if kiosks:
        detail = "; ".join(f"“{page.title}” takes a new {page.entity}" for page in kiosks[:MAX_NAMED])
        title = "Some pages are open to everybody in the network, without signing in."
        found.append(Observation("kiosk", title, detail, serious=level >= CONFIDENTIAL))
    found += _fields(blueprint, _PERSONAL, "personal-data", "It keeps data of people.")
    found += _fields(blueprint, _UPLOADED, "uploads", "People can upload files.")
    wide = _wide(blueprint)
    if wide:
        title = "Every role may change or delete every record of some kinds."
        found.append(Observation("wide-access", title, ", ".join(wide), serious=level >= CONFIDENTIAL))
    return tuple(found)


def _checks(events: Iterable[BuildEvent]) -> Observation:
    passed = failed = 0
    for event in events:
        if event.type == "stage.started" and event.data.get("stage") == "verify":
            passed = failed = 0
        elif event.type == "check":
            passed, failed = passed + bool(event.data["passed"]), failed + (not event.data["passed"])
    if failed:
        return Observation("checks-failed", f"{failed} of {passed + failed} checks failed.", serious=True)
    if not passed:
        detail = "The version was put in place by an earlier release, or the person who made it was erased."
        return Observation("checks-unknown", "The record of its checks is gone.", detail, serious=True)
    return Observation("checks-passed", f"All {passed} checks passed: it builds, starts, and does what it says.")


def _fields(blueprint: Blueprint, kinds: frozenset[Scalar], code: str, title: str) -> list[Observation]:
    named = [
        f"{entity.name}: {field.label or field.name.replace('_', ' ')}"
        for entity in blueprint.entities
        for field in entity.fields
        if field.type in kinds
    ]
    more = len(named) - MAX_NAMED
    told = ", ".join(named[:MAX_NAMED]) + (f", and {more} more" if more > 0 else "")
    return [Observation(code, title, told)] if named else []


def _wide(blueprint: Blueprint) -> list[str]:
    if len(blueprint.roles) < 2:
        return []
    return [
        entity.name
        for entity in blueprint.entities
        if all(_everything(blueprint, entity.name, role) for role in blueprint.roles)
    ]


def _everything(blueprint: Blueprint, entity: str, role: str) -> bool:
    given = [blueprint.permission(entity, role, verb) for verb in (Verb.EDIT, Verb.DELETE)]
    return all(one is not None and not one.own for one in given)
