"""Ready-made apps of real internal work: each a blueprint with example rows, to start from in seconds.

A template is a file ``templates/<name>.app``: two comment lines, ``# category: …`` and ``# keywords: …``, then the
blueprint. To add one, add a file; the tests find it, build it and open every page of it as every role.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from appliance.blueprint.parser import parse

_ICONS: Final = {
    "People": "people",
    "Things": "box",
    "Office": "screen",
    "Safety": "shield",
    "Quality": "check",
    "IT": "code",
    "Money": "table",
    "Work": "check",
    "Sales": "people",
    "Education": "people",
    "Communication": "screen",
    "Property": "home",
    "Research": "box",
    "Club": "people",
}


@dataclass(frozen=True, slots=True)
class Template:
    """One template; ``keywords`` are words by which a request for it is recognised, in four languages."""

    slug: str
    name: str
    category: str
    about: str
    keywords: tuple[str, ...]
    icon: str
    blueprint_text: str


@cache
def templates() -> tuple[Template, ...]:
    """All templates, by category and name.

    Raises:
        BlueprintError: a template that is no blueprint (found by the tests, not in the field).
    """
    folder = resources.files("appliance.gallery") / "templates"
    found = [
        _read(entry.name.removesuffix(".app"), entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".app")
    ]
    return tuple(sorted(found, key=lambda item: (item.category, item.name)))


def _read(slug: str, text: str) -> Template:
    lines = text.splitlines()
    notes = dict(line.removeprefix("# ").split(": ", 1) for line in lines if line.startswith("# "))
    body = "".join(f"{line}\n" for line in lines if not line.startswith("#"))
    blueprint = parse(body)
    keywords = tuple(word.strip() for word in notes["keywords"].split(","))
    category = notes["category"]
    return Template(slug, blueprint.name, category, blueprint.about, keywords, _ICONS.get(category, "screen"), body)
