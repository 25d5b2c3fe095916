"""Visitor Sign-in, put together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .access import ACCESS, FIELDS
from .behaviour import BEHAVIOUR
from .examples import EXAMPLES
from .kit.application import build
from .kit.definition import Definition
from .models import ENTITIES
from .pages import PAGES
from .routes.all import CONTROLLERS

if TYPE_CHECKING:
    from litestar import Litestar

    from .kit.settings import Settings

DEFINITION = Definition(
    name="Visitor Sign-in",
    about="Who is in the building, whom they visit, and since when.",
    folder=Path(__file__).parent,
    roles=("Reception", "Host"),
    entities=ENTITIES,
    access=ACCESS,
    pages=PAGES,
    controllers=CONTROLLERS,
    examples=EXAMPLES,
    fields=FIELDS,
    behaviour=BEHAVIOUR,
    language="en",
)


def create_app(settings: Settings) -> Litestar:
    """The application, ready to serve."""
    return build(DEFINITION, settings)
