"""The port for data loss prevention: what is found in a text, what the policy says of it, and placeholders for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Protocol


class Place(StrEnum):
    """Where a text comes from, or goes to."""

    PROMPT = "prompt"
    """Words of a maker, on their way to the model."""
    UPLOAD = "upload"
    """Cells and column names of a table, descriptions of an interface."""
    OUTPUT = "output"
    """What was written for an app: blueprint, code, example rows."""


class Verdict(IntEnum):
    """What is done about a finding; the highest of a text's findings counts for the text."""

    ALLOW = 0
    MASK = 1
    ASK = 2
    BLOCK = 3

    @property
    def word(self) -> str:
        """As policies and the audit log write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a text: characters ``start`` to ``end``, of a ``kind``, found by ``rule``. Never the value itself."""

    kind: str
    start: int
    end: int
    rule: str
    verdict: Verdict = Verdict.ALLOW


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in a text. ``policy`` is the SHA-256 of the rules and decisions that were asked, in hex."""

    findings: tuple[Finding, ...] = ()
    policy: str = ""

    @property
    def verdict(self) -> Verdict:
        """The strictest verdict."""
        return max((found.verdict for found in self.findings), default=Verdict.ALLOW)

    def of(self, *verdicts: Verdict) -> tuple[Finding, ...]:
        """The findings with one of these verdicts."""
        return tuple(found for found in self.findings if found.verdict in verdicts)

    def counts(self) -> dict[str, int]:
        """How many of each kind, for the audit log."""
        found: dict[str, int] = {}
        for one in self.findings:
            found[one.kind] = found.get(one.kind, 0) + 1
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Masked:
    """A text with placeholders, and what each stands for. ``values`` is as secret as what it holds: seal it."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


class Inspector(Protocol):
    """Looks for secrets and personal data. Safe for threads; offline; bounded in time by the length of the text."""

    def inspect(self, text: str, place: Place, *, data_class: str = "internal") -> Inspection:
        """What is in ``text``, and what the policy says of it there.

        Raises:
            Unavailable: the rules are not ready, so nothing may pass.
        """
        ...

    def mask(self, text: str, findings: tuple[Finding, ...], *, known: Mapping[str, str] | None = None) -> Masked:
        """``text`` with a placeholder for each finding, such as ``<PERSON_1>``.

        ``known`` are placeholders that stand already: the same value gets the same one, others go on counting.
        """
        ...

    def state(self) -> str:
        """A word for the operator: ``ok``, or why nothing can be taken in."""
        ...

    def rules_state(self) -> str:
        """``ok``, or why changed rules are not used; what was in force before is."""
        ...
