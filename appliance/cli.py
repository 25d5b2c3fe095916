"""The command line: ``intramural demo``, ``intramural audit verify``, ``intramural preflight``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from appliance.audit.witness_commands import witness
from appliance.cli_audit import COMMANDS as AUDIT_COMMANDS
from appliance.cli_contract import contract
from appliance.cli_export import export
from appliance.cli_identity import identity
from appliance.cli_keys import keys
from appliance.cli_login import login, logout, whoami
from appliance.cli_models import models
from appliance.cli_usage import usage
from appliance.core.errors import IntramuralError
from appliance.core.settings import load_settings
from appliance.demo.run import Demo, DemoOptions
from appliance.demo.terminal import Terminal
from installer.preflight import RUN, MissingPackages, require


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="intramural")
def main() -> None:
    """Intramural: internal apps from plain sentences, wholly on your own machines."""


main.add_command(witness)
main.add_command(usage)
main.add_command(models)


@main.command()
@click.argument("sentence", nargs=-1)
@click.option("--once", is_flag=True, help="Stop after the report; exit code 1 if no verified app came out.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object on standard output.")
@click.option("--bundle", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Use this model bundle.")
@click.option(
    "--sensitive",
    type=click.Choice(["mask", "send"]),
    help="What to do about card numbers and the like in SENTENCE, if the policy asks.",
)
def demo(sentence: tuple[str, ...], *, once: bool, as_json: bool, bundle: Path | None, sensitive: str | None) -> None:
    """Build an app from SENTENCE and serve it; without a sentence, open the studio."""
    words = " ".join(sentence) if sentence else None
    options = DemoOptions(words, once=once, as_json=as_json, bundle=bundle, sensitive=sensitive or "")
    try:
        settings = load_settings()
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
    sys.exit(Demo(settings, options, os.environ).run())


main.add_command(contract)
main.add_command(export)
main.add_command(identity)
for sign_in in (login, logout, whoami):
    main.add_command(sign_in)
main.add_command(keys)


@main.command()
def preflight() -> None:
    """Check what this machine needs; as root, install what is missing."""
    try:
        require(RUN, click.echo)
    except MissingPackages as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
    click.echo("This machine has what it needs.")


@main.group()
def audit() -> None:
    """The tamper-evident log."""


for command in AUDIT_COMMANDS:
    audit.add_command(command)


@audit.command()
@click.option("--directory", type=click.Path(path_type=Path), help="The log; default: the one in the home folder.")
@click.option(
    "--vkeys", type=click.Path(path_type=Path), help="Public keys of the log; default: keys/audit.json.vkeys."
)
@click.option("--earlier", type=click.Path(path_type=Path), help="A checkpoint of this log that was kept elsewhere.")
@click.option("--witness-vkey", multiple=True, help="Public key of a witness, or a file with some; may be repeated.")
@click.option(
    "--quorum", type=click.IntRange(min=1), help="How many of the witnesses must have cosigned; default: all."
)
@click.option("--stamp-root", multiple=True, type=click.Path(path_type=Path), help="Root of a time-stamping authority.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def verify(
    *,
    directory: Path | None,
    vkeys: Path | None,
    earlier: Path | None,
    witness_vkey: tuple[str, ...],
    quorum: int | None,
    stamp_root: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Recompute every hash of the log and check its signatures; works while the appliance runs."""
    from appliance.audit.report import main_verify  # noqa: PLC0415 - keeps the other commands quick to start

    code, text = main_verify(
        directory or load_settings().home / "audit",
        vkeys_file=vkeys,
        earlier_file=earlier,
        witness_vkeys=witness_vkey,
        quorum=quorum,
        stamp_root_files=stamp_root,
        as_json=as_json,
    )
    click.echo(text)
    sys.exit(code)


if __name__ == "__main__":
    main()
