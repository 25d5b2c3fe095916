"""What a verification finds: the findings, the leaves read on the way, and the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.audit.errors import LeafRefused
from appliance.audit.intents import OpenIntent, open_intent
from appliance.audit.leaf import Leaf, LeafReader
from appliance.core.ports import LeafRef

MAX_FINDINGS: Final = 100


@dataclass(frozen=True)
class Finding:
    """Something that is not as it was written. ``first`` and ``last`` are leaf indexes, None where it is not a leaf."""

    place: str
    problem: str
    first: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        if self.first is None:
            return f"{self.place}: {self.problem}"
        leaves = f"leaf {self.first}" if self.first == self.last else f"leaves {self.first} to {self.last}"
        return f"{leaves}, {self.place}: {self.problem}"


@dataclass(frozen=True)
class VerificationReport:
    """The verdict. The checkpoint covers ``published`` leaves; signed batches after it cover ``journaled`` more."""

    origin: str
    published: int
    journaled: int
    root: str
    outcomes: int
    unfinished: tuple[OpenIntent, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def size(self) -> int:
        """All leaves."""
        return self.published + self.journaled


class Findings:
    """Collects up to 100 findings of each kind; whoever changed more has made the point."""

    def __init__(self) -> None:
        self._changed: list[Finding] = []
        self._meaning: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Something that is not as it was written."""
        if len(self._changed) < MAX_FINDINGS:
            self._changed.append(finding)

    def add_meaning(self, finding: Finding) -> None:
        """A leaf that makes no sense, whoever wrote it; often a consequence of a change."""
        if len(self._meaning) < MAX_FINDINGS:
            self._meaning.append(finding)

    def all(self) -> tuple[Finding, ...]:
        """Changes first, each kind in the order in which it was found."""
        return (*self._changed, *self._meaning)


class LeafChecker:
    """Reads leaves in order and matches outcomes with intents."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._reader = LeafReader()
        self._open: dict[int, tuple[LeafRef, Leaf]] = {}
        self.outcomes = 0
        self.pruned = 0
        """Leaves below this index may be missing, and with them the intents of later outcomes."""

    def unfinished(self) -> tuple[OpenIntent, ...]:
        """Intents without outcome so far."""
        return tuple(open_intent(ref, leaf) for ref, leaf in self._open.values())

    def read(self, start: int, entries: Sequence[bytes], hashes: Sequence[bytes]) -> None:
        """Check the leaves from index ``start`` on; ``hashes`` are their leaf hashes."""
        for index, (entry, one) in enumerate(zip(entries, hashes, strict=False), start):
            try:
                leaf = self._reader.read(entry)
            except LeafRefused as error:
                self._findings.add_meaning(Finding("entry", error.cause, index, index))
                continue
            if leaf.intent is None:
                self._open[index] = (LeafRef(index, one.hex()), leaf)
                continue
            self.outcomes += 1
            ref, begun = self._open.pop(leaf.intent.index, (None, leaf))
            if ref is None and leaf.intent.index < self.pruned:
                continue
            if ref != leaf.intent:
                self._findings.add_meaning(
                    Finding("entry", f"an outcome without an open intent at {leaf.intent.index}", index, index)
                )
            elif (leaf.event, leaf.principal, leaf.resource) != (begun.event, begun.principal, begun.resource):
                self._findings.add_meaning(
                    Finding("entry", f"an outcome unlike its intent at {leaf.intent.index}", index, index)
                )
