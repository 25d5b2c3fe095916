"""``intramural audit export``, ``erasure``, ``hold``, ``rotate-key``: what an auditor and a data protection officer do.

While the appliance runs, it carries these out, in the name of the local operator. While it does not, this process
opens the log itself, in the name of the account that calls it.
"""

from __future__ import annotations

import getpass
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.audit.counter import Counter, RemoteCounter, local_counter
from appliance.audit.export.command import ExportRequest, export_archive
from appliance.audit.export.formats import FORMATS
from appliance.core.errors import IntramuralError
from appliance.core.settings import Settings, load_settings
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.repositories.personal import Personal
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import Terminal
from appliance.identity.directory import Directory
from appliance.identity.store import SqliteSessionStore
from appliance.studio.erasure import FileRecords

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from appliance.core.ports import PersonalRecords


@contextmanager
def open_counter(settings: Settings) -> Iterator[Counter]:
    """Where acts are recorded just now. Raises IntramuralError when neither way is open."""
    api = LocalApi(settings.home)
    if api.alive():
        yield RemoteCounter(api.ask)
        return
    database = Database(make_engine(sqlite_url(settings.home / "db.sqlite")))
    store = SqliteSessionStore(settings.home / "sessions.sqlite")
    directory = Directory(settings.home / "directory.sqlite")
    try:
        upgrade(database.engine)
        files = FileRecords(settings.home / "apps", settings.home / "imports")
        records: dict[str, PersonalRecords] = {
            "studio": Personal(database),
            "sign-in": store,
            "files": files,
            "directory": directory,
        }
        with local_counter(settings, records, principal=f"local-operator:{getpass.getuser()}") as counter:
            yield counter
    finally:
        store.close()
        directory.close()
        database.close()


@click.command()
@click.option("--from", "first", default="", help="First entry: an index, a day, or a time (UTC). Default: the oldest.")
@click.option("--to", "last", default="", help="Last entry, inclusive. Default: the newest.")
@click.option("--format", "format_", type=click.Choice(list(FORMATS)), default="jsonl", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The archive to write.")
@click.option("--bodies", is_flag=True, help="Open what is under seal too; every opening is recorded.")
@click.option("--purpose", default="", help="What for; needed with --bodies.")
def export(*, first: str, last: str, format_: str, out: Path, bodies: bool, purpose: str) -> None:
    """Write entries, proofs, keys and a verifier to one archive; the export itself is recorded."""
    request = ExportRequest(out, format_, first, last, bodies=bodies, purpose=purpose)

    def run(settings: Settings, counter: Counter) -> None:
        done = export_archive(settings.home, counter, request, by=getpass.getuser())
        count = done.stop - done.start
        click.echo(f"{out}: {count} entries from {done.start} on, {done.bytes / 2**20:.1f} MiB, {done.manifest_sha256}")
        click.echo("Check it anywhere: unzip -p ARCHIVE verify.py > verify.py; python3 verify.py ARCHIVE --vkeys FILE")

    _at_the_counter(run)


@click.group()
def erasure() -> None:
    """Erase a person: one asks, another approves."""


@erasure.command("request")
@click.argument("subject")
@click.option("--reason", required=True)
def request_erasure(subject: str, *, reason: str) -> None:
    """Ask that everything under the key of SUBJECT be erased."""
    _act("request", subject, reason)


@erasure.command("approve")
@click.argument("request")
def approve_erasure(request: str) -> None:
    """Approve REQUEST and carry it out; not possible for whoever asked."""
    _act("approve", request, "")


@erasure.command("reject")
@click.argument("request")
@click.option("--reason", required=True)
def reject_erasure(request: str, *, reason: str) -> None:
    """Decline REQUEST."""
    _act("reject", request, reason)


@erasure.command("list")
def list_requests() -> None:
    """All requests, as JSON lines."""
    _list("requests")


@click.group()
def hold() -> None:
    """Legal holds: while one stands, nothing it covers is erased or pruned."""


@hold.command("set")
@click.argument("subject")
@click.option("--reason", required=True)
def set_hold(subject: str, *, reason: str) -> None:
    """Hold everything of SUBJECT; '*' stands for everybody."""
    _act("hold", subject, reason)


@hold.command("lift")
@click.argument("hold")
@click.option("--reason", required=True)
def lift_hold(hold: str, *, reason: str) -> None:
    """End HOLD."""
    _act("lift", hold, reason)


@hold.command("list")
def list_holds() -> None:
    """The holds that stand, as JSON lines."""
    _list("holds")


@click.command("rotate-key")
def rotate_key() -> None:
    """Exchange the vault's master key; sealed bodies stay as they are."""
    _act("rotate", "", "")


def _act(act: str, target: str, reason: str) -> None:
    _at_the_counter(lambda _, counter: click.echo(_line(counter.act(act, target, reason))))


def _list(what: str) -> None:
    def run(_: Settings, counter: Counter) -> None:
        for one in counter.state()[what]:
            click.echo(_line(one))

    _at_the_counter(run)


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)


def _at_the_counter(run: Callable[[Settings, Counter], object]) -> None:
    try:
        settings = load_settings()
        with open_counter(settings) as counter:
            run(settings, counter)
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)


COMMANDS = (export, erasure, hold, rotate_key)
"""What the ``audit`` group of the command line gets."""
