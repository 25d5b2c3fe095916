"""Reading the log: search, one entry with its proof, how a version of an app came to be. Every look is an act itself.

Nothing is shown before the log holds who looks. Reads go to published files through a :class:`LogView` of their own, so
writing never waits for them, and every entry is compared with the tree on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from appliance.audit.errors import BodyDamaged, BodyGone, ProofError
from appliance.audit.export.archive import sealed_refs
from appliance.audit.export.errors import ExportRefused
from appliance.audit.lineage import Lineage, lineage_of
from appliance.audit.merkle import verify_inclusion
from appliance.audit.tiles import WIDTH
from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Event, Outcome
from appliance.core.ports import BodyKind

if TYPE_CHECKING:
    from appliance.audit.export.view import Entry, LogView
    from appliance.audit.privacy import Privacy
    from appliance.core.ports import AuditSink, SealedRef

PAGE: Final = 25
MAX_SCANNED: Final = 50_000
MAX_OPENED: Final = 50
"""Sealed bodies that one search opens; each opening is an act with an fsync of its own."""
MAX_WORDS: Final = 200
_READABLE: Final = frozenset({BodyKind.PROMPT.value, BodyKind.BLUEPRINT.value, BodyKind.TRANSCRIPT.value})


class SearchRefused(Refused):
    """A search without a purpose where one is needed, or one that is too long."""

    code = "search_refused"


@dataclass(frozen=True)
class Search:
    """What is looked for; empty: anything. ``person`` is part of a principal or of who was
    let in, ``apps`` are identifiers, ``text`` stands
    in words under seal, which are opened for ``purpose``. ``before`` is where the page before ended."""

    person: str = ""
    apps: frozenset[str] = frozenset()
    event: str = ""
    first: datetime | None = None
    last: datetime | None = None
    text: str = ""
    purpose: str = ""
    before: int | None = None

    def told(self) -> dict[str, object]:
        """For the log. The words looked for are left out: they are somebody's, and could not be erased here."""
        return {
            "person": self.person,
            "apps": sorted(self.apps)[:20],
            "event": self.event,
            "first": "" if self.first is None else self.first.isoformat(),
            "last": "" if self.last is None else self.last.isoformat(),
            "words": "given" if self.text else "",
        }

    def admits(self, entry: Entry) -> bool:
        """Whether an entry fits, words apart."""
        leaf = entry.leaf
        named = (leaf.principal, str(leaf.details.get("member", "")))
        if not any(self.person.casefold() in name.casefold() for name in named):
            return False
        if self.event and leaf.event != self.event:
            return False
        if (self.first is not None and leaf.time < self.first) or (self.last is not None and leaf.time >= self.last):
            return False
        return not self.apps or bool(self.apps & {leaf.resource, str(leaf.details.get("app", ""))})


@dataclass(frozen=True)
class Found:
    """A page of results, newest first. ``following`` continues the search; None: everything was looked at."""

    entries: tuple[Entry, ...]
    following: int | None
    opened: int
    absent: int


@dataclass(frozen=True)
class Looked:
    """An entry, whether it is proven to be in the log of ``size`` entries, and the other half of its act."""

    entry: Entry
    proof: tuple[bytes, ...]
    verified: bool
    size: int
    root: bytes
    partner: Entry | None
    sealed: tuple[SealedRef, ...]


@dataclass(frozen=True)
class Body:
    """Words from under the seal, or why there are none."""

    ref: SealedRef
    text: str
    absent: str = ""


class AuditReader:
    """For controllers; safe for threads. ``principal`` is whoever looks; whether they may is decided before."""

    def __init__(self, open_view: Callable[[], LogView], audit: AuditSink, privacy: Privacy) -> None:
        """``open_view`` gives the log up to the newest entry."""
        self._open_view, self._audit, self._privacy = open_view, audit, privacy

    def search(self, wanted: Search, *, principal: str) -> Found:
        """One page of what fits.

        Raises:
            SearchRefused: words are looked for without a purpose, or too many of them.
            AuditUnavailable: the search cannot be recorded, or the log cannot be read.
        """
        if wanted.text and not wanted.purpose.strip():
            raise _without_purpose()
        if max(len(wanted.text), len(wanted.purpose), len(wanted.person), len(wanted.event)) > MAX_WORDS:
            raise SearchRefused("That is too long to search for.", action=f"Use up to {MAX_WORDS} characters.")
        view = self._open_view()
        details: dict[str, object] = {"filters": wanted.told(), "purpose": wanted.purpose or None}
        with self._act(Event.AUDIT_SEARCHED, principal, details) as outcome:
            found = self._search(view, wanted, principal)
            outcome.update(found=len(found.entries), opened=found.opened)
        return found

    def entry(self, index: int, *, principal: str) -> Looked:
        """One entry.

        Raises:
            ExportRefused: there is none, or it was pruned.
            AuditUnavailable: the look cannot be recorded, or the entry is not as it was written.
        """
        view = self._open_view()
        view.require(index, index + 1)
        with self._act(Event.AUDIT_VIEWED, principal, {"entry": index}):
            entry = view.entry(index)
            proof = view.proof(index)
            try:
                verify_inclusion(entry.hash, index, view.size, proof, view.checkpoint.root)
                verified = True
            except ProofError:
                verified = False
            refs = tuple(sealed_refs(entry))
            return Looked(entry, proof, verified, view.size, view.checkpoint.root, _partner(view, entry), refs)

    def bodies(self, index: int, *, principal: str, purpose: str) -> tuple[Body, ...]:
        """The readable words that an entry names, each opened as an act of its own.

        Raises:
            SearchRefused: no purpose is given.
            ExportRefused, AuditUnavailable: see :meth:`entry`.
        """
        if not purpose.strip():
            raise _without_purpose()
        refs = [ref for ref in sealed_refs(self._open_view().entry(index)) if ref.kind in _READABLE]
        return tuple(self._opened(ref, principal, purpose) for ref in refs)

    def lineage(self, app: str, version: int, *, principal: str) -> Lineage:
        """How a version came to be, and who opened it.

        Raises:
            ExportRefused: the log knows no such version.
            AuditUnavailable: the look cannot be recorded, or the log cannot be read.
        """
        view = self._open_view()
        with self._act(Event.AUDIT_VIEWED, principal, {"app": app, "version": version}):
            found = lineage_of(view, app, version)
            if found is None:
                message = "The log knows no such version."
                raise ExportRefused(message, action="Choose another one; its entries may have been pruned.")
            return found

    def _search(self, view: LogView, wanted: Search, principal: str) -> Found:
        below = view.size if wanted.before is None else max(view.minimum, min(wanted.before, view.size))
        found: list[Entry] = []
        opened = absent = scanned = 0
        for entry in _backwards(view, below):
            if len(found) == PAGE or scanned == MAX_SCANNED or opened >= MAX_OPENED:
                return Found(tuple(found), entry.index + 1, opened, absent)
            scanned += 1
            if not wanted.admits(entry):
                continue
            if wanted.text:
                refs = [ref for ref in sealed_refs(entry) if ref.kind in _READABLE]
                bodies = [self._opened(ref, principal, wanted.purpose) for ref in refs]
                opened, absent = opened + len(bodies), absent + sum(bool(body.absent) for body in bodies)
                if not any(wanted.text.casefold() in body.text.casefold() for body in bodies):
                    continue
            found.append(entry)
        return Found(tuple(found), None, opened, absent)

    def _opened(self, ref: SealedRef, principal: str, purpose: str) -> Body:
        try:
            opened = self._privacy.open_body(ref, principal=principal, purpose=purpose)
        except (BodyGone, BodyDamaged) as error:
            return Body(ref, "", f"{error.message} {error.cause}".strip())
        return Body(ref, opened.body.decode("utf-8", "replace"))

    @contextmanager
    def _act(self, event: Event, principal: str, details: dict[str, object]) -> Iterator[dict[str, object]]:
        intent = self._audit.intent(event, principal=principal, resource="audit", details=details)
        outcome: dict[str, object] = {}
        try:
            yield outcome
        except IntramuralError as error:
            result = Outcome.REFUSED if isinstance(error, Refused) else Outcome.FAILED
            self._audit.outcome(intent, result, details={"error": error.code})
            raise
        self._audit.outcome(intent, Outcome.DONE, details=outcome or None)


def _without_purpose() -> SearchRefused:
    message = "Sealed words are opened for a purpose only."
    return SearchRefused(message, action="Say what for; it is recorded for each of them.")


def _backwards(view: LogView, below: int) -> Iterator[Entry]:
    """Entries below an index, newest first, one bundle at a time."""
    while below > view.minimum:
        start = max(view.minimum, (below - 1) // WIDTH * WIDTH)
        yield from reversed(list(view.entries(start, below)))
        below = start


def _partner(view: LogView, entry: Entry) -> Entry | None:
    link = entry.leaf.intent
    if link is not None:
        return view.entry(link.index) if link.index >= view.minimum else None
    stop = min(view.size, entry.index + MAX_SCANNED)
    for other in view.entries(entry.index + 1, stop):
        if other.leaf.intent is not None and other.leaf.intent.index == entry.index:
            return other
    return None
