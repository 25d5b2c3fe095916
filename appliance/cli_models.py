"""``intramural models``: what lies on this machine, which one runs, asking for another one, and converting one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import ModelBars, Terminal
from model_bundle.errors import ModelBundleError


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


@models.command()
@click.option("--device", type=click.Choice(["cpu", "cuda"]), required=True, help="What it is to run on.")
@click.option("--source", type=click.Path(path_type=Path), help="The default model's GGUF file, if it is at hand.")
def convert(device: str, source: Path | None) -> None:
    """Convert the default model for a device; it runs when it was switched to. Nothing that runs now is touched."""
    from model_bundle.build.default_model import prepare_bundle  # noqa: PLC0415 - keeps the other commands quick
    from model_bundle.build.distribution import CUDA_MODEL, DEFAULT_MODEL  # noqa: PLC0415
    from model_bundle.build.obtain import offer  # noqa: PLC0415

    home = load_settings().home
    model = CUDA_MODEL if device == "cuda" else DEFAULT_MODEL
    terminal = Terminal()
    try:
        if source is not None:
            offer(model, home / "downloads", source)
        with ModelBars(terminal) as bars:
            bundle = prepare_bundle(model, home / "bundles", home / "downloads", home / "keys", on_progress=bars.at)
    except ModelBundleError as error:
        terminal.error(error.message, error.cause, error.action)
        sys.exit(2)
    click.echo(f"{bundle.directory.name} is in {bundle.directory.parent}. To run it:")
    click.echo(f"intramural models switch {bundle.directory.name} --reason …")
    if device == "cuda":
        click.echo(
            "and model.device = cuda in config.toml (docs/inference.md). It has not been run on CUDA by its makers."
        )


def _ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        return LocalApi(load_settings().home).ask(method, path, body)
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
