"""``intramural identity``: provision the realm, look at it, and keep the directory; what an operator does.

``plan`` shows what ``apply`` would change and changes nothing. Both can be repeated: when everything is as wanted,
there is nothing to do.
"""

from __future__ import annotations

import asyncio
import getpass
import json
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.audit.keys import load_or_make_log_key
from appliance.audit.opening import open_audited
from appliance.core.clock import SystemClock
from appliance.core.errors import IntramuralError, SettingsError
from appliance.core.events import Event, Outcome
from appliance.core.settings import Settings, load_settings
from appliance.demo.local_api import LocalApi
from appliance.demo.terminal import Terminal
from appliance.identity.hardening import require_hardened
from appliance.identity.provider import ProviderClient, http_client
from appliance.identity.provisioning.difference import Change, Plan, as_json, difference, printed
from appliance.identity.provisioning.realm import Realm
from appliance.identity.provisioning.session import AdminLogin, admin_session
from appliance.identity.provisioning.wanted import Deployment, wanted
from appliance.studio.addresses import Addresses
from appliance.wiring_directory import directory_key
from appliance.wiring_identity import client_key, role_mapping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from appliance.identity.provisioning.wanted import Resource


@click.group()
def identity() -> None:
    """The realm at the identity provider, and the directory of people."""


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(
        (
            click.option("--existing", is_flag=True, help="The realm is not ours: leave its own settings alone."),
            click.option("--studio", default="", help="Origin of the studio; default: from the settings."),
            click.option(
                "--automation",
                multiple=True,
                metavar="NAME=FILE",
                help="A service account and its public keys (JWK Set); may be repeated.",
            ),
            click.option("--admin-user", default="admin", show_default=True),
            click.option("--admin-realm", default="master", show_default=True, help="Realm of the account."),
            click.option("--admin-client", default="", help="A service account instead of a person."),
            click.option(
                "--secret-file",
                type=click.Path(path_type=Path, dir_okay=False, exists=True),
                help="Password or client secret; default: asked for.",
            ),
        )
    ):
        command = option(command)
    return command


@identity.command()
@_with_options
@click.option("--json", "as_json_", is_flag=True, help="Print the plan as JSON.")
def plan(*, as_json_: bool, **options: Any) -> None:
    """Show what would be changed; change nothing. Exit code 1 if there is something."""

    def run(settings: Settings) -> int:
        _, _, found = _planned(settings, options)
        click.echo(json.dumps(as_json(found), indent=1) if as_json_ else printed(found))
        return 0 if found.empty else 1

    _guarded(run)


@identity.command()
@_with_options
@click.option("--yes", is_flag=True, help="Do not ask.")
def apply(*, yes: bool, **options: Any) -> None:
    """Bring the realm to what the appliance needs; the log records it."""

    def run(settings: Settings) -> int:
        realm, _, found = _planned(settings, options)
        click.echo(printed(found))
        if found.empty:
            return 0
        if not yes and not click.confirm(f"Change {len(found.changes)} things in realm {found.realm!r}?"):
            return 1
        with _recorded(settings, found) as done:
            realm.apply(found, done=done)
        click.echo(f"Changed {len(found.changes)} things in realm {found.realm!r}.")
        return 0

    _guarded(run)


@identity.command()
@_with_options
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
def export(*, out: Path, **options: Any) -> None:
    """Write what the realm holds of what the appliance needs, as JSON for a review; no secret is in it."""

    def run(settings: Settings) -> int:
        realm, wish, _ = _planned(settings, options)
        actual = realm.found(wish)
        held = [
            {"kind": one.kind.value, "name": one.name, "wanted": dict(one.want), "found": _owned(one, actual)}
            for one in wish
        ]
        out.write_text(json.dumps({"realm": realm.name, "resources": held}, indent=1, sort_keys=True) + "\n")
        click.echo(f"{out}: {len(held)} resources of realm {realm.name!r}")
        return 0

    _guarded(run)


@identity.command()
def check() -> None:
    """Hold settings and provider against what the appliance asks for; needs no account there."""

    async def look(settings: Settings) -> None:
        async with http_client(settings.identity.ca_file) as http:
            await ProviderClient(settings.identity.issuer, http, SystemClock(), strict=True).provider()

    def run(settings: Settings) -> int:
        require_hardened(settings.identity, settings.web)
        if not settings.identity.issuer:
            click.echo("The demonstration sign-in is in use, on this machine only.")
            return 0
        asyncio.run(look(settings))
        click.echo(f"{settings.identity.issuer} is what the appliance asks for. The realm itself: identity plan.")
        return 0

    _guarded(run)


@identity.command()
@click.option("--accept", is_flag=True, help="Believe that many people have left at once.")
def sync(*, accept: bool) -> None:
    """Read the provider's people now."""
    _guarded(lambda settings: _told(_ask(settings, "POST", "/api/identity/sync", {"accept": accept})))


@identity.command()
def orphans() -> None:
    """Apps whose owner has left and whom nobody followed."""
    _guarded(lambda settings: _told(_ask(settings, "GET", "/api/identity/orphans", None)))


@identity.command("scim-token")
@click.argument("act", type=click.Choice(["make", "revoke", "list"]))
@click.argument("name", default="")
def scim_token(act: str, name: str) -> None:
    """Tokens for identity systems that push by SCIM; a token is shown once."""

    def run(settings: Settings) -> int:
        if act == "list":
            return _told(_ask(settings, "GET", "/api/identity/scim-tokens", None))
        path = "/api/identity/scim-tokens" + ("/revoke" if act == "revoke" else "")
        return _told(_ask(settings, "POST", path, {"name": name}))

    _guarded(run)


def _planned(settings: Settings, options: dict[str, Any]) -> tuple[Realm, Sequence[Resource], Plan]:
    server, mark, name = settings.identity.issuer.partition("/realms/")
    if not mark or not name:
        message = "The settings name no Keycloak realm."
        raise SettingsError(
            message,
            cause=f"identity.issuer is {settings.identity.issuer!r}",
            action='Set it, as in issuer = "https://sso.example.com/realms/company".',
        )
    automation = {}
    for pair in options["automation"]:
        client, _, file = pair.partition("=")
        automation[client] = Path(file).read_text(encoding="utf-8").strip()
    wish = wanted(
        Deployment(
            realm=name,
            studio=options["studio"] or Addresses.of(settings.web).studio,
            studio_jwks=client_key(settings.home).jwks,
            directory_jwks=directory_key(settings.home).jwks,
            automation=automation,
            groups=role_mapping(settings),
            existing=options["existing"],
        )
    )
    secret_file: Path | None = options["secret_file"]
    secret = secret_file.read_text(encoding="utf-8").strip() if secret_file else getpass.getpass("Password: ")
    login = AdminLogin(
        server,
        options["admin_realm"],
        user=options["admin_user"],
        client=options["admin_client"],
        secret=secret,
        ca_file=settings.identity.ca_file,
    )
    realm = Realm(admin_session(login), name)
    return realm, wish, difference(wish, realm.found(wish), realm=name, existing=options["existing"])


@contextmanager
def _recorded(settings: Settings, plan: Plan) -> Iterator[Callable[[Change], None]]:
    """Record intent and outcome: by the running service, or in the log itself while nothing runs."""
    changes = [f"{'+' if one.new else '~'} {one.resource.kind} {one.resource.name}" for one in plan.changes]
    carried_out: list[Change] = []
    with ExitStack() as stack:
        api = LocalApi(settings.home)
        if api.alive():
            leaf = api.ask("POST", "/api/identity/provisioning", {"realm": plan.realm, "changes": changes})

            def end(result: Outcome) -> None:
                content = {**leaf, "result": result.value, "done": len(carried_out)}
                api.ask("POST", "/api/identity/provisioning/end", content)
        else:
            key = load_or_make_log_key(settings.home / "keys" / "audit.json")
            log, _ = open_audited(stack, settings.home / "audit", key, settings.audit, SystemClock())
            intent = log.intent(
                Event.REALM_PROVISIONED,
                principal=f"local-operator:{getpass.getuser()}",
                resource=f"realm:{plan.realm}",
                details={"realm": plan.realm, "changes": changes},
            )

            def end(result: Outcome) -> None:
                count = len(carried_out)
                log.outcome(
                    intent,
                    result,
                    details={"done": count} if result is Outcome.DONE else {"reason": f"after {count} changes"},
                )

        try:
            yield carried_out.append
        except BaseException:
            end(Outcome.FAILED)
            raise
        end(Outcome.DONE)


def _owned(resource: Resource, actual: Any) -> Any:
    found = actual.get((resource.kind, resource.name))
    return None if found is None else {name: found.get(name) for name in resource.want}


def _ask(settings: Settings, method: str, path: str, content: dict[str, Any] | None) -> dict[str, Any]:
    return LocalApi(settings.home).ask(method, path, content)


def _told(answer: dict[str, Any]) -> int:
    click.echo(json.dumps(answer, ensure_ascii=False, indent=1))
    return 0


def _guarded(run: Callable[[Settings], int]) -> None:
    try:
        code = run(load_settings())
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
    except OSError as error:
        Terminal().error("A file cannot be read or written.", str(error), "Check its name and rights.")
        sys.exit(2)
    sys.exit(code)
