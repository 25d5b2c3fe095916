"""``python -m <package>``: listen on a Unix socket behind the appliance, or on a local port alone."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

from .settings import Login, Settings, SettingsError

if TYPE_CHECKING:
    from litestar import Litestar


COMMANDS: Final = ("users", "dump", "load", "import", "migrate")
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def main(package: str) -> int:
    """Parse the command line, build the app of ``package`` and serve until SIGTERM or Ctrl-C."""
    if len(sys.argv) > 1 and sys.argv[1] in COMMANDS:
        if sys.argv[1] == "migrate":
            from .migrate import main as migrate  # noqa: PLC0415 - not needed for serving

            return migrate(package, sys.argv[2:])
        from .commands import run  # noqa: PLC0415 - not needed for serving

        return run(package, sys.argv[1:])
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket", help="path of a Unix socket to listen on")
    where.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.epilog = f"Other commands: {', '.join(COMMANDS)}. Each has its own --help."
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        settings = Settings.from_environment(os.environ)
        _check_reach(settings, arguments.host)
        app = _load(package, settings)
    except SettingsError as error:
        print(f"{package} cannot start: {error}", file=sys.stderr)
        return 2
    from uvicorn import Config, Server  # noqa: PLC0415 - after the settings are known to be good

    from .identity import LocalIdentity  # noqa: PLC0415 - imports the database layer

    listener = _listener(arguments.host, arguments.port) if arguments.socket is None else None
    provider = app.state["runtime"].identity
    if isinstance(provider, LocalIdentity) and listener is not None:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        print(f"Sign in once as owner: {address}/-/sign-in?code={provider.code}", flush=True)
    elif listener is not None:
        host, port = listener.getsockname()[:2]
        print(f"Listening on http://{host}:{port}", flush=True)
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


def _check_reach(settings: Settings, host: str) -> None:
    """Nobody else's machine reaches an app whose only key is the link that was printed at its start.

    Raises:
        SettingsError: it would.
    """
    if host not in LOOPBACK and settings.alone and settings.login is Login.LINK:
        raise SettingsError("To listen beyond this machine, set APP_LOGIN to accounts or oidc first.")


def _load(package: str, settings: Settings) -> Litestar:
    """Import and build the app. What is imported stays, so garbage collection would only cost time."""
    gc.disable()
    app: Litestar = importlib.import_module(f"{package}.app").create_app(settings)
    gc.freeze()
    gc.enable()
    return app


def _listener(host: str, port: int) -> socket.socket:
    """Port 0 takes any free one. Bound here, so that the printed address is the real one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener
