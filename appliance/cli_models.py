"""``intramural models``: what lies on this machine, which one runs, and asking for another one."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import Terminal


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def models(context: click.Context, *, as_json: bool) -> None:
    """Model bundles on this machine, from the running appliance."""
    if context.invoked_subcommand is not None:
        return
    told = _ask("GET", "/api/models")
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    for one in told["models"]:
        mark = "runs now" if one["running"] else one["trouble"]
        click.echo(f"{one['folder']:40} {one['digest'][:16]:18}{one['bytes'] / 1e6:>8,.0f} MB  {mark}".rstrip())
    click.echo(f"State: {told['state']}. Chosen: {told['chosen']['folder'] if told['chosen'] else 'the newest'}.")
    if told["waiting"]:
        click.echo(f"Waits for an approval: {told['waiting']['title']}")


@models.command()
@click.argument("folder")
@click.option("--reason", required=True, help="What the reviewer is told.")
def switch(folder: str, reason: str) -> None:
    """Ask that the bundle in FOLDER runs; a reviewer approves in the studio."""
    told = _ask("POST", "/api/models", {"folder": folder, "reason": reason})
    click.echo(f"{told['title']}: waits for an approval.\n{told['url']}")


def _ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return LocalApi(load_settings().home).ask(method, path, body)
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
