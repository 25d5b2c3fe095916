"""``python -m <package> users|dump|load|import``: what is done to an app from the command line."""

from __future__ import annotations

import argparse
import getpass
import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from .application import build_runtime
from .settings import Settings, SettingsError
from .transfer import TransferRefused, dump, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .accounts import Accounts
    from .definition import Definition
    from .visit import Runtime


class CommandRefused(Exception):  # noqa: N818
    """The command cannot be carried out; the message is for whoever runs the app."""


def run(package: str, words: Sequence[str]) -> int:
    """Carry out one command; returns the exit code: 0 done, 1 refused, 2 the settings cannot be used."""
    arguments = _parser(package).parse_args(words)
    try:
        settings = Settings.from_environment({**os.environ, "APP_LOAD_EXAMPLES": ""})
        if arguments.command == "users":
            importlib.import_module(".accounts", __package__)  # its tables
        definition = cast("Definition", importlib.import_module(f"{package}.app").DEFINITION)
        runtime = build_runtime(definition, settings)
    except SettingsError as error:
        print(f"{package} cannot be used: {error}", file=sys.stderr)
        return 2
    try:
        return _carry_out(runtime, arguments)
    finally:
        runtime.database.close()


def _parser(package: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (
        ("dump", "write every record and file to a folder"),
        ("load", "read such a folder into an empty database"),
        ("import", "add the rows of a prepared folder, and write a report there"),
    ):
        command = commands.add_parser(name, help=words, description=words)
        command.add_argument("folder", type=Path)
    users = commands.add_parser("users", help="accounts of people who sign in here (APP_LOGIN=accounts)")
    acts = users.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="who has an account")
    add = acts.add_parser("add", help="make an account")
    passwd = acts.add_parser("passwd", help="set a new password")
    for act in (add, passwd, acts.add_parser("remove", help="take an account away; the records stay")):
        act.add_argument("email")
    for act in (add, passwd):
        act.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    add.add_argument("--name", default="")
    add.add_argument("--role", action="append", default=[], help="a role of the app; may be repeated")
    add.add_argument("--owner", action="store_true", help="may do everything")
    return parser


def _carry_out(runtime: Runtime, arguments: argparse.Namespace) -> int:
    from .importing import import_folder  # noqa: PLC0415 - not needed by the other commands

    try:
        if arguments.command == "users":
            _users(runtime, arguments)
        elif arguments.command == "import":
            print(json.dumps(import_folder(runtime, arguments.folder)))
        else:
            done = (dump if arguments.command == "dump" else load)(runtime, arguments.folder)
            print(f"{done.rows} rows and {done.files} files {'written' if arguments.command == 'dump' else 'loaded'}.")
    except (CommandRefused, TransferRefused) as error:
        print(str(error), file=sys.stderr)
        return 1
    return 0


def _users(runtime: Runtime, arguments: argparse.Namespace) -> None:
    from .access import OWNER  # noqa: PLC0415 - only needed here
    from .accounts import AccountRefused, Accounts  # noqa: PLC0415 - its tables exist only where they are used

    try:
        _manage(Accounts(runtime.database, (*runtime.definition.roles, OWNER)), arguments, OWNER)
    except AccountRefused as error:
        raise CommandRefused(str(error)) from error


def _manage(accounts: Accounts, arguments: argparse.Namespace, owner: str) -> None:
    if arguments.act == "list":
        for account in accounts.every():
            print(f"{account.email}\t{account.name}\t{', '.join(json.loads(account.roles)) or '–'}")
    elif arguments.act == "add":
        roles = [*arguments.role, *([owner] if arguments.owner else [])]
        accounts.add(arguments.email, arguments.name, _password(arguments), roles)
        print(f"{arguments.email} can sign in.")
    elif arguments.act == "passwd":
        accounts.change_password(arguments.email, _password(arguments))
        print(f"The password of {arguments.email} was changed, and they were signed out everywhere.")
    else:
        accounts.remove(arguments.email)
        print(f"{arguments.email} cannot sign in any more.")


def _password(arguments: argparse.Namespace) -> str:
    """From standard input, or asked for twice. Never from the command line: others can see that."""
    if arguments.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise CommandRefused("The two were not the same.")
    return first
