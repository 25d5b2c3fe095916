"""Which addresses of an app may be opened without a session: the kiosks that its current blueprint names, no others.

The gate asks for each request. An address counts only as it is written: nothing is decoded, no path is made shorter, so
that what the gate lets through and what the app understands cannot differ.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from appliance.blueprint.errors import BlueprintError
from appliance.blueprint.model import PUBLIC
from appliance.blueprint.naming import slug
from appliance.blueprint.parser import parse
from appliance.blueprint.screens import KioskPage
from appliance.core.ports import Person

if TYPE_CHECKING:
    from collections.abc import Callable

SOMEBODY: Final = Person(PUBLIC, "", "")
"""Who stands at a kiosk, as the app is told."""
ROLES_AT_A_KIOSK: Final = (PUBLIC,)
_METHODS: Final = frozenset({"GET", "POST"})
_PREFIX: Final = "/kiosk/"
_LONGEST: Final = 200


def opens_to_everybody(blueprint: Callable[[], str], method: str, uri: str) -> bool:
    """Whether this request may pass without a session.

    Raises:
        NotBuiltYet: the app has no version.
    """
    path = uri.partition("?")[0]
    if method not in _METHODS or not path.startswith(_PREFIX) or len(path) > _LONGEST:
        return False
    return path.removeprefix(_PREFIX) in _slugs(blueprint())


@lru_cache(maxsize=64)
def _slugs(blueprint: str) -> frozenset[str]:
    try:
        pages = parse(blueprint).pages
    except BlueprintError:  # a version of an older language: whatever it was, it has no kiosk
        return frozenset()
    return frozenset(slug(page.title) for page in pages if isinstance(page, KioskPage))
