"""Changes of an app from the first look to the build: proposed, explained, tried on a copy, answered, accepted.

Nothing of an app changes before the build that an accepted proposal starts; that build verifies the new version,
carries the records over while the app is held, and makes both current in one commit (see ``pipeline``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.blueprint.edit import apply_all
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.core.errors import Refused
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.core.ports import BodyKind
from appliance.db.records import BuildState, Origin
from appliance.studio.errors import Busy, NotFound
from appliance.studio.evidence import act, sealed_text
from appliance.studio.proposal import Proposal, ProposalState, Source
from appliance.studio.proposals import Kept

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from appliance.blueprint.behaviour import Protection, Rename
    from appliance.blueprint.edits import Edit
    from appliance.blueprint.model import Blueprint
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink, BodyVault
    from appliance.db.records import Build, Project
    from appliance.db.repositories.builds import Builds
    from appliance.studio.build import BuildService
    from appliance.studio.contracts import Contracts
    from appliance.studio.locks import Locks
    from appliance.studio.people import Actor
    from appliance.studio.project import ProjectService
    from appliance.studio.proposals import Proposals
    from appliance.studio.revision_look import Look


class NotReady(Refused):
    """The proposal cannot be accepted as it is: something is not answered or not confirmed, or it is settled."""

    code = "proposal_not_ready"


class RevisionService:
    """Proposals of one maker's apps."""

    def __init__(
        self,
        *,
        projects: ProjectService,
        builds: Builds,
        build_service: BuildService,
        proposals: Proposals,
        look: Look,
        locks: Locks,
        contracts: Contracts,
        audit: AuditSink,
        vault: BodyVault,
        clock: Clock,
    ) -> None:
        self._projects = projects
        self._builds = builds
        self._build_service = build_service
        self._proposals = proposals
        self._look = look
        self._locks = locks
        self._contracts = contracts
        self._audit = audit
        self._vault = vault
        self._clock = clock

    # --- proposing ---------------------------------------------------------------------------------------------------

    def propose_edits(self, actor: Actor, project_id: str, edits: Sequence[Edit]) -> Proposal:
        """Propose what direct edits make of the app.

        Raises:
            NotFound: no such app, or it has no version yet.
            EditRefused, Protected: it cannot be done; the message names the places.
            DiskFull, CarryingFailed: it cannot be tried on the records.
        """
        project = self._standing(actor, project_id)
        blueprint = apply_all(self._look.now(project).blueprint, edits)
        return self._propose(actor, project, Source.EDITS, blueprint, words="Changed by hand")

    def propose_text(self, actor: Actor, project_id: str, text: str) -> Proposal:
        """Propose an edited blueprint; it may hold ``rename`` lines.

        Raises:
            BlueprintError: a mistake in it, with line and column.
            RenameRefused: a rename that cannot be meant.
            NotFound, Protected, DiskFull, CarryingFailed: see :meth:`propose_edits`.
        """
        project = self._standing(actor, project_id)
        return self._propose(actor, project, Source.TEXT, parse(text), words="Blueprint edited")

    def propose_blueprint(
        self, actor: Actor, project_id: str, blueprint: Blueprint, *, words: str, left_out: Sequence[str] = ()
    ) -> Proposal:
        """Propose what the model made of ``words``; what is protected stays closed to it. ``left_out`` says what it
        meant and could not do.

        Raises:
            NotFound, Protected, RenameRefused, DiskFull, CarryingFailed: see :meth:`propose_edits`.
        """
        project = self._standing(actor, project_id)
        return self._propose(actor, project, Source.MODEL, blueprint, words=words, left_out=tuple(left_out))

    def propose_restore(self, actor: Actor, project_id: str, number: int) -> Proposal:
        """Propose to go back to version ``number``: code, tables, records and access.

        Raises:
            NotFound: no such app or version.
            DiskFull, CarryingFailed: it cannot be tried on the records.
        """
        project = self._standing(actor, project_id)
        blueprint = self._look.then(project, number).blueprint
        words = f"Back to version {number}"
        return self._propose(actor, project, Source.RESTORE, blueprint, words=words, restores=number)

    def _propose(
        self,
        actor: Actor,
        project: Project,
        source: Source,
        blueprint: Blueprint,
        *,
        words: str,
        restores: int | None = None,
        left_out: tuple[str, ...] = (),
    ) -> Proposal:
        if restores is None:  # an earlier version brings its own contract along
            self._contracts.check(project, blueprint)
        body = sealed_text(
            self._vault, to_text(replace(blueprint, renames=())), subject=actor.person.subject, kind=BodyKind.BLUEPRINT
        )
        details = {"source": source.value, "base": project.current, "restores": restores, "blueprint": body}
        with act(
            self._audit, Event.REVISION_PROPOSED, principal=actor.principal, resource=project.id, details=details
        ) as evidence:
            renames: tuple[Rename, ...] = blueprint.renames
            proposal = Proposal(
                id=new_id("prp"),
                project_id=project.id,
                author=actor.person,
                created_at=self._clock.now(),
                source=source,
                words=" ".join(words.split())[:400],
                base=project.current or 0,
                blueprint=to_text(replace(blueprint, renames=())),
                renames=renames,
                restores=restores,
                left_out=left_out,
            )
            kept = self._look.at(project, Kept(proposal), locks=self._locks.get(project.id))
            self._proposals.put(kept)
            made = kept.proposal
            evidence.details.update(proposal=made.id, questions=len(made.questions), puts_aside=len(made.confirm))
        return made

    # --- looking -----------------------------------------------------------------------------------------------------

    def get(self, actor: Actor, project_id: str, proposal_id: str) -> Proposal:
        """One proposal, with its state as it is now.

        Raises:
            NotFound: no such app or proposal.
        """
        project = self._projects.get(actor, project_id)
        return self._fresh(project, self._proposals.get(project.id, proposal_id)).proposal

    def open(self, actor: Actor, project_id: str) -> list[Proposal]:
        """What could still be accepted, newest first."""
        project = self._projects.get(actor, project_id)
        found = (self._fresh(project, kept).proposal for kept in self._proposals.all(project.id))
        return [proposal for proposal in found if proposal.state is ProposalState.OPEN]

    def answer(self, actor: Actor, project_id: str, proposal_id: str, answers: Mapping[str, str]) -> Proposal:
        """Answer questions, by their identifiers; the proposal again, with what follows from the answers.

        Raises:
            NotReady: it is settled already, or an answer is none of those that the question has.
            NotFound, Protected, DiskFull, CarryingFailed: see :meth:`propose_edits`.
        """
        project, kept = self._open(actor, project_id, proposal_id)
        known = {question.id: question for question in kept.proposal.questions}
        for id_, answer in answers.items():
            question = known.get(id_)
            choices = () if question is None else tuple(choice for choice, _ in question.options)
            if question is None or (choices and answer not in choices) or len(answer) > 1000:
                message = "This answer does not belong to a question of this proposal."
                raise NotReady(message, action="Reload the page and answer again.")
        said = {**kept.answers, **{id_: text for id_, text in answers.items() if text and text != "again"}}
        details = {"proposal": proposal_id, "answered": sorted(answers)}
        with act(
            self._audit, Event.RECORDS_TRIED, principal=actor.principal, resource=project.id, details=details
        ) as evidence:
            made = self._look.at(project, replace(kept, answers=said), locks=self._locks.get(project.id))
            self._proposals.put(made)
            evidence.details.update(open_questions=len(made.proposal.unanswered))
        return made.proposal

    def withdraw(self, actor: Actor, project_id: str, proposal_id: str) -> Proposal:
        """Take a proposal back; nothing of the app has changed by it.

        Raises:
            NotFound, NotReady: there is none, or it is settled already.
        """
        project, kept = self._open(actor, project_id, proposal_id)
        with act(
            self._audit,
            Event.REVISION_WITHDRAWN,
            principal=actor.principal,
            resource=project.id,
            details={"proposal": proposal_id},
        ):
            made = replace(kept, proposal=replace(kept.proposal, state=ProposalState.WITHDRAWN))
            self._proposals.put(made)
        return made.proposal

    # --- accepting ---------------------------------------------------------------------------------------------------

    def accept(self, actor: Actor, project_id: str, proposal_id: str, *, confirmed: Collection[str] = ()) -> Build:
        """Begin to carry it out; ``confirmed`` holds the names of everything that is put aside.

        Raises:
            NotReady: a question is open, a loss is not confirmed, or the app has another version by now.
            Busy: the app is being built, or the queue is full.
            NotFound, AuditUnavailable: nothing was started.
        """
        project, kept = self._open(actor, project_id, proposal_id)
        proposal = kept.proposal
        _check_ready(proposal, confirmed)
        latest = self._builds.latest(project.id)
        if latest is not None and not latest.state.final:
            message = "This app is being built already."
            raise Busy(message, action="Wait until it is done, or stop it.")
        details = {"proposal": proposal.id, "source": proposal.source.value, "confirmed": sorted(proposal.confirm)}
        with act(
            self._audit, Event.REVISION_ACCEPTED, principal=actor.principal, resource=project.id, details=details
        ) as evidence:
            # The build's name is stored before the build: one that finds no proposal would not know what to do.
            build_id = new_id("bld")
            accepted = replace(proposal, state=ProposalState.ACCEPTED, build=build_id)
            self._proposals.put(replace(kept, proposal=accepted))
            origin = Origin.RESTORE if proposal.source is Source.RESTORE else Origin.REVISION
            build = self._build_service.submit(
                actor, proposal.words, origin=origin, project_id=project.id, build_id=build_id
            )
            evidence.details["build"] = build.id
        return build

    # --- what IT locked ----------------------------------------------------------------------------------------------

    def locks(self, actor: Actor, project_id: str) -> tuple[Protection, ...]:
        """The parts of an app that IT has locked.

        Raises:
            NotFound: no such app.
        """
        return self._locks.get(self._projects.get(actor, project_id).id)

    def set_locks(self, actor: Actor, project_id: str, protections: Collection[Protection]) -> None:
        """Lock exactly these parts of an app; only the operator may.

        Raises:
            NotAllowed: somebody else asks.
            NotFound: no such app.
        """
        self._locks.put(actor, project_id, tuple(protections))

    # --- states ------------------------------------------------------------------------------------------------------

    def _standing(self, actor: Actor, project_id: str) -> Project:
        project = self._projects.get(actor, project_id)
        if project.current is None:
            message = "This app has no working version yet."
            raise NotFound(message, action="Describe it again, or change your words.")
        return project

    def _open(self, actor: Actor, project_id: str, proposal_id: str) -> tuple[Project, Kept]:
        project = self._projects.get(actor, project_id)
        kept = self._fresh(project, self._proposals.get(project.id, proposal_id))
        if kept.proposal.state is not ProposalState.OPEN:
            message = "This proposal is settled already, or the app has changed since it was made."
            raise NotReady(message, action="Propose the change again.")
        return project, kept

    def _fresh(self, project: Project, kept: Kept) -> Kept:
        """With the state as it is now: a build that failed leaves its proposal open, another version makes it old."""
        proposal = kept.proposal
        if proposal.state is ProposalState.ACCEPTED:
            build = self._builds.get(proposal.build or "")
            if build is not None and build.state not in (BuildState.FAILED, BuildState.CANCELLED):
                return kept
            proposal = replace(proposal, state=ProposalState.OPEN, build=None)
        if proposal.state is ProposalState.OPEN and proposal.base != project.current:
            proposal = replace(proposal, state=ProposalState.OUTDATED)
        return replace(kept, proposal=proposal)


def _check_ready(proposal: Proposal, confirmed: Collection[str]) -> None:
    if proposal.empty:
        message = "Nothing would change."
        raise NotReady(message, action="Change something first.")
    if proposal.unanswered:
        message = f"A question is open: {proposal.unanswered[0].text}"
        raise NotReady(message, action="Answer it first.")
    missing = [name for name in proposal.confirm if name not in confirmed]
    if missing:
        message = f"What would be put aside must be confirmed by name: {', '.join(missing)}."
        raise NotReady(message, action="Confirm each of them.")
