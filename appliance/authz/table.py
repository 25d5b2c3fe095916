"""Decision tables: what policies shall decide, for people to read and for a test to hold the policies to.

A line has an action, a situation, and yes or no for each kind of person. A situation is words: ``owner=me``,
``author=other``, ``requester=me``, ``delegator=other`` (``me`` is whoever asks), ``kind=publish``, ``level=3`` (of the
resource), ``data=3`` (to be handed over), ``ceiling=1``, ``approvals=2``, ``findings=a+b``, ``published``, ``member``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Final

from appliance.authz.actions import KIND_OF, Action, Kind
from appliance.authz.errors import PolicyBroken
from appliance.authz.questions import (
    VISITOR,
    Circumstances,
    Principal,
    PrincipalKind,
    Question,
    Resource,
    Role,
)

COLUMNS: Final = ("visitor", "user", "maker", "reviewer", "operator", "auditor", "local operator")
_PEOPLE: Final = {"me": "user:me", "other": "user:other", "service": "service:other", "none": ""}
_ATTRIBUTES: Final[dict[Kind, dict[str, str | int | bool]]] = {
    Kind.DRAFT: {"owner": "user:other"},
    Kind.APP: {"owner": "user:other", "level": 1, "published": False},
    Kind.VERSION: {"owner": "user:other", "author": "user:other", "level": 1},
    Kind.DATA_CLASS: {"level": 1},
    Kind.MODEL: {"ceiling": 3},
    Kind.APPROVAL: {
        "kind": "publish",
        "requester": "user:other",
        "author": "user:other",
        "owner": "user:other",
        "level": 1,
    },
    Kind.API_KEY: {"owner": "user:other"},
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One question of the table and the answer that it expects."""

    line: int
    action: Action
    situation: str
    who: str
    question: Question
    expected: bool


def cells(text: str) -> Iterator[Cell]:
    """Every cell of a table.

    Raises:
        PolicyBroken: a line cannot be understood; the cause names it.
    """
    rows = csv.DictReader(StringIO(text))
    if tuple(rows.fieldnames or ()) != ("action", "situation", *COLUMNS):
        raise _unclear(1, f"the columns are not action, situation, {', '.join(COLUMNS)}")
    for line, row in enumerate(rows, start=2):
        try:
            action = Action(row["action"])
            for who in COLUMNS:
                expected = {"yes": True, "no": False}[row[who]]
                yield Cell(line, action, row["situation"], who, _question(action, row["situation"], who), expected)
        except (KeyError, ValueError, TypeError) as error:
            raise _unclear(line, str(error)) from error


def _question(action: Action, situation: str, who: str) -> Question:
    principal = _principal(who)
    attributes = dict(_ATTRIBUTES.get(KIND_OF[action], {}))
    counts: dict[str, int] = {}
    member, delegator, findings = False, "", frozenset[str]()
    for word in situation.split():
        name, _, value = word.partition("=")
        if name in {"published", "member"}:
            member = member or name == "member"
            attributes |= {"published": True} if name == "published" else {}
        elif name == "delegator":
            delegator = _person(value, principal)
        elif name == "findings":
            findings = frozenset(value.split("+"))
        elif name in {"approvals", "data", "assurance"}:
            counts["level" if name == "data" else name] = int(value)
        elif name in {"owner", "author", "requester"}:
            attributes[name] = _person(value, principal)
        elif name in {"level", "ceiling"}:
            attributes[name] = int(value)
        elif name == "kind":
            attributes[name] = value
        else:
            raise ValueError(word)
    circumstances = Circumstances(member=member, delegator=delegator, findings=findings, **counts)
    return Question(principal, action, Resource(KIND_OF[action], "this", attributes), circumstances)


def _principal(who: str) -> Principal:
    if who == "visitor":
        return VISITOR
    if who == "local operator":
        return Principal(PrincipalKind.SERVICE, "local-operator:me", frozenset({Role.OPERATOR.value}))
    return Principal(PrincipalKind.USER, "user:me", frozenset({who, Role.USER.value}))


def _person(value: str, me: Principal) -> str:
    return me.name if value == "me" else _PEOPLE[value]


def _unclear(line: int, cause: str) -> PolicyBroken:
    message = f"Line {line} of the decision table cannot be understood."
    return PolicyBroken(message, cause=cause, action="Correct the line.")
