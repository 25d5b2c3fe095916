"""The files around the package: ``pyproject.toml``, README, licence of what is shipped, icon and colours."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

from appliance.blueprint import naming
from appliance.blueprint.model import Verb
from appliance.codegen.emit import api_readme, behaviour_readme, deployment
from appliance.codegen.emit.names import Names, plain

if TYPE_CHECKING:
    from appliance.contract.binding import Binding

_COLOURS: Final = {
    "blue": 255,
    "teal": 195,
    "green": 150,
    "amber": 75,
    "orange": 50,
    "red": 25,
    "pink": 355,
    "purple": 305,
    "grey": 255,
}
"""Hues (OKLCH degrees) of the accents that a blueprint can name."""
_GREY: Final = """:root {
  --accent: oklch(0.45 0.02 255); --accent-strong: oklch(0.36 0.02 255); --accent-soft: oklch(0.94 0.01 255);
}
@media (prefers-color-scheme: dark) {
  :root { --accent: oklch(0.78 0.02 255); --accent-strong: oklch(0.86 0.02 255); --accent-soft: oklch(0.3 0.01 255); }
}
"""

_HUES: Final = (255, 285, 200, 165, 235, 305)
"""Accent hues (OKLCH degrees) with enough contrast in ``kit.css``; no red, which means danger."""


TEMPLATES_NOTE: Final = """# Templates of this app

A file here replaces the kit's template of the same name (`../kit/templates`): copy one and change it.
`home.html` is the start page of somebody who may open no page; `layout.html` is the frame of every page.
"""


def pyproject(names: Names, *, api: bool = False) -> str:
    """The text of ``pyproject.toml``; ``api``: the app serves a contract."""
    pydantic = '    "pydantic>=2.12,<3",\n' if api else ""
    about = " ".join((names.blueprint.about or names.blueprint.name).split()).replace("\\", "/").replace('"', "'")
    return f'''[build-system]
requires = ["hatchling>=1.28,<2"]
build-backend = "hatchling.build"

[project]
name = "{names.package.replace("_", "-")}"
version = "0.1.0"
description = "{about}"
readme = "README.md"
requires-python = ">=3.11"
dependencies = [
    "cryptography>=50,<60",
    "jinja2>=3.1,<4",
    "litestar>=2.25,<3",
{pydantic}    "pyjwt>=2.15,<3",
    "sqlalchemy>=2.1,<2.2",
    "sqlmodel>=0.0.50,<0.1",
    "uvicorn>=0.54,<1",
]

[project.optional-dependencies]
dev = ["httpx>=0.28,<1", "mypy>=2.4,<3", "pytest>=9.2,<10", "ruff>=0.17,<1"]
oidc = ["authlib>=1.6,<2", "httpx>=0.28,<1"]
postgresql = ["psycopg[binary]>=3.2,<4"]

[tool.hatch.build.targets.wheel]
packages = ["{names.package}"]

[tool.pytest.ini_options]
testpaths = ["tests"]

[tool.ruff]
line-length = 120
target-version = "py311"

[tool.ruff.lint]
select = ["E", "F", "W", "I", "UP", "B", "C4", "PIE", "RET", "SIM", "RUF"]
ignore = [
    "E501",  # the formatter breaks lines; what it leaves are long texts
    "RUF001", "RUF002", "RUF003",  # names of records may be in any language
    "SIM300",  # comparisons stand as they stand in the blueprint
]

[tool.ruff.lint.isort]
known-first-party = ["{names.package}"]

[tool.ruff.lint.per-file-ignores]
"*/kit/*" = ["RUF100"]  # the kit is also checked under stricter rules, whose exceptions it names

[tool.mypy]
python_version = "3.11"
packages = ["{names.package}"]
strict = true

[[tool.mypy.overrides]]
module = ["authlib.*"]
ignore_missing_imports = true
'''


def readme(names: Names, binding: Binding | None = None) -> str:
    """The text of ``README.md``; ``binding``: the contract that the app serves."""
    blueprint = names.blueprint
    records = "\n".join(
        f"- **{entity.name}**: {', '.join(names.label(item).lower() for item in entity.fields)}"
        for entity in blueprint.entities
    )
    pages = "\n".join(f"- {page.title}" for page in blueprint.pages) or "- one list for each kind of record"
    return f"""# {blueprint.name}

{blueprint.about}

## Run it

    pip install .
    python -m {names.package}

It listens on <http://127.0.0.1:8000>, prints a sign-in link for the owner and keeps everything in `./data`.
`APP_LOAD_EXAMPLES=1` fills an empty database with examples. PostgreSQL: `pip install '.[postgresql]'` and
`APP_DATABASE_URL=postgresql+psycopg://…`.

{deployment.readme_section(names)}
## What it keeps

{records}

## Pages

{pages}

{behaviour_readme.section(names)}{api_readme.section(binding)}## Who may do what

{access_table(names)}
{behaviour_readme.field_table(names)}
The app's owner may do everything. Whatever is not in the table is refused. "own" means records that the person added
or is named in.

## Change it

- `{names.package}/models.py`: the records; `access.py`: the table above; `pages.py`: the navigation;
  `logic.py`: conditions and computed values; `behaviour.py`: rules, actions, marks, reminders;
  `routes/`: addresses; `examples.py`: example rows.
- `{names.package}/templates/` and `static/` come before the kit's: a file of the same name replaces it.
- `{names.package}/kit/`: lists, forms, sign-in and so on; the same in every app.
- `blueprint.app`: the description from which all this was generated.
- Check: `pip install '.[dev]'`, then `pytest`, `ruff check`, `mypy`.
"""


def access_table(names: Names) -> str:
    """Markdown: one line per kind of record, one column per role."""
    blueprint = names.blueprint
    if not blueprint.roles:
        return "There are no roles: only the owner may use this app."
    lines = ["| | " + " | ".join(blueprint.roles) + " |", "|---" * (len(blueprint.roles) + 1) + "|"]
    for entity in blueprint.entities:
        cells = []
        for role in blueprint.roles:
            allowed = [found for verb in Verb if (found := blueprint.permission(entity.name, role, verb))]
            cells.append(", ".join(f"{item.verb} own" if item.own else item.verb.value for item in allowed) or "–")
        lines.append(f"| {entity.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def accent(names: Names) -> int:
    """The app's hue: that of its colour, else always the same for the same name."""
    if names.blueprint.colour in _COLOURS:
        return _COLOURS[names.blueprint.colour]
    return _HUES[zlib.crc32(names.blueprint.name.encode()) % len(_HUES)]


def app_css(names: Names) -> str:
    """The text of ``static/app.css``."""
    name = re.sub(
        r"[*/<>\\]", "", plain(names.blueprint.name)
    )  # it ends neither the comment nor a page's style element
    head = f"/* What makes {name} look like itself; loaded after kit.css. */\n"
    return f"{head}:root {{ --accent-hue: {accent(names)}; }}\n" + (_GREY if names.blueprint.colour == "grey" else "")


def icon(names: Names) -> str:
    """The text of ``static/icon.svg``: the first letters of the name on the app's colour."""
    chroma = "0.02" if names.blueprint.colour == "grey" else "0.15"
    letters = "".join(word[0] for word in naming.words(names.blueprint.name)[:2]).upper() or "A"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64" role="img">'
        f'<rect width="64" height="64" rx="15" fill="oklch(0.5 {chroma} {accent(names)})"/>'
        '<text x="32" y="42" font-family="system-ui, sans-serif" font-size="28" font-weight="700" '
        f'text-anchor="middle" fill="#fff">{letters}</text></svg>\n'
    )
