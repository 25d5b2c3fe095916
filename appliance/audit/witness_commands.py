"""``intramural witness``: the program that an auditor runs on another machine, with nothing else of the appliance."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from appliance.core.errors import IntramuralError

KEY_FILE = "witness.json"
LOGS = "logs"


@click.group()
def witness() -> None:
    """Watch over audit logs from another machine: cosign what continues, refuse what was rewritten."""


@witness.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of this witness, such as witness.example.com/audit.")
def init(folder: Path, name: str) -> None:
    """Make a key in FOLDER and print the public keys, for the settings of the appliance."""
    from appliance.audit.cosign import make_witness_key, store_witness_key  # noqa: PLC0415 - other commands start quick

    if (folder / KEY_FILE).exists():
        _fail(f"{folder} holds a witness already. Choose another folder; its key and memory must not be replaced.")
    try:
        key = make_witness_key(name)
        (folder / LOGS).mkdir(parents=True, exist_ok=True, mode=0o700)
        store_witness_key(folder / KEY_FILE, key)
    except (IntramuralError, OSError) as error:
        _fail(str(error))
    for one in key.verifier_keys:
        click.echo(one.text)
    click.echo(f"Copy the .vkeys file of each log to watch into {folder / LOGS}, then run: witness serve", err=True)


@witness.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8447, show_default=True, type=click.IntRange(1, 65535))
@click.option("--tls-certificate", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="PEM file.")
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="PEM file.")
def serve(folder: Path, host: str, port: int, tls_certificate: Path | None, tls_key: Path | None) -> None:
    """Answer the logs whose keys are in FOLDER/logs, until stopped."""
    from appliance.audit.cosign import load_witness_key  # noqa: PLC0415
    from appliance.audit.witness import Witness, read_logs  # noqa: PLC0415
    from appliance.audit.witness_server import serve_witness  # noqa: PLC0415
    from appliance.core.clock import SystemClock  # noqa: PLC0415

    if (tls_certificate is None) != (tls_key is None):
        _fail("TLS needs both --tls-certificate and --tls-key.")
    try:
        logs = read_logs(folder / LOGS)
        if not logs:
            _fail(f"There is no log to watch. Copy the .vkeys file of each into {folder / LOGS}.")
        state = Witness(folder, load_witness_key(folder / KEY_FILE), SystemClock(), logs)
    except (IntramuralError, OSError, UnicodeDecodeError) as error:
        _fail(str(error))
    click.echo(f"Watching {len(logs)} log(s) on {host}:{port}: {', '.join(sorted(logs))}", err=True)
    try:
        serve_witness(state, host, port, certificate=tls_certificate, key=tls_key)
    finally:
        state.close()


def _fail(text: str) -> None:
    click.echo(text, err=True)
    sys.exit(2)
