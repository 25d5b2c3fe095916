"""``python -m <package>``: listen on a Unix socket behind the appliance, or on a local port alone."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from .settings import Settings, SettingsError

if TYPE_CHECKING:
    from litestar import Litestar


def main(package: str) -> int:
    """Parse the command line, build the app of ``package`` and serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", help="path of a Unix socket to listen on")
    where.add_argument("--port", type=int, default=8000, help="port on 127.0.0.1 (default: 8000)")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        app = _load(package, Settings.from_environment(os.environ))
    except SettingsError as error:
        print(f"{package} cannot start: {error}", file=sys.stderr)
        return 2
    from uvicorn import Config, Server  # noqa: PLC0415 - after the settings are known to be good

    from .identity import LocalIdentity  # noqa: PLC0415 - imports the database layer

    listener = _listener(arguments.port) if arguments.socket is None else None
    provider = app.state["runtime"].identity
    if isinstance(provider, LocalIdentity) and listener is not None:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        print(f"Sign in once as owner: {address}/-/sign-in?code={provider.code}", flush=True)
    config = Config(
        app,
        uds=arguments.socket,
        log_level="warning",
        access_log=False,
        server_header=False,
        loop="asyncio",
        http="h11",
        ws="none",
        timeout_graceful_shutdown=5,
    )
    Server(config).run(sockets=None if listener is None else [listener])
    return 0


def _load(package: str, settings: Settings) -> Litestar:
    """Import and build the app. What is imported stays, so garbage collection would only cost time."""
    gc.disable()
    app: Litestar = importlib.import_module(f"{package}.app").create_app(settings)
    gc.freeze()
    gc.enable()
    return app


def _listener(port: int) -> socket.socket:
    """A port on this machine only; 0 takes any free one. Bound here, so that the printed address is the real one."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener
