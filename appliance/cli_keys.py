"""``intramural keys``: keys of programs, for the operator on this machine. People make theirs in the studio."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group()
def keys() -> None:
    """Keys of programs that ask the model over the API."""


@keys.command()
@click.argument("service")
@click.option("--name", default="", help="What it is for; default: the service account's name.")
@click.option("--days", type=click.IntRange(1, 3650), default=None, help="How long it is valid; default: api.key_days.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(("models", "chat", "completions")), help="Default: all."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def create(*, service: str, name: str, days: int | None, scopes: tuple[str, ...], as_json: bool) -> None:
    """Make a key for the service account SERVICE and print its secret, this once."""
    wanted = {"service": service, "name": name, "scopes": list(scopes), "days": days or 0}
    made = _ask("POST", "/api/keys", wanted)
    if as_json:
        click.echo(json.dumps(made))
        return
    click.echo(made["secret"])
    click.echo(f"{made['key']['id']}, valid until {made['key']['expires_at'][:10]}. It is not shown again.", err=True)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_(*, as_json: bool) -> None:
    """Every key: whose it is, what for, until when, and when it was used last."""
    found = _ask("GET", "/api/keys")
    if as_json:
        click.echo(json.dumps(found))
        return
    for key in found["keys"]:
        used = (key["used_at"] or "never")[:10]
        facts = f"{key['state']:8} until {key['expires_at'][:10]}  used {used:10}  {','.join(key['scopes'])}"
        click.echo(f"{key['id']}  {key['prefix']}…  {facts}  {key['holder']}  {key['name']}")
    if not found["keys"]:
        click.echo("There are no keys. Make one: ./intramural keys create SERVICE")


@keys.command()
@click.argument("key")
def revoke(key: str) -> None:
    """End KEY (its identifier, as the list shows it) at once."""
    if not key.replace("_", "").isalnum():
        Terminal().error("That is no identifier of a key.", "", "See ./intramural keys list.")
        sys.exit(2)
    _ask("POST", f"/api/keys/{key}/revoke", {})
    click.echo(f"{key} is revoked.")


def _ask(method: str, path: str, content: Mapping[str, object] | None = None) -> dict[str, Any]:
    try:
        return LocalApi(load_settings().home).ask(method, path, content)
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
