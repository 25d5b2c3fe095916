"""The composition root: the only place that knows which part is made of what. ``python -m appliance.app`` serves.

Order of a start: settings, keys, audit log (its open acts are closed as ``unknown``), database, recovery, model (in the
background), apps, front door, web service. A stop goes the other way round.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from appliance.audit.keeping import Keeping
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.opening import open_audited
from appliance.audit.session_export import SessionExports
from appliance.codegen.render import render
from appliance.core.account import account_name
from appliance.core.clock import SystemClock
from appliance.core.events import Event, Outcome
from appliance.core.ports import Person
from appliance.core.private_files import write_private
from appliance.core.settings import Settings
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.migrate import upgrade
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.projects import Projects
from appliance.db.repositories.usage import Usage
from appliance.gallery.templates import templates
from appliance.governance import dlp_states, front_door, make_governance, make_inspector
from appliance.hosting.caddy import Caddy
from appliance.hosting.release import HostingLimits
from appliance.hosting.supervisor import AppSupervisor
from appliance.identity.demo_people import PEOPLE
from appliance.identity.provider import http_client
from appliance.identity.store import SqliteSessionStore
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.studio.addresses import Addresses
from appliance.studio.assembly import make_studio
from appliance.studio.erasure import records_of
from appliance.studio.layout import Layout
from appliance.studio.parts import Parts
from appliance.studio.preview import Previews
from appliance.studio.program_screen import ProgramScreen
from appliance.studio.quotas import Quotas
from appliance.studio.readiness import audit_state, try_sandbox
from appliance.studio.transfers import make_transfers
from appliance.studio.version import VersionStore
from appliance.verifier.verify import Verifier
from appliance.web.serve import serve
from appliance.web.server import make_app
from appliance.web.services import Services
from appliance.wiring_api import InDirectory, make_api
from appliance.wiring_directory import make_people
from appliance.wiring_identity import check_identity, check_provider
from appliance.wiring_model import make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.blueprint.model import Blueprint
    from appliance.core.clock import Clock
    from appliance.core.conversation import Reviser
    from appliance.core.filetree import FileTree
    from appliance.studio.coding import CodePart
    from appliance.studio.parts import PlannerPart


class Appliance:
    """Every part, wired. :meth:`start`, then :meth:`serve` (blocks), then :meth:`stop`; or all of it by :func:`run`."""

    def __init__(
        self,
        settings: Settings,
        *,
        planner: PlannerPart | None = None,
        reviser: Reviser | None = None,
        writer: Callable[[Blueprint], FileTree] = render,
        coder: CodePart | None = None,
        bundle: Path | None = None,
    ) -> None:
        """Wire the parts and bring what the last stop left to a clean end; nothing listens yet.

        ``planner``, ``reviser`` and ``coder`` take the place of the model; ``writer`` turns a blueprint into a project.

        Raises:
            IntramuralError: a part refuses; the message says which and what to do.
        """
        check_identity(settings)
        self.settings, self.layout = settings, Layout(settings.home)
        self.layout.run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.layout.run.chmod(0o700)
        self.addresses = Addresses.of(settings.web)
        self._sandbox = BubblewrapSandbox()
        self._sandbox_state = "not tried yet"
        self._engine, self._coder = None, coder
        if planner is None:
            model = make_model(settings, self._sandbox, bundle)
            self._engine, self._warm_ups = model.engine, model.warm_ups
            planner, reviser, self._coder = model.planner, reviser or model.reviser, coder or model.coder
        self._stack = contextlib.ExitStack()
        try:
            self._wire(SystemClock(), planner, reviser, writer)
        except BaseException:
            self._stack.close()
            raise

    def _wire(
        self, clock: Clock, planner: PlannerPart, reviser: Reviser | None, writer: Callable[[Blueprint], FileTree]
    ) -> None:
        settings = self.settings
        log_key = load_or_make_log_key(self.layout.keys / "audit.json")
        self.audit, self._anchoring = open_audited(self._stack, settings.home / "audit", log_key, settings.audit, clock)
        self.audit.record_unknown()
        self._keeping = Keeping(settings, self.audit, log_key, clock)
        database = Database(make_engine(sqlite_url(settings.home / "db.sqlite")))
        self._stack.callback(database.close)
        upgrade(database.engine)
        self.tokens = AppTokens(self.layout.keys / "app-tokens.json", clock)
        limits = HostingLimits.from_settings(settings.hosting)
        self.apps = AppSupervisor(self._sandbox, self.tokens, self.layout.run / "apps", limits)
        self.caddy = Caddy(settings.home / "log" / "caddy.log")
        projects, builds, versions = Projects(database), Builds(database), VersionStore(self.layout.apps)
        self._inspector = make_inspector(settings)
        parts = Parts(
            planner=planner,
            render=writer,
            verifier=Verifier(self._sandbox, self.tokens),
            sandbox=self._sandbox,
            audit=self.audit,
            vault=self._keeping.vault,
            inspector=self._inspector,
            open_body=lambda ref: self._keeping.vault.open(ref).body,
            pseudonyms=self._keeping.pseudonyms,
            publish_routes=lambda: self.caddy.apply(front_door(self)),
            reviser=reviser,
            coder=self._coder,
            model=self._engine.digest if self._engine is not None else lambda: "",
        )
        self.studio = make_studio(
            parts,
            projects=projects,
            builds=builds,
            versions=versions,
            previews=Previews(self.apps, projects, versions, studio=self.addresses.studio),
            addresses=self.addresses,
            quotas=Quotas(Usage(database), settings.quotas, clock),
            settings=settings.build,
            clock=clock,
        )
        self.governance = make_governance(
            parts,
            self.studio,
            self.apps,
            self._engine,
            log=self.audit,
            database=database,
            settings=settings,
            clock=clock,
        )
        self.transfers = make_transfers(
            self.studio,
            self.governance.releases,
            home=settings.home,
            sandbox=self._sandbox,
            audit=self.audit,
            clock=clock,
        )
        self._http = http_client(settings.identity.ca_file)
        store = SqliteSessionStore(settings.home / "sessions.sqlite")
        self._stack.callback(store.close)
        self._people, self._identity = make_people(
            settings,
            self.addresses,
            store,
            http=self._http,
            projects=projects,
            tokens=self.tokens,
            audit=self.audit,
            clock=clock,
        )
        self._stack.callback(self._people.directory.close)
        self.api = make_api(
            settings,
            database,
            self._engine,
            audit=self.audit,
            vault=self._keeping.vault,
            clock=clock,
            holders=InDirectory(self._people.directory),
            screen=ProgramScreen(self._inspector, self.audit),
        )
        records = records_of(self.studio, database, settings.home)
        self.privacy = self._keeping.privacy({"studio": records, "sign-in": store, "directory": self._people.directory})
        self._exports = SessionExports(settings.home, self.audit, log_key)

    def start(self) -> None:
        """Clean up after the last stop, then start the model, the apps' keeper, the builds and the front door."""
        self._anchoring.start()
        started = self.audit.intent(Event.SERVICE_STARTED, principal=account_name(), resource="appliance")
        self._stack.callback(self.audit.outcome, started, Outcome.DONE)
        self._sandbox_state = try_sandbox(self._sandbox, self.layout.run)
        waiting = self.studio.recovery.run()
        if self._engine is not None:
            self._engine.start(self._warm_up)
            self._stack.callback(self._engine.stop)
        self.apps.start()
        self._stack.callback(self.apps.stop_all)
        self.caddy.start(front_door(self))
        self._stack.callback(self.caddy.stop)
        self._people.departures.recover()
        if self._people.sync is not None:
            self._people.sync.start()
            self._stack.callback(self._people.sync.stop)
        self.studio.build_service.start(waiting)
        self._stack.callback(self.studio.build_service.stop)
        self.privacy.resume()
        self._stack.enter_context(self.governance.running())
        self._keeping.start()
        self._stack.callback(self._keeping.stop)

    def _warm_up(self) -> None:
        if self._engine is not None:
            self._engine.record(self.audit)
        for warm_up in self._warm_ups:
            warm_up()

    def stop(self) -> None:
        """End everything, last started first; harmless when it was never started."""
        self._stack.close()

    async def serve(self, *, on_ready: Callable[[], None] = lambda: None) -> None:
        """Answer on the web socket until SIGTERM or SIGINT."""
        try:
            await check_provider(self._identity)
            await serve(make_app(self.services()), self.layout.web_socket, on_ready=on_ready)
        finally:
            await self._http.aclose()

    def services(self) -> Services:
        """What the web layer is given; makes the local operator's token."""
        token = secrets.token_urlsafe(32)
        write_private(self.layout.cli_token, token.encode())
        maya = PEOPLE[0]
        return Services(
            settings=self.settings,
            addresses=self.addresses,
            identity=self._identity,
            directory=self._people,
            studio=self.studio,
            transfers=self.transfers,
            audit=self.audit,
            governance=self.governance,
            api=self.api,
            privacy=self.privacy,
            reader=self._exports.reader(self.privacy),
            export_log=self._exports.export,
            health=self.health,
            engine=self.describe_engine,
            cli_token=token,
            operator=account_name(),
            local_person=Person(maya.subject, maya.name, maya.email),
            gallery=templates(),
        )

    def health(self) -> dict[str, str]:
        """Each part in a word."""
        front_door = "ok" if self.caddy.pid is not None else "not running"
        return {
            **dlp_states(self._inspector),
            "engine": "ok" if self._engine is None else self._engine.state(),
            "sandbox": self._sandbox_state,
            "audit": audit_state(self.audit.state()),
            "front door": front_door,
            "audit upkeep": self._keeping.state(),
            "mail": self.governance.mail.state(),
            **self._anchoring.states(),
            **self._people.states(),
        }

    def describe_engine(self) -> str:
        """One line for people; empty while the model is not ready."""
        return "" if self._engine is None else self._engine.describe()


def run(appliance: Appliance) -> None:
    """Start, say so in one JSON line on standard output, serve until a signal, stop.

    Raises:
        IntramuralError: it could not be started; nothing is left running.
    """

    def ready() -> None:
        line = {"ready": True, "studio_url": appliance.addresses.studio, "web_socket": str(appliance.layout.web_socket)}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    try:
        appliance.start()
        asyncio.run(appliance.serve(on_ready=ready))
    finally:
        appliance.stop()


if __name__ == "__main__":
    from appliance.serve_command import main

    sys.exit(main())
