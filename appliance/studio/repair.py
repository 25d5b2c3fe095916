"""Deterministic repair: leave out the smallest part of a blueprint that a finding points at, and say so.

No model is asked. Only what can be spared is ever left out (example records, one of several pages); entities, fields
and access stay as asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.model import Blueprint
    from appliance.verifier.model import Finding

Signature = frozenset[tuple[str, str, str, str]]


@dataclass(frozen=True, slots=True)
class Repaired:
    """A smaller blueprint, and the sentence that tells the maker what was left out."""

    blueprint: Blueprint
    explanation: str


def signature(findings: Sequence[Finding]) -> Signature:
    """What the findings say, as one value: when it comes back, a repair changed nothing."""
    return frozenset(finding.signature for finding in findings)


def repair(blueprint: Blueprint, findings: Sequence[Finding]) -> Repaired | None:
    """A blueprint without the part at fault, or None when the findings point at nothing that can be spared."""
    if blueprint.examples and any("example" in f"{finding.code} {finding.detail}".lower() for finding in findings):
        return Repaired(replace(blueprint, examples=()), "The example records did not fit, so I left them out.")
    subjects = {finding.subject for finding in findings}
    bad = tuple(page for page in blueprint.pages if page.title in subjects)
    if bad and len(bad) < len(blueprint.pages):
        names = ", ".join(f"“{page.title}”" for page in bad)
        kept = tuple(page for page in blueprint.pages if page not in bad)
        left_out = f"The page {names} did not work, so I left it out."
        return Repaired(replace(blueprint, pages=kept), left_out)
    return None
