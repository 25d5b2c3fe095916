"""``intramural usage``: what people and departments used, from the running appliance."""

from __future__ import annotations

import json
import sys

import click

from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import Terminal


@click.command()
@click.option("--days", type=click.IntRange(1, 400), default=30, show_default=True)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def usage(*, days: int, as_csv: bool, as_json: bool) -> None:
    """Builds, wishes, API requests and tokens by department and person."""
    try:
        told = LocalApi(load_settings().home).ask("GET", f"/api/usage?days={days}")
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
    if as_json:
        click.echo(json.dumps({"days": told["days"], "rows": told["rows"]}, ensure_ascii=False))
    elif as_csv:
        click.echo(told["csv"], nl=False)
    elif not told["rows"]:
        click.echo(f"Nothing was asked for in the last {days} days.")
    else:
        click.echo(
            f"{'':36}{'builds':>8}{'done':>7}{'failed':>8}{'wishes':>8}{'requests':>10}{'tokens':>12}{'minutes':>9}"
        )
        for row in told["rows"]:
            name = f"  {row['name'] or row['subject']}" if row["subject"] else row["department"] or "No department"
            figures = f"{row['builds']:>8}{row['done']:>7}{row['failed']:>8}{row['wishes']:>8}{row['requests']:>10}"
            figures += f"{row['tokens']:>12,}"
            click.echo(f"{name[:35]:36}{figures}{row['seconds'] / 60:>9.1f}")
