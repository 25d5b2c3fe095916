"""What comes out of a build, for the maker, the terminal and a script: the same wherever it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.db.records import Origin
from appliance.studio.errors import NotVerified

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.db.records import Build, Project
    from appliance.studio.addresses import Addresses
    from appliance.verifier.model import Verification


def build_report(
    project: Project, addresses: Addresses, *, version: int, stages: Mapping[str, float], tokens: Mapping[str, int]
) -> dict[str, object]:
    """The report of a build that made ``version``; ``stages`` are seconds. Only verified versions are ever made."""
    return {
        "app_url": addresses.app(project.slug or ""),
        "studio_url": f"{addresses.studio}/apps/{project.id}",
        "name": project.name,
        "version": version,
        "stages": {name: round(seconds, 3) for name, seconds in stages.items()},
        "verified": True,
        "tokens": dict(tokens),
    }


def summary_of(build: Build) -> str:
    """What a version is called after: the words it was asked for with."""
    text = "Blueprint edited" if build.origin is Origin.BLUEPRINT else build.request
    return " ".join(text.split())[:200]


def not_verified(result: Verification) -> NotVerified:
    """A version that did not pass its checks, in words."""
    first = result.findings[0].message if result.findings else "a check failed"
    count = len(result.findings)
    message = "The app was written, but it did not pass its checks, so it was not put in place."
    return NotVerified(
        message,
        cause=first if count <= 1 else f"{first} (and {count - 1} more)",
        action="Say it in other words, ask for less at once, or correct the blueprint.",
    )
