"""``intramural contract``: an API contract to a running app that serves it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import Terminal


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("description", default="")
@click.option("--name", default="", help="Name of the app; default: the contract's title.")
@click.option("--look", is_flag=True, help="Only say what the contract would become.")
@click.option("--json", "as_json", is_flag=True, help="Print what it becomes, and the report, as one JSON object.")
@click.option(
    "--sensitive",
    type=click.Choice(["mask", "send"]),
    help="What to do about card numbers and the like in FILE, if the policy asks.",
)
def contract(file: Path, description: str, *, name: str, look: bool, as_json: bool, sensitive: str | None) -> None:
    """Build an app that serves the OpenAPI contract in FILE; the appliance must be running."""
    terminal = Terminal()
    try:
        sent = {"contract": _text(file), "about": description, "name": name, "look": look, "sensitive": sensitive or ""}
        api = LocalApi(load_settings().home)
        answer = api.ask("POST", "/api/contracts", sent)
        if not as_json:
            _tell(terminal, answer)
        if not look:
            last: dict[str, Any] = {}
            for event in api.follow(answer["build"]):
                if not as_json:
                    terminal.event(event)
                last = event
            answer["report"] = last.get("report") or {"verified": False, "error": last.get("error")}
    except IntramuralError as error:
        terminal.error(error.message, error.cause, error.action)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
    elif not look and answer["report"].get("verified"):
        terminal.say(f"\nYour app is running: {answer['report']['app_url']} (API below {answer['base'] or '/'})")
        terminal.say(f"Studio: {answer['report']['studio_url']}")
    sys.exit(0 if look or answer["report"].get("verified") else 1)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read as text."
        raise IntramuralError(message, cause=str(error), action="Save it as UTF-8.") from error


def _tell(terminal: Terminal, answer: dict[str, Any]) -> None:
    terminal.say(f"{answer['name']}: {', '.join(answer['entities'])}")
    for one in answer["operations"]:
        what = f"not served: {one['why']}" if one["why"] else f"{one['does']} {one['entity']}".rstrip()
        terminal.say(f"  {one['operation']}: {what}")
    for note in answer["left_out"]:
        terminal.say(f"  - {note['where']}: {note['text']}" if note["where"] else f"  - {note['text']}")
