"""What comes out of a build, for the maker, the terminal and a script: the same wherever it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.db.records import Origin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from appliance.db.records import Build, Project
    from appliance.studio.addresses import Addresses


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
