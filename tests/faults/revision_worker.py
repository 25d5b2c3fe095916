"""One revision of an app with records, by the real pipeline, in a process that kills itself at a given moment.

``python -m tests.faults.revision_worker HOME APP BUILD MOMENT``; the verifier passes everything, the rest is real.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from appliance.audit.vault import Vault
from appliance.codegen.render import render
from appliance.core.clock import SystemClock
from appliance.core.ports import LeafRef
from appliance.core.pseudonyms import AddressPseudonyms
from appliance.db.engine import Database, make_engine, sqlite_url
from appliance.db.repositories.builds import Builds
from appliance.db.repositories.projects import Projects
from appliance.dlp.analyzer import Analyzer
from appliance.hosting.supervisor import AppSupervisor
from appliance.identity.tokens import AppTokens
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.studio.addresses import Addresses
from appliance.studio.carrying import Carrier
from appliance.studio.coding import Coding
from appliance.studio.contracts import Contracts
from appliance.studio.control import Control
from appliance.studio.events import EventStream
from appliance.studio.locks import Locks
from appliance.studio.parts import Parts
from appliance.studio.pipeline import Pipeline
from appliance.studio.preview import Previews
from appliance.studio.proposals import Proposals
from appliance.studio.revision_look import Look
from appliance.studio.screening import Screening
from appliance.studio.succession import Succession
from appliance.studio.version import VersionStore
from appliance.verifier.model import Verification

if TYPE_CHECKING:
    from appliance.core.sandboxing import CompletedRun, SandboxCommand

MOMENTS = (
    "records.carried intent",
    "before the program",
    "after the program",
    "version.committed intent",
    "before the commit",
    "after the commit",
    "after the row",
    "version.committed outcome",
    "records.carried outcome",
    "build.started outcome",
)


class Death:
    """Dies at one moment."""

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def at(self, moment: str) -> None:
        if moment == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)


class Audit:
    """Evidence that only counts; dies at its moments."""

    def __init__(self, death: Death) -> None:
        self.death = death
        self.events: list[str] = []

    def intent(self, event: Any, **_: Any) -> LeafRef:
        self.death.at(f"{event} intent")
        self.events.append(str(event))
        return LeafRef(len(self.events) - 1, "00")

    def outcome(self, intent: LeafRef, result: Any, **_: Any) -> LeafRef:
        self.death.at(f"{self.events[intent.index]} outcome")
        return intent


class Versions(VersionStore):
    def __init__(self, apps: Path, death: Death) -> None:
        super().__init__(apps)
        self.death = death

    def commit(self, *arguments: Any, **named: Any) -> str:
        self.death.at("before the commit")
        made = super().commit(*arguments, **named)
        self.death.at("after the commit")
        return made


class Rows(Projects):
    def __init__(self, database: Database, death: Death) -> None:
        super().__init__(database)
        self.death = death

    def add_version(self, *arguments: Any, **named: Any) -> Any:
        made = super().add_version(*arguments, **named)
        self.death.at("after the row")
        return made


class Sandbox(BubblewrapSandbox):
    death: Death

    def run(self, command: SandboxCommand, *, timeout: float) -> CompletedRun:
        self.death.at("before the program")
        done = super().run(command, timeout=timeout)
        self.death.at("after the program")
        return done


class Verifier:
    def verify(self, *_: Any, **__: Any) -> Verification:
        return Verification(passed=True, checks=(), findings=(), stages={})

    open_with = verify


def main(home: Path, build_id: str, moment: str) -> None:
    """Carry the build out."""
    death, clock = Death(moment), SystemClock()
    database = Database(make_engine(sqlite_url(home / "db.sqlite")))
    projects, builds, versions = Rows(database, death), Builds(database), Versions(home / "apps", death)
    sandbox = Sandbox()
    sandbox.death = death
    apps = AppSupervisor(sandbox, AppTokens(home / "keys.json", clock), home / "run")
    previews = Previews(apps, projects, versions, studio="http://studio.localhost")
    audit = Audit(death)
    parts = Parts(
        planner=None,  # type: ignore[arg-type]  # the build has its blueprint
        render=render,
        verifier=Verifier(),
        sandbox=sandbox,
        audit=audit,
        vault=Vault(home / "vault", home / "vault.json", clock),
        pseudonyms=AddressPseudonyms(bytes(32)),
        publish_routes=lambda: None,
        inspector=Analyzer(),
        open_body=lambda _: b"{}",
    )
    carrier = Carrier(sandbox, versions, previews, render, parts.verifier)
    look, proposals = Look(projects, versions, carrier), Proposals(versions)
    screening = Screening(parts.inspector, audit, parts.vault, open_body=parts.open_body, folder=versions.folder)
    events = EventStream(builds, clock)
    pipeline = Pipeline(
        parts,
        screening=screening,
        coding=Coding(parts, events, projects, versions, Locks(versions, audit), screening=screening),
        projects=projects,
        builds=builds,
        versions=versions,
        previews=previews,
        events=events,
        addresses=Addresses("localhost", 8080),
        succession=Succession(look, proposals, carrier, audit),
        contracts=Contracts(versions.beside("contracts"), projects, versions, proposals),
        clock=clock,
    )
    build = builds.get(build_id)
    assert build is not None
    try:
        pipeline.run(build, Control(120), principal="user:x")
    finally:
        apps.stop_all()
        database.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
