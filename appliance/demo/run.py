"""``intramural demo``: from a clean machine to a running app, then serve."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from appliance.core.errors import IntramuralError, Unavailable
from appliance.core.settings import Settings, WebSettings
from appliance.demo.local_api import LocalApi
from appliance.demo.processes import KeptProgram, Program
from appliance.demo.terminal import ModelBars, Terminal
from appliance.studio.model_choice import ModelChoice
from installer.preflight import RUN, MissingPackages, require
from model_bundle.build.default_model import prepare_default_bundle
from model_bundle.errors import ModelBundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from model_bundle.verify import VerifiedBundle

LOOPBACK: Final = "127.0.0.1"
READY_SECONDS: Final = 240.0
ISSUER_SECONDS: Final = 30.0
PORT_TRIES: Final = 20
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_DATA_HOME", "PYTHONPATH")


@dataclass(frozen=True)
class DemoOptions:
    """What was asked for on the command line."""

    request: str | None = None
    once: bool = False
    as_json: bool = False
    bundle: Path | None = None
    sensitive: str = ""


class Demo:
    """Runs the whole appliance for one person on one machine."""

    def __init__(self, settings: Settings, options: DemoOptions, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._options = options
        self._environment = environment
        self._terminal = Terminal()
        self._api = LocalApi(settings.home)
        self._stages: dict[str, float] = {}
        self._ending = False

    def run(self) -> int:
        """Do it all; the exit code: 0, or 1 when no verified app came out, or 2 when it could not be started."""
        # Being told to end is an end like Ctrl-C: everything that was started is stopped in order. Set for SIGINT, too:
        # a shell that starts this in the background has it ignored.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._end)
        with ExitStack() as stack:
            try:
                self._start(stack)
                verified = True if self._options.request is None else self._build(self._options.request)
                if self._options.once:
                    return 0 if verified else 1
                self._serve()
            except (IntramuralError, ModelBundleError, MissingPackages) as error:
                self._terminal.error(error.message, error.cause, error.action)
                return 2
            except KeyboardInterrupt:
                self._terminal.say("\nStopping …")
        return 0

    # --- starting ------------------------------------------------------------------------------------------------

    def _start(self, stack: ExitStack) -> None:
        if self._api.ready():
            self._terminal.say("Intramural is running on this machine already; using it.")
            return
        started = time.monotonic()
        require(RUN, self._terminal.say)
        bundle = self._options.bundle
        if bundle is None and ModelChoice(self._settings.home).read() is None:
            bundle = self._prepare_model().directory
        self._settings = self._with_free_ports(self._settings)
        self._stages["set-up"] = time.monotonic() - started
        started = time.monotonic()
        self._terminal.say("Starting the appliance …")
        if not self._settings.identity.issuer:
            self._keep(stack, self._issuer_program(), lambda: _listens(self._settings.web.issuer_port), ISSUER_SECONDS)
        self._keep(stack, self._service_program(bundle), self._api.ready, READY_SECONDS)
        self._stages["service"] = time.monotonic() - started
        if self._options.request is None:
            self._terminal.say(f"The studio is open: {self._studio_url()}")

    def _keep(self, stack: ExitStack, program: Program, ready: Any, seconds: float) -> None:
        kept = KeptProgram(program, self._terminal.say)
        kept.start()
        stack.callback(kept.stop)
        kept.wait_ready(ready, seconds=seconds)

    def _prepare_model(self) -> VerifiedBundle:
        home = self._settings.home
        with ModelBars(self._terminal) as bars:
            bundle = prepare_default_bundle(home / "bundles", home / "downloads", home / "keys", bars.at)
        self._stages.update({f"model {name}": seconds for name, seconds in bars.seconds.items() if seconds > 0})
        return bundle

    def _with_free_ports(self, settings: Settings) -> Settings:
        """The configured ports, or for the demo the next free ones, said aloud."""
        web = _free_port(settings.web.port, ())
        issuer = _free_port(settings.web.issuer_port, (web,))
        for wanted, got in ((settings.web.port, web), (settings.web.issuer_port, issuer)):
            if wanted != got:
                self._terminal.say(f"Port {wanted} is in use on this machine; using {got}.")
        changed = settings.web.model_copy(update={"port": web, "issuer_port": issuer})
        return settings.model_copy(update={"web": WebSettings.model_validate(changed.model_dump())})

    def _child_environment(self) -> dict[str, str]:
        passed = {name: self._environment[name] for name in _PASSED_ON if name in self._environment}
        own = {name: value for name, value in self._environment.items() if name.startswith("INTRAMURAL_")}
        web = self._settings.web
        ports = {"INTRAMURAL_WEB_PORT": str(web.port), "INTRAMURAL_WEB_ISSUER_PORT": str(web.issuer_port)}
        return {**passed, **own, **ports, "INTRAMURAL_HOME": str(self._settings.home), "PYTHONUNBUFFERED": "1"}

    def _issuer_program(self) -> Program:
        home, studio = self._settings.home, self._studio_url()
        argv = (
            *(sys.executable, "-m", "appliance.identity.demo_issuer"),
            *("--home", str(home), "--port", str(self._settings.web.issuer_port)),
            *("--redirect-uri", f"{studio}/sign-in/callback"),
            *("--post-logout-redirect-uri", f"{studio}/sign-in"),
        )
        return Program("The demonstration sign-in", argv, self._child_environment(), home / "log" / "issuer.log")

    def _service_program(self, bundle: Path | None) -> Program:
        """``bundle`` None: the service runs the one that was chosen."""
        named = () if bundle is None else ("--bundle", str(bundle))
        argv = (sys.executable, "-m", "appliance.app", *named)
        return Program("The service", argv, self._child_environment(), self._settings.home / "log" / "service.log")

    def _studio_url(self) -> str:
        return f"http://studio.{self._settings.web.domain}:{self._settings.web.port}"

    # --- building and serving ------------------------------------------------------------------------------------

    def _build(self, request: str) -> bool:
        build = self._api.create(request, sensitive=self._options.sensitive)
        started = time.monotonic()
        last: dict[str, Any] = {}
        for event in self._api.follow(build["build"]):
            self._terminal.event(event)
            last = event
        seconds = time.monotonic() - started
        report = last.get("report") or {"verified": False, "app_url": "", "studio_url": "", "stages": {}, "tokens": {}}
        report = {**report, "stages": {**_rounded(self._stages), **report["stages"]}, "seconds": round(seconds, 2)}
        if "error" in last:
            report["error"] = last["error"]
        self._print_report(report)
        return bool(report["verified"])

    def _print_report(self, report: dict[str, Any]) -> None:
        if self._options.as_json:
            sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        if not report["verified"]:
            return
        say = self._terminal.console.print
        say(f"\n[bold green]Your app is running.[/] It took {report['seconds']:.1f} s from the sentence to here.")
        say(f"  App:    [bold]{report['app_url']}[/]")
        say(f"  Studio: [bold]{report['studio_url']}[/]")
        times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in report["stages"].items())
        say(f"  Stages: {times}")
        tokens = report["tokens"]
        say("  Tokens: " + ", ".join(f"{count} {name}" for name, count in tokens.items() if isinstance(count, int)))

    def _serve(self) -> None:
        self._terminal.say("Sign in as Maya (no password; this is a demonstration). Press Ctrl-C to stop.")
        while not self._ending:
            time.sleep(1)

    def _end(self, *_signal: object) -> NoReturn:
        """Interrupt what runs; should Python drop the exception (in a destructor, say), waiting ends all the same."""
        self._ending = True
        raise KeyboardInterrupt


def _rounded(stages: Mapping[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in stages.items()}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _free_port(wanted: int, taken: tuple[int, ...]) -> int:
    for port in range(wanted, wanted + PORT_TRIES):
        if port in taken:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
            return port
    message = f"No free port was found from {wanted} on."
    raise Unavailable(message, action="Stop what uses these ports, or set INTRAMURAL_WEB_PORT.")
