"""From a table to an app with its rows: proposal, decisions, build, loading, and a report of what was left out."""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from appliance.authz.questions import DEFAULT_LEVEL, LEVELS
from appliance.blueprint.naming import identifier, table_name
from appliance.blueprint.printer import to_text
from appliance.core.errors import IntramuralError
from appliance.core.events import Event
from appliance.db.records import Origin
from appliance.importer.compose import compose, load_order
from appliance.importer.propose import propose
from appliance.studio.errors import NotFound
from appliance.studio.evidence import act
from appliance.studio.exchange import INSIDE, exchange, read_plain, run_command
from appliance.studio.import_screening import screen_table
from appliance.studio.left_out import LeftOut, parse_report, save_left_out
from appliance.studio.people import Actor, require_maker, require_owner
from appliance.studio.screening import Choice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from appliance.core.ports import AuditSink
    from appliance.core.sandboxing import Sandbox
    from appliance.db.records import Build, Project
    from appliance.db.repositories.projects import Projects
    from appliance.hosting.release import AppRelease
    from appliance.importer.grid import Source
    from appliance.importer.proposal import Decisions, ImportProposal, TableProposal
    from appliance.studio.build import BuildService
    from appliance.studio.drafts import Draft, Drafts
    from appliance.studio.events import EventStream
    from appliance.studio.screening import Screening
    from appliance.studio.version import VersionStore

MAX_REPORT: Final = 64 << 20
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A draft and what would come of it."""

    draft: Draft
    proposal: ImportProposal


class ImportService:
    """What a maker does with tables. Rows are loaded when the app first starts; see :meth:`before_start`."""

    def __init__(
        self,
        drafts: Drafts,
        builds: BuildService,
        *,
        projects: Projects,
        versions: VersionStore,
        events: EventStream,
        sandbox: Sandbox,
        audit: AuditSink,
        screening: Screening,
    ) -> None:
        self._screening = screening
        self._drafts = drafts
        self._builds = builds
        self._projects = projects
        self._versions = versions
        self._events = events
        self._sandbox = sandbox
        self._audit = audit
        self._lock = threading.Lock()

    # --- before the app ------------------------------------------------------------------------------------------

    def take(self, actor: Actor, sources: Sequence[Source]) -> Proposed:
        """Keep tables for a day and say what they would become.

        Raises:
            ImportRefused: they cannot be read; nothing was kept.
            NotAllowed: the person is no maker.
        """
        require_maker(actor)
        proposal = propose(sources)
        return Proposed(self._drafts.add(actor.person.subject, sources), proposal)

    def look(self, actor: Actor, draft_id: str) -> Proposed:
        """What a draft would become.

        Raises:
            NotFound: it is not one of the person's own, or too old.
        """
        draft = self._drafts.get(actor.person.subject, draft_id)
        return Proposed(draft, propose(draft.sources, draft.decisions))

    def decide(self, actor: Actor, draft_id: str, decisions: Decisions) -> Proposed:
        """Change what the draft would become.

        Raises:
            NotFound: it is not one of the person's own, or too old.
        """
        draft = self._drafts.get(actor.person.subject, draft_id)
        proposal = propose(draft.sources, decisions)
        return Proposed(self._drafts.decide(draft, decisions), proposal)

    def discard(self, actor: Actor, draft_id: str) -> None:
        """Forget a draft at once."""
        self._drafts.remove(self._drafts.get(actor.person.subject, draft_id))

    def create(self, actor: Actor, draft_id: str, choice: Choice = Choice.NONE, level: int = DEFAULT_LEVEL) -> Build:
        """Build the app of a draft; its rows are loaded when it first starts. ``choice``: about personal data in it;
        ``level``: the class of the data.

        Raises:
            SecretFound, AskFirst: a column holds what must not be in an app, or what the maker decides about.
            ImportRefused: a question is open, or nothing is kept.
            Refused: the app cannot be built; the reason is for the person.
            Busy: the queue is full.
        """
        proposed = self.look(actor, draft_id)
        proposal, cleared = screen_table(self._screening, actor, proposed.proposal, choice, LEVELS[level])
        text = to_text(compose(proposal))
        tables = proposal.kept
        details = {
            "sources_sha256": [hashlib.sha256(source.content).hexdigest() for source in proposed.draft.sources],
            "rows": sum(len(table.rows) for table in tables),
            "left_out": sum(len(table.bad) for table in tables),
        }
        with act(
            self._audit, Event.DATA_IMPORTED, principal=actor.principal, resource="new-app", details=details
        ) as evidence:
            with self._lock:  # the app must not start before its rows lie ready
                build = self._builds.submit(actor, text, origin=Origin.BLUEPRINT, level=level)
                self._screening.keep(build.project_id, actor, cleared)
                self._lay_ready(build, actor, proposal)
            evidence.details.update(app=build.project_id, build=build.id)
        self._drafts.remove(proposed.draft)
        return build

    def _lay_ready(self, build: Build, actor: Actor, proposal: ImportProposal) -> None:
        folder = self._folder(build.project_id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        tables = []
        for number, table in enumerate(load_order(proposal)):
            with (folder / f"{number}.jsonl").open("w", encoding="utf-8") as stream:
                for row in table.rows:
                    values = {identifier(name): text for name, text in row.values.items()}
                    line = {"row": row.number, "values": values, "cells": row.cells, "problems": row.problems}
                    stream.write(json.dumps(line) + "\n")
            tables.append(_description(number, table, proposal))
        person = actor.person
        told = {
            "import": build.id,
            "as": {"subject": person.subject, "name": person.name, "email": person.email},
            "tables": tables,
        }
        fresh = folder / "pending.new"
        fresh.write_text(json.dumps(told), encoding="utf-8")
        fresh.replace(folder / "pending.json")

    # --- when the app starts -------------------------------------------------------------------------------------

    def before_start(self, project: Project, release: AppRelease) -> None:
        """Load the rows of an import into an app that is about to start for the first time.

        Whatever goes wrong is written to the report, and every row that is not in the app stays in the files of rows
        that were left out. Nothing is raised: an app without its rows still is an app.
        """
        with self._lock:
            folder = self._folder(project.id)
            if not (folder / "pending.json").exists():
                return
            told = json.loads((folder / "pending.json").read_text(encoding="utf-8"))
            problem, report = "", None
            try:
                report = self._load(told, folder, release)
            except IntramuralError as error:
                _log.error("the rows of %s were not loaded: %s", project.id, error)
                problem = error.message
            left = save_left_out(folder, told, report, problem)
            (folder / "pending.json").rename(folder / "loaded.json")
            for path in folder.glob("*.jsonl"):
                path.unlink()
            self._events.publish(told["import"], "finding", text=left.sentence)

    def _load(self, told: dict[str, Any], folder: Path, release: AppRelease) -> dict[str, Any]:
        with exchange(folder / "exchange") as shared:
            for item in told["tables"]:
                with (
                    (folder / item["file"]).open(encoding="utf-8") as source,
                    (shared / item["file"]).open("w") as target,
                ):
                    for line in source:
                        row = json.loads(line)
                        if not row["problems"]:
                            target.write(json.dumps({"row": row["row"], "values": row["values"]}) + "\n")
            (shared / "import.json").write_text(json.dumps(told), encoding="utf-8")
            run_command(self._sandbox, release, shared, "import", INSIDE)
            return parse_report(read_plain(shared / "report.json", MAX_REPORT), told)

    # --- afterwards ----------------------------------------------------------------------------------------------

    def report(self, actor: Actor, project_id: str) -> LeftOut:
        """How the import of an app went.

        Raises:
            NotFound: the app is not the person's own, or was not made from a table.
        """
        return LeftOut.read(self._own(actor, project_id))

    def left_out(self, actor: Actor, project_id: str, number: int) -> bytes:
        """The rows of one table that are not in the app, as CSV with the reasons.

        Raises:
            NotFound: there are none.
        """
        path = self._own(actor, project_id) / f"left-out-{number}.csv"
        if not path.exists():
            message = "No rows of this table were left out."
            raise NotFound(message, action="Go back to the app.")
        return path.read_bytes()

    def _own(self, actor: Actor, project_id: str) -> Path:
        folder = self._folder(project_id)
        project = self._projects.get(project_id)
        if project is None or not (folder / "report.json").exists():
            message = "This app was not made from a table."
            raise NotFound(message, action="Go back to your list of apps.")
        require_owner(actor, project)
        return folder

    def _folder(self, project_id: str) -> Path:
        return self._versions.folder(project_id) / "import"


def _description(number: int, table: TableProposal, proposal: ImportProposal) -> dict[str, Any]:
    entities = {item.index: _table(item.entity) for item in proposal.kept}
    width = max((len(row.cells) for row in table.rows), default=0)
    headings = [column.header or column.field for column in table.columns][:width]
    return {
        "table": entities[table.index],
        "name": table.entity,
        "file": f"{number}.jsonl",
        "headings": headings,
        "refs": {
            identifier(column.field): entities[column.target] for column in table.kept if column.target is not None
        },
    }


def _table(entity: str) -> str:
    """The table as the app's models call it: SQLite keeps names that start with ``sqlite_`` for itself."""
    name = table_name(entity)
    return f"x_{name}" if name.startswith("sqlite_") else name
