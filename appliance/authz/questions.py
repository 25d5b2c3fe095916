"""A question to the policies as frozen values: who wants to do what, on what, under which circumstances.

Names of principals are those of the audit log. A question turns into JSON values for a leaf and back, so that a changed
policy can be asked what it would have answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from appliance.authz.actions import Action, Kind

NOBODY: Final = "nobody"
LEVELS: Final = ("public", "internal", "confidential", "restricted")
"""Data classes, by level."""
DEFAULT_LEVEL: Final = 1


class PrincipalKind(StrEnum):
    """Of what kind whoever asks is."""

    USER = "User"
    SERVICE = "ServiceAccount"
    VISITOR = "Visitor"


class Role(StrEnum):
    """What policies may say of people."""

    MAKER = "maker"
    REVIEWER = "reviewer"
    OPERATOR = "operator"
    AUDITOR = "auditor"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Principal:
    """Whoever asks: ``user:<subject>``, ``local-operator:<account>``, or nobody who signed in."""

    kind: PrincipalKind
    name: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()


VISITOR: Final = Principal(PrincipalKind.VISITOR, NOBODY)


@dataclass(frozen=True, slots=True)
class Resource:
    """What it is about. ``attributes`` are those of the schema for this kind, all of them."""

    kind: Kind
    id: str
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)


APPLIANCE: Final = Resource(Kind.APPLIANCE, "this")
LOG: Final = Resource(Kind.LOG, "this")
VAULT: Final = Resource(Kind.VAULT, "this")
POLICY: Final = Resource(Kind.POLICY, "active")


def draft(owner: str) -> Resource:
    """Something that a maker begins; ``owner`` is a principal's name, or nothing where it is unknown."""
    return Resource(Kind.DRAFT, "draft", {"owner": owner})


def app(app_id: str, *, owner: str, level: int = DEFAULT_LEVEL, published: bool = False) -> Resource:
    """An app."""
    return Resource(Kind.APP, app_id, {"owner": owner, "level": level, "published": published})


def version(app_id: str, number: int, *, owner: str, author: str, level: int = DEFAULT_LEVEL) -> Resource:
    """A version of an app."""
    return Resource(Kind.VERSION, f"{app_id}/{number}", {"owner": owner, "author": author, "level": level})


def data_class(level: int) -> Resource:
    """A data class by its level."""
    return Resource(Kind.DATA_CLASS, LEVELS[level], {"level": level})


def model(digest: str, *, ceiling: int) -> Resource:
    """A model, and the highest level of data that it is rated for."""
    return Resource(Kind.MODEL, digest, {"ceiling": ceiling})


def approval(
    approval_id: str, *, kind: str, requester: str, author: str = "", owner: str = "", level: int = DEFAULT_LEVEL
) -> Resource:
    """A request for an approval."""
    attributes: dict[str, str | int | bool] = {
        "kind": kind,
        "requester": requester,
        "author": author,
        "owner": owner,
        "level": level,
    }
    return Resource(Kind.APPROVAL, approval_id, attributes)


def api_key(key_id: str, *, owner: str) -> Resource:
    """A key for programs."""
    return Resource(Kind.API_KEY, key_id, {"owner": owner})


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else counts; the members are explained in the schema."""

    assurance: int = 1
    approvals: int = 0
    findings: frozenset[str] = frozenset()
    member: bool = False
    level: int = 0
    delegator: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the context of a Cedar request."""
        return {
            "assurance": self.assurance,
            "approvals": self.approvals,
            "findings": sorted(self.findings),
            "member": self.member,
            "level": self.level,
            "delegator": self.delegator,
        }


ORDINARY: Final = Circumstances()


@dataclass(frozen=True, slots=True)
class Question:
    """May this principal do this?"""

    principal: Principal
    action: Action
    resource: Resource
    circumstances: Circumstances = ORDINARY

    def as_details(self) -> dict[str, object]:
        """The JSON value in a leaf; what has its usual value is left out."""
        usual = ORDINARY.as_json()
        told = {name: value for name, value in self.circumstances.as_json().items() if value != usual[name]}
        principal: dict[str, object] = {"kind": self.principal.kind.value, "name": self.principal.name}
        if self.principal.roles:
            principal["roles"] = sorted(self.principal.roles)
        if self.principal.groups:
            principal["groups"] = sorted(self.principal.groups)
        asked: dict[str, object] = {
            "action": self.action.value,
            "principal": principal,
            "resource": {
                "kind": self.resource.kind.value,
                "id": self.resource.id,
                **({"attributes": dict(self.resource.attributes)} if self.resource.attributes else {}),
            },
        }
        if told:
            asked["circumstances"] = told
        return asked

    @classmethod
    def from_details(cls, asked: Mapping[str, Any]) -> Question:
        """What :meth:`as_details` told.

        Raises:
            ValueError, KeyError, TypeError: it is not that.
        """
        principal, resource = asked["principal"], asked["resource"]
        told = dict(asked.get("circumstances", {}))
        if "findings" in told:
            told["findings"] = frozenset(map(str, told["findings"]))
        return cls(
            Principal(
                PrincipalKind(principal["kind"]),
                str(principal["name"]),
                frozenset(map(str, principal.get("roles", ()))),
                frozenset(map(str, principal.get("groups", ()))),
            ),
            Action(asked["action"]),
            Resource(Kind(resource["kind"]), str(resource["id"]), dict(resource.get("attributes", {}))),
            Circumstances(**told),
        )
