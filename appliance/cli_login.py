"""``intramural login``, ``whoami`` and ``logout``: a person at a terminal, signed in at the company's provider.

The tokens lie in the person's own configuration folder, mode 0600; the appliance keeps nothing of them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import httpx

from appliance.core.clock import SystemClock
from appliance.core.errors import IntramuralError, SettingsError, Unavailable
from appliance.core.private_files import read_private, write_private
from appliance.core.settings import Settings, load_settings
from appliance.demo.terminal import Terminal
from appliance.identity.device import DeviceCode, DeviceSignIn, TerminalTokens
from appliance.identity.provider import ProviderClient, http_client
from appliance.studio.addresses import Addresses

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

_SPARE_SECONDS: Final = 20


@click.command()
def login() -> None:
    """Sign in at your company's provider, by a code that you confirm in a browser."""

    async def run(settings: Settings) -> None:
        async with http_client(settings.identity.ca_file) as http:
            device = _device(settings, http)
            code = await device.begin()
            _show(code)
            _keep(await device.wait(code))
        me = await _me(settings)
        click.echo(f"Signed in as {me['name']}.")

    _guarded(run)


@click.command()
def whoami() -> None:
    """Who you are to the appliance, as JSON."""

    async def run(settings: Settings) -> None:
        click.echo(json.dumps(await _me(settings), ensure_ascii=False, indent=1))

    _guarded(run)


@click.command()
def logout() -> None:
    """Forget the sign-in of this terminal."""
    _file(os.environ).unlink(missing_ok=True)
    click.echo("Signed out at this terminal.")


def _show(code: DeviceCode) -> None:
    click.echo(f"Open {code.complete or code.address}")
    click.echo(f"and confirm that the code there is {code.user_code}. Waiting …")


def _device(settings: Settings, http: httpx.AsyncClient) -> DeviceSignIn:
    if not settings.identity.issuer:
        message = "There is no provider to sign in at: the demonstration has its own page for that."
        raise SettingsError(message, action="Set identity.issuer, or use the studio in a browser.")
    client = ProviderClient(settings.identity.issuer, http, SystemClock(), strict=True)
    return DeviceSignIn(client, settings.identity.terminal_client_id)


async def _me(settings: Settings) -> dict[str, Any]:
    tokens = _kept()
    if tokens.expires_at - time.time() < _SPARE_SECONDS:
        async with http_client(settings.identity.ca_file) as http:
            tokens = await _device(settings, http).refresh(tokens)
        _keep(tokens)
    addresses = Addresses.of(settings.web)
    # Not every resolver knows names below "localhost"; the front door of this machine is always there.
    local = settings.web.domain.endswith("localhost")
    base = f"http://127.0.0.1:{settings.web.port}" if local else addresses.studio
    host = addresses.studio.partition("://")[2]
    headers = {"Authorization": f"Bearer {tokens.access_token}", "Host": host}
    try:
        async with http_client(settings.identity.ca_file) as http:
            answer = await http.get(f"{base}/api/me", headers=headers)
    except httpx.HTTPError as error:
        message = "The appliance does not answer."
        raise Unavailable(message, cause=str(error), action="Check that it runs.") from error
    content: dict[str, Any] = answer.json()
    if answer.status_code != 200:
        told = content.get("error", {})
        raise SettingsError(str(told.get("message")), cause=str(told.get("cause")), action=str(told.get("action")))
    return content


def _file(environment: Mapping[str, str]) -> Path:
    base = environment.get("XDG_CONFIG_HOME") or str(Path(environment.get("HOME", "/root")) / ".config")
    return Path(base) / "intramural" / "sign-in.json"


def _keep(tokens: TerminalTokens) -> None:
    write_private(_file(os.environ), json.dumps(asdict(tokens)).encode())


def _kept() -> TerminalTokens:
    stored = read_private(_file(os.environ))
    try:
        return TerminalTokens(**json.loads(stored or b""))
    except (ValueError, TypeError) as error:
        message = "Nobody is signed in at this terminal."
        raise SettingsError(message, action="Run `intramural login`.") from error


def _guarded(run: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    try:
        asyncio.run(run(load_settings()))
    except IntramuralError as error:
        Terminal().error(error.message, error.cause, error.action)
        sys.exit(2)
