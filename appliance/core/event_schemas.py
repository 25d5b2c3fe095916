"""What each event of the audit log says: which details must be there, which may be, and of what kind they are.

``docs/audit-events.md`` is made from this. A change of what an event means is a new event; a change of its details
raises :data:`VERSION`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from appliance.core.events import Event

VERSION: Final = 1
"""Of the list as a whole."""
CONTEXT: Final = "context"
"""The detail that every intent has; see :class:`appliance.core.act_context.ActContext`."""
SEALED_MEMBERS: Final = frozenset({"address", "digest", "kind", "subject"})


class Kind(StrEnum):
    """Of what kind a detail is."""

    TEXT = "text"
    NUMBER = "whole number"
    TEXTS = "list of texts"
    SEALED = "sealed body"
    OBJECT = "object"

    def fits(self, value: object) -> bool:
        """Whether ``value`` is of this kind."""
        if self is Kind.TEXT:
            return isinstance(value, str)
        if self is Kind.NUMBER:
            return isinstance(value, int) and not isinstance(value, bool)
        if self is Kind.TEXTS:
            return isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not isinstance(value, dict):
            return False
        return self is Kind.OBJECT or (
            value.keys() == SEALED_MEMBERS and all(isinstance(x, str) for x in value.values())
        )


@dataclass(frozen=True, slots=True)
class Detail:
    """One member of an entry's details. An optional one may be missing or null."""

    name: str
    kind: Kind
    required: bool = True


@dataclass(frozen=True, slots=True)
class Schema:
    """What an event means, and the details of its intent and of an outcome that is ``done``. Any other outcome may lack
    those, and says ``error`` or ``reason``."""

    event: Event
    meaning: str
    intent: tuple[Detail, ...] = ()
    done: tuple[Detail, ...] = ()


def mistakes(event: Event, details: Mapping[str, object], *, done: bool | None) -> list[str]:
    """How ``details`` do not fit: of the intent (``done`` None), of an outcome that is done, of any other outcome."""
    schema = SCHEMAS[event]
    known = {one.name: one for one in (schema.intent if done is None else schema.done)}
    if done is False:
        known |= {name: Detail(name, Kind.TEXT, required=False) for name in ("error", "reason")}
    found = [f"{name!r} is not described" for name in details if name not in known and name != CONTEXT]
    for name, detail in known.items():
        value = details.get(name)
        if value is None:
            if detail.required and done is not False:
                found.append(f"{name!r} is missing")
        elif not detail.kind.fits(value):
            found.append(f"{name!r} is no {detail.kind}")
    return found


_KINDS: Final[Mapping[str, Kind]] = {
    "": Kind.TEXT,
    "#": Kind.NUMBER,
    "*": Kind.TEXTS,
    "!": Kind.SEALED,
    "{": Kind.OBJECT,
}


def _details(text: str) -> tuple[Detail, ...]:
    """``name`` text, ``#name`` number, ``*name`` texts, ``!name`` sealed body, ``{name`` object; ``?`` at the end:
    optional."""
    made = []
    for word in text.split():
        sign = word[0] if word[0] in "#*!{" else ""
        made.append(Detail(word.removeprefix(sign).removesuffix("?"), _KINDS[sign], required=not word.endswith("?")))
    return tuple(made)


_TABLE: Final[tuple[tuple[Event, str, str, str], ...]] = (
    (Event.SERVICE_STARTED, "The service started; its outcome is the stop.", "", ""),
    (Event.MODEL_LOADED, "The model was loaded into its process.", "", "model digest"),
    (Event.SIGNED_IN, "Somebody signed in.", "", "session"),
    (Event.SIGNED_OUT, "Somebody signed out.", "session", ""),
    (Event.SIGN_IN_REFUSED, "A sign-in, or the way into an app, was refused.", "method path code", ""),
    (
        Event.SESSION_ENDED,
        "A session was ended by the identity provider, or because its person has left.",
        "session by reason?",
        "",
    ),
    (Event.GROUPS_CHANGED, "The provider names other groups for somebody signed in.", "session *added *removed", ""),
    (Event.STEPPED_UP, "Somebody proved again, and more strongly, who they are.", "session", "acr?"),
    (Event.REALM_PROVISIONED, "The realm at the identity provider was changed.", "realm *changes", "#done"),
    (Event.PERSON_PUSHED, "An identity system changed a person in the directory.", "token operation", ""),
    (Event.GROUP_PUSHED, "An identity system changed a group in the directory.", "token operation", ""),
    (
        Event.PERSON_DEPROVISIONED,
        "The directory says that somebody has left; their sessions ended and their apps went on to somebody else.",
        "by",
        "#sessions *apps",
    ),
    (Event.PERSON_RETURNED, "The directory says that somebody is back.", "by", ""),
    (Event.APP_HANDED_OVER, "An app got another owner.", "from to rule", ""),
    (Event.SCIM_TOKEN_MADE, "A token for an identity system that pushes was made.", "name", ""),
    (Event.SCIM_TOKEN_REVOKED, "A token for an identity system was revoked.", "name", ""),
    (Event.ACCESS_REFUSED, "Somebody was not allowed, or a form was forged.", "method path code", ""),
    (Event.PROMPT_SUBMITTED, "Words or a blueprint were handed in.", "!body kind", "build? app?"),
    (Event.USAGE_VIEWED, "Somebody looked at what people and departments used.", "#days format", "#rows"),
    (
        Event.TEXT_SCREENED,
        "Secrets or personal data were found in a text; what was done about it. Never the values.",
        "place verdict {kinds dlp_policy choice? build? *where?",
        "!values?",
    ),
    (Event.PLAN_MADE, "The model answered words.", "kind model build?", "{tokens?"),
    (
        Event.CODE_WRITTEN,
        "The model wrote a function or fragment of an app, or was not able to.",
        "place model build",
        "status #attempts !code?",
    ),
    (Event.BUILD_STARTED, "A build ran to its end.", "build kind", "!blueprint #version commit"),
    (Event.BUILD_CANCELLED, "Somebody stopped a build.", "build", ""),
    (Event.VERSION_COMMITTED, "A version was put in place.", "build #version !code #restored_from?", "commit"),
    (
        Event.VERSION_RESTORED,
        "An app went back to an earlier version.",
        "#restored_from build? #version? !code? commit?",
        "commit #version?",
    ),
    (
        Event.REVISION_PROPOSED,
        "A change of an app was worked out.",
        "source !blueprint #base? #restores?",
        "proposal #questions #puts_aside",
    ),
    (Event.REVISION_ACCEPTED, "A proposed change was accepted.", "proposal source *confirmed", "build"),
    (Event.REVISION_WITHDRAWN, "A proposed change was taken back.", "proposal", ""),
    (Event.RECORDS_TRIED, "Questions about records were answered.", "proposal *answered", "#open_questions"),
    (
        Event.RECORDS_CARRIED,
        "Records were carried over to a new version.",
        "from to #version",
        "{rows #archived #brought_back #emptied",
    ),
    (Event.PARTS_LOCKED, "Parts of an app were locked.", "*parts", ""),
    (Event.APP_OPENED, "Somebody entered an app; once for each session, version and role.", "view_as? #version?", ""),
    (Event.KIOSK_OPENED, "A kiosk page was opened; once a day for each address.", "#version?", ""),
    (Event.ACCESS_GRANTED, "Somebody was let into an app.", "member role", ""),
    (Event.ACCESS_REVOKED, "Somebody's access to an app was taken away.", "member", ""),
    (Event.APPROVAL_REQUESTED, "Somebody asked for an approval.", "approval kind #level *findings", ""),
    (Event.APPROVAL_VIEWED, "Somebody looked at a request for an approval.", "approval kind", ""),
    (
        Event.APPROVAL_TRIED,
        "Somebody tried the version that a request is about, once for each session and role; or began anew.",
        "approval kind #version view_as? records?",
        "",
    ),
    (
        Event.APPROVAL_APPROVED,
        "Somebody approved a request.",
        "approval kind requested_by comment in_place_of?",
        "#approvals #missing",
    ),
    (
        Event.APPROVAL_REFUSED,
        "Somebody refused a request.",
        "approval kind requested_by reason in_place_of?",
        "",
    ),
    (Event.APPROVAL_WITHDRAWN, "Somebody took a request back.", "approval kind", ""),
    (Event.APPROVAL_EXPIRED, "A request was not decided in time.", "approval kind requested_by", ""),
    (
        Event.APPROVAL_DELEGATED,
        "Somebody lets another person decide in their place for a while.",
        "delegation to *roles begins ends reason",
        "",
    ),
    (Event.DELEGATION_REVOKED, "Somebody ended that before its time.", "delegation to", ""),
    (
        Event.APP_PUBLISHED,
        "A version of an app became what its users get.",
        "#version commit approval requested_by *approved_by #level *findings #replaces?",
        "data {rows?",
    ),
    (Event.APP_CLASSIFIED, "The data of an app got another class.", "from to approval? *approved_by?", ""),
    (Event.APP_UNPUBLISHED, "An app was taken back from its users.", "#version reason", ""),
    (Event.RELEASE_OPENED, "Somebody entered a published app; once for each session and version.", "#version", ""),
    (Event.POLICY_VIEWED, "Somebody looked at the policies.", "", ""),
    (
        Event.POLICY_TRIED,
        "Proposed policies were tried against recorded decisions.",
        "proposed #days",
        "#decisions #now_refused #now_permitted",
    ),
    (
        Event.POLICY_ACTIVATED,
        "Other policies came into force.",
        "#number digest origin approval? requested_by? *approved_by? replaces?",
        "",
    ),
    (
        Event.MODEL_SWITCHED,
        "Another model bundle was put in the place of the one that ran.",
        "from? to folder approval requested_by *approved_by",
        "model",
    ),
    (Event.BUNDLE_SIGNED, "A model bundle was signed.", "digest", ""),
    (Event.DATA_IMPORTED, "An app was made of tables.", "*sources_sha256 #rows #left_out", "app build"),
    (
        Event.CONTRACT_TAKEN,
        "An app was made of an API contract.",
        "contract_sha256 #operations #not_served",
        "app build",
    ),
    (Event.APP_EXPORTED, "An app left as an archive.", "#version commit *contents", "archive_sha256 #bytes"),
    (Event.ERASURE_REQUESTED, "Somebody asked that a person be erased.", "request reason", ""),
    (Event.ERASURE_REJECTED, "An erasure was declined.", "request reason requested_by", ""),
    (
        Event.SUBJECT_ERASED,
        "A person was erased; this is the tombstone.",
        "request reason requested_by approved_by *keys #resumes?",
        "*keys_destroyed #bodies_removed {records_removed",
    ),
    (Event.ERASURES_VIEWED, "Somebody looked at the erasure requests and legal holds.", "#waiting #holds", ""),
    (Event.HOLD_SET, "A legal hold was set.", "hold reason", ""),
    (Event.HOLD_LIFTED, "A legal hold was lifted.", "hold reason set_by", ""),
    (Event.BODY_OPENED, "Somebody read sealed words.", "address subject kind purpose", ""),
    (Event.BODIES_PRUNED, "Sealed words were removed by retention.", "kind #days *addresses", "#removed"),
    (Event.MASTER_KEY_ROTATED, "The vault got another master key.", "", "master #subjects"),
    (Event.LOG_PRUNED, "Old entries of the log were removed.", "#below #before #days", "#below"),
    (
        Event.AUDIT_EXPORTED,
        "Entries of the log left the appliance.",
        "format #start #stop? export_key? bodies? payload? to?",
        "archive_sha256? #bytes? by? #stop?",
    ),
    (Event.AUDIT_SEARCHED, "Somebody searched the log.", "{filters purpose?", "#found #opened"),
    (Event.AUDIT_VIEWED, "Somebody looked at an entry, or at the lineage of a version.", "#entry? app? #version?", ""),
    (Event.API_KEY_CREATED, "A key for programs was made.", "key holder *scopes #days", ""),
    (Event.API_KEY_REVOKED, "A key for programs was revoked.", "key holder", ""),
    (
        Event.API_REFUSED,
        "A program was refused: its key does not count, or may not be used so.",
        "method path code",
        "",
    ),
    (
        Event.COMPLETION_REQUESTED,
        "A program asked the model.",
        "!body endpoint key model digest #tools?",
        "finish #prompt_tokens #cached_tokens #completion_tokens #calls?",
    ),
)
SCHEMAS: Final[Mapping[Event, Schema]] = MappingProxyType(
    {event: Schema(event, meaning, _details(intent), _details(done)) for event, meaning, intent, done in _TABLE}
)
