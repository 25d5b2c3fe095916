"""Data loss prevention where the studio takes in words and tables, and before it puts a version in place.

What is found is blocked, masked, or asked about, as the policy says. Each such decision is an act in the audit log:
place, kinds and counts, never a value. What a placeholder stands for is sealed under the key of the person who wrote
it, so that only their own conversation shows it again, and erasing the person takes it away.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Event
from appliance.core.ports import BodyKind, SealedRef
from appliance.core.screening import Place, Verdict
from appliance.dlp.redactor import restore
from appliance.studio.evidence import act, sealed_text
from appliance.studio.screening_words import Piece, in_context, in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.core.ports import AuditSink, BodyVault
    from appliance.core.screening import Finding, Inspection, Inspector
    from appliance.studio.people import Actor

NEW: Final = "internal"
"""The class of data of an app that nobody has classified."""
MAX_REMEMBERED: Final = 500
MAX_REFS: Final = 200


class Choice(StrEnum):
    """What the maker said when asked."""

    NONE = ""
    MASK = "mask"
    SEND = "send"

    @classmethod
    def of(cls, text: str) -> Choice:
        """From a form or a program; anything else is no choice."""
        return cls(text) if text in set(cls) else cls.NONE


class SecretFound(Refused):
    """A secret, or what the policy treats like one; it cannot be sent."""

    code = "dlp_blocked"

    def __init__(self, message: str, *, pieces: tuple[Piece, ...], findings: tuple[Finding, ...], action: str) -> None:
        super().__init__(message, action=action)
        self.pieces, self.findings = pieces, findings
        self.choices: tuple[str, ...] = ()


class AskFirst(SecretFound):
    """Personal data that the maker decides about: send it, mask it, or write something else."""

    code = "dlp_ask"

    def __init__(self, message: str, *, pieces: tuple[Piece, ...], findings: tuple[Finding, ...], action: str) -> None:
        super().__init__(message, pieces=pieces, findings=findings, action=action)
        self.choices = (Choice.MASK.value, Choice.SEND.value)


@dataclass(frozen=True)
class Cleared:
    """Words that may go to the model; only :class:`Screening` makes one.

    ``values``: what the placeholders in ``text`` stand for. ``sent``: what the maker chose to send as it is.
    """

    text: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    sent: frozenset[str] = field(default=frozenset(), repr=False)


NOTHING_SAID: Final = Cleared("")


class Screening:
    """Asks the inspector, records, and keeps what placeholders stand for. Safe for threads."""

    def __init__(
        self,
        inspector: Inspector,
        audit: AuditSink,
        vault: BodyVault,
        *,
        open_body: Callable[[SealedRef], bytes],
        folder: Callable[[str], Path],
        class_of: Callable[[str], str] = lambda _app: NEW,
    ) -> None:
        """``open_body`` opens a sealed body; ``folder`` gives an app's folder, ``class_of`` the class of its data."""
        self._inspector, self._audit, self._vault = inspector, audit, vault
        self._open, self._folder, self._class_of = open_body, folder, class_of
        self._lock = threading.Lock()
        self._known: OrderedDict[str, dict[str, str]] = OrderedDict()

    def words(
        self, actor: Actor, words: str, *, choice: Choice, resource: str, before: Cleared | None = None
    ) -> Cleared:
        """Words of a maker on their way to the model; ``before`` was said in the same conversation.

        Raises:
            SecretFound: they hold what must not be sent.
            AskFirst: the maker has to choose.
            Unavailable: the rules are not ready. AuditUnavailable: it cannot be recorded.
        """
        before = before or NOTHING_SAID
        looked = self._inspector.inspect(words, Place.PROMPT, data_class=self._class_of(resource))
        known = dict(before.values)
        if resource != "new-app":
            known = {**self.values_of(resource), **known}
        open_ = [one for one in looked.findings if words[one.start : one.end] not in before.sent]
        verdict = max((one.verdict for one in open_), default=Verdict.ALLOW)
        if verdict is Verdict.ALLOW:
            return Cleared(words, known, before.sent)
        details = details_of(Place.PROMPT, verdict, looked, choice)
        with act(
            self._audit, Event.TEXT_SCREENED, principal=actor.principal, resource=resource, details=details
        ) as done:
            self._refuse(words, open_, verdict, choice)
            masking = {Verdict.MASK} | ({Verdict.ASK} if choice is Choice.MASK else set())
            masked = self._inspector.mask(words, tuple(x for x in open_ if x.verdict in masking), known=known)
            sent = {words[one.start : one.end] for one in open_ if one.verdict not in masking}
            if masked.values:
                done.details["values"] = sealed_text(
                    self._vault, json.dumps(dict(masked.values)), subject=actor.person.subject, kind=BodyKind.PROMPT
                )
        return Cleared(masked.text, {**known, **masked.values}, before.sent | sent)

    def cells(
        self,
        actor: Actor,
        table: Mapping[str, str],
        *,
        choice: Choice,
        resource: str,
        data_class: str = NEW,
        what: str = "table",
    ) -> bool:
        """Columns of an upload, each with its cells as one text. Returns whether what was asked about is to be masked.
        ``what``: a table, or a contract, whose parts then are named instead.

        Raises:
            SecretFound, AskFirst, Unavailable, AuditUnavailable: see :meth:`words`; the places named are columns.
        """
        looked = {
            name: self._inspector.inspect(text, Place.UPLOAD, data_class=data_class) for name, text in table.items()
        }
        verdict = max((one.verdict for one in looked.values()), default=Verdict.ALLOW)
        if verdict is Verdict.ALLOW:
            return False
        counts: dict[str, int] = {}
        where = [name for name, one in looked.items() if one.verdict is not Verdict.ALLOW]
        for one in looked.values():
            for kind, count in one.counts().items():
                counts[kind] = counts.get(kind, 0) + count
        policy = next(iter(looked.values())).policy
        details: dict[str, object] = {
            "place": Place.UPLOAD.value, "verdict": verdict.word, "kinds": counts, "dlp_policy": policy,
            "choice": choice.value or None, "where": [f"{'column' if what == 'table' else 'part'} {number + 1}"
                                                      for number, name in enumerate(looked) if name in where],
        }  # fmt: skip
        with act(self._audit, Event.TEXT_SCREENED, principal=actor.principal, resource=resource, details=details):
            if verdict is Verdict.BLOCK or (verdict is Verdict.ASK and choice is Choice.NONE):
                self._refuse_columns(looked, verdict, what)
        return choice is Choice.MASK or verdict is Verdict.MASK

    def mask_cell(self, text: str, known: dict[str, str], *, data_class: str = NEW) -> str:
        """One cell with placeholders for what the policy masks or asks about; ``known`` gets what they stand for."""
        looked = self._inspector.inspect(text, Place.UPLOAD, data_class=data_class)
        masked = self._inspector.mask(text, looked.of(Verdict.MASK, Verdict.ASK), known=known)
        known.update(masked.values)
        return masked.text

    def output(self, text: str, *, principal: str, resource: str, build: str = "") -> None:
        """What was written for an app, before it is put in place.

        Raises:
            SecretFound: it holds what must not be in an app.
            Unavailable, AuditUnavailable: see :meth:`words`.
        """
        looked = self._inspector.inspect(text, Place.OUTPUT, data_class=self._class_of(resource))
        if looked.verdict is Verdict.ALLOW:
            return
        details = details_of(Place.OUTPUT, looked.verdict, looked, Choice.NONE) | ({"build": build} if build else {})
        with act(self._audit, Event.TEXT_SCREENED, principal=principal, resource=resource, details=details):
            found = looked.of(Verdict.BLOCK, Verdict.ASK)
            if found:
                message = f"The app would hold {in_words(found)}, so it was not put in place."
                raise SecretFound(
                    message,
                    pieces=(),
                    findings=found,
                    action="Take it out of your words or the blueprint; apps get secrets from their operator.",
                )

    # --- what placeholders stand for -----------------------------------------------------------------------------

    def keep(self, app: str, actor: Actor, cleared: Cleared) -> None:
        """Remember for an app what its placeholders stand for: sealed, by reference.

        Raises:
            AuditUnavailable: it cannot be kept.
        """
        fresh = {name: value for name, value in cleared.values.items() if self.values_of(app).get(name) != value}
        if not fresh:
            return
        ref = self._vault.seal(json.dumps(fresh).encode(), subject=actor.person.subject, kind=BodyKind.PROMPT)
        with self._lock:
            path = self._folder(app) / "placeholders.json"
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            refs = [*self._refs(path), ref.as_details()][-MAX_REFS:]
            new = path.with_suffix(".new")
            new.write_text(json.dumps(refs), encoding="utf-8")
            new.replace(path)
            self._known.pop(app, None)

    def values_of(self, app: str) -> dict[str, str]:
        """What the placeholders of an app stand for; those of an erased person stand for nothing any more."""
        with self._lock:
            if app not in self._known:
                found: dict[str, str] = {}
                for told in self._refs(self._folder(app) / "placeholders.json"):
                    ref = SealedRef(**{name: str(told[name]) for name in ("kind", "subject", "digest", "address")})
                    try:
                        found |= json.loads(self._open(ref))
                    except IntramuralError:  # erased, or let go by retention: the placeholder stays one
                        continue
                self._known[app] = found
                while len(self._known) > MAX_REMEMBERED:
                    self._known.popitem(last=False)
            return dict(self._known[app])

    def told(self, app: str, text: str) -> str:
        """``text`` as its maker wrote it, with the values in place of the placeholders; for the maker's eyes only."""
        return restore(text, self.values_of(app)) if "<" in text else text

    def erase(self, subject: str) -> dict[str, int]:  # noqa: ARG002 - whose values these are is not known here
        """After an erasure, look again: implements ``PersonalRecords``; the values went with the person's key."""
        with self._lock:
            self._known.clear()
        return {}

    @staticmethod
    def _refs(path: Path) -> list[dict[str, object]]:
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return []
        return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []

    # --- refusing ------------------------------------------------------------------------------------------------

    @staticmethod
    def _refuse(words: str, open_: list[Finding], verdict: Verdict, choice: Choice) -> None:
        if verdict is Verdict.BLOCK:
            found = tuple(one for one in open_ if one.verdict is Verdict.BLOCK)
            message = f"Your words hold {in_words(found)}. That must not be sent."
            raise SecretFound(
                message,
                pieces=in_context(words, found),
                findings=found,
                action="Take it out and send your words again; the app can be told later where to get it.",
            )
        if verdict is Verdict.ASK and choice is Choice.NONE:
            found = tuple(one for one in open_ if one.verdict is Verdict.ASK)
            message = f"Your words hold {in_words(found)}."
            raise AskFirst(
                message,
                pieces=in_context(words, found),
                findings=found,
                action="Mask it, send it as it is, or change your words.",
            )

    @staticmethod
    def _refuse_columns(looked: Mapping[str, Inspection], verdict: Verdict, what: str) -> None:
        found = tuple(one for looked_at in looked.values() for one in looked_at.of(verdict))
        names = [name for name, looked_at in looked.items() if looked_at.of(verdict)]
        where = ", ".join(f"“{name}”" for name in names[:6])
        pieces = tuple(Piece(name, "") for name in names)
        table = what == "table"
        message = f"The {what} holds {in_words(found)}" + (f", in {where}." if table else ".")
        if verdict is Verdict.BLOCK:
            action = "Leave that column out, or take it out of the file." if table else f"Take it out of the {what}."
            raise SecretFound(message, pieces=pieces, findings=found, action=action)
        action = (
            f"Mask it, {'import' if table else 'use'} it as it is, or {'leave the column' if table else 'take it'} out."
        )
        raise AskFirst(message, pieces=pieces, findings=found, action=action)


def details_of(place: Place, verdict: Verdict, looked: Inspection, choice: Choice) -> dict[str, object]:
    """What the audit log is told: kinds and counts, never a value."""
    return {
        "place": place.value,
        "verdict": verdict.word,
        "kinds": looked.counts(),
        "dlp_policy": looked.policy,
        "choice": choice.value or None,
    }
