"""Decides: a question in, a decision out. Cedar evaluates; policies and schema are parsed once. No I/O.

Default deny: without a policy that permits, the answer is no, and so it is when a policy cannot be evaluated or a
question does not fit the schema. https://docs.cedarpolicy.com/auth/authorization.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import cedarpy

from appliance.authz.errors import PolicyBroken
from appliance.authz.wording import REFUSALS, Refusal

if TYPE_CHECKING:
    from appliance.authz.questions import Question

MAX_POLICY_BYTES: Final = 256 << 10
MAX_POLICIES: Final = 1000
UNFIT: Final = "question-outside-schema"
FAULTY: Final = "policy-error"
"""What stands in place of a policy's name where none decided: the question, or a policy, could not be evaluated."""
_LABEL: Final = b"intramural-policy-v1\n"


@dataclass(frozen=True, slots=True)
class Decision:
    """``reasons`` are the names of the policies that decided; none where nothing permitted. ``refusal`` says in words
    why not, and what can be done; it is None where it is permitted. ``policy`` is the digest of what was in force."""

    allowed: bool
    reasons: tuple[str, ...]
    policy: str
    refusal: Refusal | None = None

    @property
    def rule(self) -> str:
        """What the audit log calls the deciding rule."""
        return ", ".join(self.reasons) or "default-deny"


@dataclass(frozen=True, slots=True)
class PolicyInfo:
    """One policy of the set, for people."""

    name: str
    effect: str
    says: str
    next: str


class Engine:
    """One set of policies under one schema. Immutable, safe for threads."""

    def __init__(self, schema: bytes, policies: bytes) -> None:
        """Parse and validate.

        Raises:
            PolicyBroken: it does not parse, does not fit the schema, has a template, or a policy without a name of
                its own; the cause names the place.
        """
        schema_text, text = _decoded(schema), _decoded(policies)
        self.digest: str = digest_of(schema, policies)
        self.text = text
        try:
            self._schema = cedarpy.Schema.from_str(schema_text)
            self._policies = cedarpy.PolicySet.from_str(text)
            described = json.loads(cedarpy.policies_to_json_str(text))
        except ValueError as error:
            raise _broken(str(error)) from error
        found = cedarpy.validate_policies(text, self._schema)
        if not found.validation_passed:
            names = found.id_annotations_by_policy_id
            raise _broken("; ".join(f"{names.get(one.policy_id, one.policy_id)}: {one.error}" for one in found.errors))
        self.policies: tuple[PolicyInfo, ...] = _described(described)
        self.groups: frozenset[str] = frozenset(_groups(described))
        """Groups that the policies speak of; no others need to be told of a person."""
        self._by_name: Mapping[str, PolicyInfo] = {one.name: one for one in self.policies}

    def decide(self, question: Question) -> Decision:
        """Whether the principal may."""
        result = cedarpy.is_authorized(_request(question), self._policies, _entities(question), self._schema)
        told = result.diagnostics
        names = told.id_annotations_by_reason
        reasons = tuple(sorted(names.get(one, one) for one in told.reasons))
        # A policy that cannot be evaluated might have been the one that forbids.
        if result.allowed and not told.errors:
            return Decision(allowed=True, reasons=reasons, policy=self.digest)
        if result.decision is cedarpy.Decision.NoDecision:
            return Decision(False, (UNFIT,), self.digest, REFUSALS[question.action])
        if told.errors:
            return Decision(False, (FAULTY,), self.digest, REFUSALS[question.action])
        return Decision(False, reasons, self.digest, self._refusal(question, reasons))

    def _refusal(self, question: Question, reasons: tuple[str, ...]) -> Refusal:
        general = REFUSALS[question.action]
        for name in reasons:
            info = self._by_name.get(name)
            if info is not None and info.says:
                return Refusal(info.says, info.next or general.next)
        return general


def digest_of(schema: bytes, policies: bytes) -> str:
    """The name of a set of policies under a schema: SHA-256 over a label, the schema's length, schema and policies."""
    return "sha256:" + hashlib.sha256(b"%s%d\n%s%s" % (_LABEL, len(schema), schema, policies)).hexdigest()


def _decoded(content: bytes) -> str:
    if len(content) > MAX_POLICY_BYTES:
        raise _broken(f"it has {len(content):,} bytes; at most {MAX_POLICY_BYTES:,} are read")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise _broken(f"it is not UTF-8: {error}") from error


def _described(parsed: Mapping[str, Any]) -> tuple[PolicyInfo, ...]:
    if parsed.get("templates"):
        raise _broken("templates are not supported; write the policy out")
    found = []
    for policy in parsed.get("staticPolicies", {}).values():
        notes = policy.get("annotations") or {}
        name = notes.get("id") or ""
        found.append(PolicyInfo(name, policy["effect"], notes.get("says") or "", notes.get("next") or ""))
    names = [one.name for one in found]
    if not names or not all(names) or len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise _broken(f"every policy needs an @id of its own; used twice or empty: {twice or 'empty'}")
    if len(names) > MAX_POLICIES:
        raise _broken(f"there are {len(names)} policies; at most {MAX_POLICIES} are read")
    silent = [one.name for one in found if one.effect == "forbid" and not one.says]
    if silent:
        raise _broken(f"a policy that forbids says why, in @says: {', '.join(silent)}")
    return tuple(found)


def _groups(part: Any) -> Iterator[str]:
    """Every group that stands anywhere in policies as JSON."""
    if isinstance(part, dict):
        if part.get("type") == "Group" and isinstance(part.get("id"), str):
            yield part["id"]
        for one in part.values():
            yield from _groups(one)
    elif isinstance(part, list):
        for one in part:
            yield from _groups(one)


def _request(question: Question) -> dict[str, Any]:
    return {
        "principal": {"type": question.principal.kind.value, "id": question.principal.name},
        "action": {"type": "Action", "id": question.action.value},
        "resource": {"type": question.resource.kind.value, "id": question.resource.id},
        "context": question.circumstances.as_json(),
    }


def _entities(question: Question) -> str:
    principal, resource = question.principal, question.resource
    named = {} if principal.kind.value == "Visitor" else {"name": principal.name}
    parents = [{"type": "Role", "id": role} for role in sorted(principal.roles)]
    parents += [{"type": "Group", "id": group} for group in sorted(principal.groups)]
    return json.dumps(
        [
            {"uid": {"type": principal.kind.value, "id": principal.name}, "attrs": named, "parents": parents},
            {
                "uid": {"type": resource.kind.value, "id": resource.id},
                "attrs": dict(resource.attributes),
                "parents": [],
            },
        ]
    )


def _broken(cause: str) -> PolicyBroken:
    message = "This is not a policy that could be used."
    return PolicyBroken(message, cause=cause[:2000], action="Correct it and try again. The policy in force stays.")
