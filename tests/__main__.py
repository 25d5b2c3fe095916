"""``intramural test``, ``check`` and ``bench``: the daily commands of whoever works on the project."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import click

from appliance.core.settings import default_home
from appliance.demo.terminal import ModelBars, Terminal
from installer.keycloak import KeycloakMissing
from installer.preflight import TEST, MissingPackages, require
from model_bundle.build.default_model import prepare_default_bundle
from model_bundle.errors import ModelBundleError
from tests.fixtures.keycloak_server import prepare

ROOT = Path(__file__).parent.parent


def run(*command: str) -> int:
    """Run a command of the development environment in the project's root."""
    tool = Path(sys.executable).parent / command[0]
    argv = [str(tool) if tool.exists() else command[0], *command[1:]]
    return subprocess.run(argv, cwd=ROOT, check=False).returncode


@click.group()
def main() -> None:
    """Development commands."""


@main.command()
def check() -> None:
    """Format, lint, types and import contracts; a few seconds."""
    commands = (
        ("ruff", "format", "--check", "."),
        ("ruff", "check", "."),
        ("mypy",),
        ("lint-imports",),
    )
    failed = [" ".join(command) for command in commands if run(*command) != 0]
    if failed:
        click.echo(f"Failed: {', '.join(failed)}", err=True)
        sys.exit(1)


def prepare_model() -> None:
    """The real default model, where the demo has it too; made when it is not there yet."""
    home = default_home(os.environ)
    try:
        with ModelBars(Terminal()) as bars:
            prepare_default_bundle(home / "bundles", home / "downloads", home / "keys", bars.at)
    except ModelBundleError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def test(arguments: tuple[str, ...]) -> None:
    """Every test, on a machine without a GPU; ARGUMENTS go to pytest."""
    started = time.monotonic()
    try:
        require(TEST, lambda text: click.echo(text, err=True))
    except MissingPackages as error:
        click.echo(f"{error.message}\nWhat to do: {error.action}", err=True)
        sys.exit(2)
    prepare_model()
    try:
        prepare(lambda text: click.echo(text, err=True))
    except KeycloakMissing as error:
        click.echo(f"{error.message}\nCause: {error.cause}\nWhat to do: {error.action}", err=True)
        sys.exit(2)
    prepared = time.monotonic()
    code = subprocess.run(
        # A file stays with one worker: its tests share apps, browsers and the model that its fixtures start.
        [sys.executable, "-m", "pytest", "-q", "-ra", "--durations=12", "-n2", "--dist=loadfile", *arguments],
        cwd=ROOT,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    ).returncode
    click.echo(
        f"Set-up (packages, model, Keycloak) {prepared - started:.0f} s, tests {time.monotonic() - prepared:.0f} s"
    )
    sys.exit(code)


BENCHMARKS = {
    "accessibility": "bench_accessibility.py",
    "custom": "bench_custom.py",
    "demo": "bench_demo.py",
    "dlp": "bench_dlp.py",
    "blueprint": "bench_blueprint.py",
    "inference": "bench_inference.py",
    "injection": "bench_injection.py",
    "jsonschema": "bench_jsonschema.py",
    "gallery": "bench_gallery.py",
    "precision": "bench_bundle_precision.py",
    "audit": "bench_audit.py",
    "authz": "bench_authz.py",
    "export": "bench_export.py",
    "functions": "bench_functions.py",
    "import": "bench_import.py",
    "language": "bench_language.py",
    "load": "bench_load.py",
    "revisions": "bench_revisions.py",
}


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("name", type=click.Choice(sorted(BENCHMARKS)))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def bench(name: str, arguments: tuple[str, ...]) -> None:
    """One benchmark; ARGUMENTS such as --json go to it."""
    sys.exit(run("python", f"tests/benchmarks/{BENCHMARKS[name]}", *arguments))


if __name__ == "__main__":
    main()
