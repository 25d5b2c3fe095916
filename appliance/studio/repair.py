"""Deterministic repair: leave out the smallest part of a blueprint that a finding points at, and say so.

No model is asked. Only decoration is ever left out (examples, pages); entities, fields and access stay as asked.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from appliance.blueprint.naming import slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from appliance.blueprint.model import Blueprint
    from appliance.studio.parts import FindingResult


@dataclass(frozen=True, slots=True)
class Repaired:
    """A smaller blueprint, and the sentence that tells the maker what was left out."""

    blueprint: Blueprint
    explanation: str


def signature(findings: Sequence[FindingResult]) -> str:
    """What the findings say, as one value: equal signatures mean that a repair changed nothing."""
    text = "\n".join(sorted(finding.message for finding in findings))
    return hashlib.sha256(text.encode()).hexdigest()


def repair(blueprint: Blueprint, findings: Sequence[FindingResult]) -> Repaired | None:
    """A blueprint without the part at fault, or None when the findings point at nothing that may be left out."""
    text = "\n".join(finding.message for finding in findings).lower()
    if blueprint.examples and "example" in text:
        return Repaired(replace(blueprint, examples=()), "The example records did not fit, so I left them out.")
    bad = tuple(page for page in blueprint.pages if f"/pages/{slug(page.title)}" in text)
    if bad and len(bad) < len(blueprint.pages):
        names = ", ".join(f"“{page.title}”" for page in bad)
        kept = tuple(page for page in blueprint.pages if page not in bad)
        return Repaired(replace(blueprint, pages=kept), f"The page {names} did not work, so I left it out.")
    return None
