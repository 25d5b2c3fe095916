"""What comes after a version: its tree with its lineage, its records, and the roles that have another name.

One place for every way in which a version is added: by a build and by a proposal that was accepted, forward or back.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from appliance.blueprint import lineage as lineages
from appliance.blueprint.parser import parse
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.db.records import Origin
from appliance.studio.carrying import Moved
from appliance.studio.evidence import act
from appliance.studio.revision_questions import with_notes
from appliance.studio.standing import Standing, Step, step, step_back, with_lineage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from appliance.blueprint.model import Blueprint
    from appliance.core.filetree import FileTree
    from appliance.core.ports import AuditSink
    from appliance.db.records import Build, Project
    from appliance.studio.carrying import Carrier
    from appliance.studio.proposals import Proposals
    from appliance.studio.revision_look import Look


@dataclass(frozen=True)
class Successor:
    """A version about to be committed. ``trailers`` go into its commit, ``told`` into the evidence."""

    tree: FileTree
    trailers: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, object] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    restores: int | None = None
    moved: Moved = field(default_factory=lambda: Moved(""))

    def keep(self) -> None:
        """It is committed: its records stay, whatever happens."""
        self.moved.keep()


class Succession:
    """From the version that runs to the next."""

    def __init__(self, look: Look, proposals: Proposals, carrier: Carrier, audit: AuditSink) -> None:
        self._look = look
        self._proposals = proposals
        self._carrier = carrier
        self._audit = audit

    def proposed(self, project: Project, build: Build) -> Blueprint:
        """The blueprint of the proposal that ``build`` carries out.

        Raises:
            NotFound: there is no such proposal.
        """
        kept = self._proposals.of_build(project.id, build.id)
        if kept.proposal.restores is not None:
            return self._look.then(project, kept.proposal.restores).blueprint
        return replace(with_notes(parse(kept.proposal.blueprint), kept.answers), renames=())

    def earlier(self, project: Project, build: Build) -> Standing:
        """The version that ``build`` brings back.

        Raises:
            NotFound: there is no such proposal or version.
        """
        kept = self._proposals.of_build(project.id, build.id)
        return self._look.then(project, kept.proposal.restores or 0)

    @contextmanager
    def next(
        self, project: Project, build: Build, blueprint: Blueprint, tree: FileTree, *, number: int, principal: str
    ) -> Iterator[Successor]:
        """Carry the records over; in the block the version must be committed, and then :meth:`Successor.keep` called.

        Raises:
            DiskFull, RowsInTheWay, CarryingFailed: nothing was changed.
        """
        if project.current is None:
            yield Successor(with_lineage(tree, lineages.first(blueprint)))
            return
        now, found, restores = self._step(project, build, blueprint, number)
        made = tree if restores is not None else with_lineage(tree, found.side.lineage)
        with self._carried(project, now, found, made, principal) as moved:
            trailers = {"Data": moved.data}
            if restores is not None:
                trailers["Restored-From"] = str(restores)
            told = {} if restores is None else {"restored_from": restores}
            yield Successor(made, trailers, told, found.roles(), restores, moved)

    @contextmanager
    def back(
        self, project: Project, now: Standing, then: Standing, *, number: int, principal: str
    ) -> Iterator[Successor]:
        """The same for going back without a proposal."""
        found = step_back(now, then, number=number, id_=new_id("rst"))
        with self._carried(project, now, found, then.tree, principal) as moved:
            restores = then.version.number
            trailers = {"Data": moved.data, "Restored-From": str(restores)}
            yield Successor(then.tree, trailers, {"restored_from": restores}, found.roles(), restores, moved)

    @contextmanager
    def _carried(self, project: Project, now: Standing, found: Step, tree: FileTree, principal: str) -> Iterator[Moved]:
        name = f"v{found.number}-{new_id('dat')}"
        details = {"from": now.data, "to": name, "version": found.number}
        if found.carry is None:
            yield Moved(now.data)
            return
        with (
            act(
                self._audit, Event.RECORDS_CARRIED, principal=principal, resource=project.id, details=details
            ) as evidence,
            self._carrier.carried(now, found, tree, name=name) as moved,
        ):
            done = moved.done
            evidence.details.update(
                rows={table.entity: [table.before, table.after] for table in done.tables},
                archived=done.archived,
                brought_back=done.brought_back,
                emptied=done.emptied,
            )
            yield moved

    def _step(
        self, project: Project, build: Build, blueprint: Blueprint, number: int
    ) -> tuple[Standing, Step, int | None]:
        if build.origin not in (Origin.REVISION, Origin.RESTORE):
            now = self._look.now(project)
            return now, step(now, blueprint, number=number, id_=build.id), None
        kept = self._proposals.of_build(project.id, build.id)
        now, found = self._look.step(project, kept, number=number)
        if kept.proposal.restores is None and found.side.blueprint != replace(blueprint, renames=()):
            # The verifier's repair took something away; names and answers still mean what they meant.
            found = self._look.repaired(now, found, blueprint, kept, number=number)
        return now, found, kept.proposal.restores
