"""``intramural export``: one app as an archive that runs without the appliance."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import Terminal


@click.command()
@click.argument("app")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The archive to write.")
def export(app: str, *, out: Path) -> None:
    """Write APP (its identifier or its address) with its records and history to one archive."""
    try:
        size = LocalApi(load_settings().home).export(app, out)
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
    click.echo(f"{out}: {size / 2**20:.1f} MiB. README.md in it says how to run the app.")
