"""The modules that put an app together: ``app.py``, ``__main__.py``, ``routes/``, ``examples.py``."""

from __future__ import annotations

from appliance.blueprint import naming
from appliance.blueprint.model import Entity
from appliance.codegen.emit.names import Names, plain


def app_module(names: Names, *, api: bool = False) -> str:
    """The text of ``app.py``; ``api``: the app has a contract to serve."""
    blueprint = names.blueprint
    imported, given = ("from .api import API\n", "\n    api=API,") if api else ("", "")
    return f'''"""{plain(blueprint.name)}, put together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .access import ACCESS, FIELDS
{imported}from .behaviour import BEHAVIOUR
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
    name={blueprint.name!r},
    about={blueprint.about!r},
    folder=Path(__file__).parent,
    roles={tuple(blueprint.roles)!r},
    entities=ENTITIES,
    access=ACCESS,
    pages=PAGES,
    controllers=CONTROLLERS,
    examples=EXAMPLES,
    fields=FIELDS,
    behaviour=BEHAVIOUR,
    language={blueprint.language!r},{given}
)


def create_app(settings: Settings) -> Litestar:
    """The application, ready to serve."""
    return build(DEFINITION, settings)
'''


def main_module(names: Names) -> str:
    """The text of ``__main__.py``."""
    return f'''"""``python -m {names.package}``."""

from __future__ import annotations

import sys

from .kit.serve import main

if __name__ == "__main__":
    sys.exit(main({names.package!r}))
'''


def route_module(names: Names, entity: Entity) -> str:
    """The text of ``routes/<entity>.py``."""
    noun = plain(names.plural(entity.name))
    constant = names.constants[entity.name]
    return f'''"""Addresses of {noun}, below ``/{naming.slug(entity.name)}``."""

from __future__ import annotations

from ..kit.controller import RecordController
from ..models import {constant}


class {names.classes[entity.name]}Controller(RecordController):
    """{noun}: list, export, add, look at, change, delete. Addresses of its own may be added here."""

    entity = {constant}
'''


def routes_index(names: Names) -> str:
    """The text of ``routes/all.py``."""
    imports = sorted(
        f"from .{names.modules[entity.name]} import {names.classes[entity.name]}Controller"
        for entity in names.blueprint.entities
    )
    listed = ", ".join(f"{names.classes[entity.name]}Controller" for entity in names.blueprint.entities)
    return (
        '"""Every controller of the app."""\n\nfrom __future__ import annotations\n\n'
        + "\n".join(imports)
        + f"\n\nCONTROLLERS = ({listed},)\n"
    )


def examples_module(names: Names) -> str:
    """The text of ``examples.py``."""
    blueprint = names.blueprint
    lines = []
    for example in blueprint.examples:
        entity = blueprint.entity(example.entity)
        pairs = ", ".join(
            f"{naming.identifier(item.name)!r}: {value!r}"
            for item, value in zip(entity.fields, example.values, strict=False)
            if value is not None
        )
        lines.append(f"    (models.{names.constants[example.entity]}, {{{pairs}}}),\n")
    imports = (
        "from . import models\nfrom .kit.records import Entity\n" if lines else "from .kit.records import Entity\n"
    )
    return (
        '"""Rows for an empty database, loaded when APP_LOAD_EXAMPLES=1; a reference is the name of a row."""\n\n'
        "from __future__ import annotations\n\n"
        + imports
        + "\nEXAMPLES: tuple[tuple[Entity, dict[str, object]], ...] = (\n"
        + "".join(lines)
        + ")\n"
    )
