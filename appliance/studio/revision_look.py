"""What a proposed change would do: put into words, checked against what is protected, and tried on a copy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from appliance.blueprint.diff import diff
from appliance.blueprint.diff_words import Said, in_words
from appliance.blueprint.edit import things
from appliance.blueprint.parser import parse
from appliance.blueprint.protection import By, check_protection
from appliance.studio.errors import NotFound
from appliance.studio.proposal import Proposal, Sentence, Source
from appliance.studio.proposals import Kept
from appliance.studio.revision_questions import (
    decisions_by,
    rename_questions,
    renames_by,
    row_questions,
    with_notes,
)
from appliance.studio.standing import Standing, Step, standing, step, step_back

if TYPE_CHECKING:
    from appliance.blueprint.behaviour import Protection
    from appliance.blueprint.model import Blueprint
    from appliance.db.records import Project
    from appliance.db.repositories.projects import Projects
    from appliance.studio.carrying import Carried, Carrier
    from appliance.studio.proposal import Question
    from appliance.studio.version import VersionStore


class Look:
    """Looks at changes; changes nothing."""

    def __init__(self, projects: Projects, versions: VersionStore, carrier: Carrier) -> None:
        self._projects = projects
        self._versions = versions
        self._carrier = carrier

    def now(self, project: Project) -> Standing:
        """The version that runs.

        Raises:
            NotFound: there is none.
        """
        return self.then(project, project.current or 0)

    def then(self, project: Project, number: int) -> Standing:
        """A version.

        Raises:
            NotFound: there is none of that number.
        """
        version = self._projects.version(project.id, number)
        if version is None:
            message = f"This app has no version {number}."
            raise NotFound(message, action="Choose one from the list.")
        return standing(self._versions, version)

    def step(self, project: Project, kept: Kept, *, number: int) -> tuple[Standing, Step]:
        """From the version that runs to what is proposed, as version ``number``.

        Raises:
            NotFound, RenameRefused: it cannot be understood.
        """
        proposal = kept.proposal
        now = self.now(project)
        decisions = decisions_by(kept.answers)
        if proposal.restores is not None:
            then = self.then(project, proposal.restores)
            after = self._projects.version(project.id, proposal.restores + 1)
            since = "" if after is None else after.created_at.isoformat()
            return now, step_back(now, then, number=number, id_=proposal.id, since=since, decisions=decisions)
        blueprint = with_notes(replace(parse(proposal.blueprint), renames=proposal.renames), kept.answers)
        asked = diff(now.blueprint, blueprint).questions
        renames = (*proposal.renames, *renames_by(asked, kept.answers))
        made = step(now, blueprint, number=number, id_=proposal.id, renames=renames, decisions=decisions)
        return now, made

    def repaired(self, now: Standing, meant: Step, blueprint: Blueprint, kept: Kept, *, number: int) -> Step:
        """The same step to a blueprint from which a repair has taken something: renames of what is left still hold."""
        left = set(things(blueprint))
        renames = tuple(
            rename for rename in meant.changes.renames if (rename.kind, rename.entity, rename.after) in left
        )
        names = {f"{entity.name}.{field.name}" for entity in blueprint.entities for field in entity.fields}
        decisions = {name: made for name, made in decisions_by(kept.answers).items() if name in names}
        id_ = kept.proposal.id
        return step(now, blueprint, number=number, id_=id_, renames=renames, decisions=decisions)

    def at(self, project: Project, kept: Kept, *, locks: tuple[Protection, ...]) -> Kept:
        """The proposal with everything that can be said about it now.

        Raises:
            Protected: it touches what is closed to whoever proposes it.
            DiskFull, CarryingFailed: it cannot be tried.
        """
        proposal = kept.proposal
        now, found = self.step(project, kept, number=proposal.base + 1)
        changes = found.changes
        if proposal.restores is None:
            check_protection(changes, by=By.MODEL if proposal.source is Source.MODEL else By.MAKER, locks=locks)
        questions: tuple[Question, ...] = ()
        if proposal.restores is None:
            noted = with_notes(replace(parse(proposal.blueprint), renames=proposal.renames), kept.answers)
            questions = rename_questions(diff(now.blueprint, noted).questions, kept.answers)
        carried = None
        if all(question.answer for question in questions):  # before that, what is tried would not be what is meant
            carried = self._carrier.trial(now, found, None, name=proposal.id)
            questions += self._row_questions(proposal, carried, kept)
        said = in_words(changes, changes.before.language, _counts(carried))
        made = replace(
            proposal,
            screens=tuple(_sentence(item) for item in said.screens),
            data=tuple(_sentence(item) for item in said.data),
            access=tuple(_sentence(item) for item in said.access),
            effects=self._effects(project, found, carried),
            questions=questions,
            confirm=changes.losing,
        )
        return Kept(made, kept.answers)

    def _row_questions(self, proposal: Proposal, carried: Carried, kept: Kept) -> tuple[Question, ...]:
        asked = row_questions(carried.problems)
        open_ = {question.id for question in asked}
        answered = (
            replace(question, answer=kept.answers[question.id])
            for question in proposal.questions
            if question.id in kept.answers and question.id not in open_
        )
        rows = tuple(question for question in answered if question.id.partition(" ")[0] in ("value", "rows"))
        return (*rows, *asked)

    def _effects(self, project: Project, found: Step, carried: Carried | None) -> tuple[str, ...]:
        told = [] if carried is None else list(_told(carried))
        gone = {change.value("role") for change in found.changes.items if change.kind == "role.removed"}
        here = {change.value("role") for change in found.changes.items if change.kind == "role.added"}
        members = self._projects.members(project.id)
        for roles, text in (
            (gone, "{count} colleagues have the role {role}; without it they cannot open the app."),
            (here, "{count} colleagues had the role {role} before and have it again."),
        ):
            for role in sorted(roles):
                count = sum(member.role == role for member in members)
                if count:
                    told.append(text.format(count=count, role=role))
        return tuple(told)


def _told(carried: Carried) -> list[str]:
    told = [
        f"{table.after} of {table.before} records of {table.entity} are carried over."
        for table in carried.tables
        if table.before != table.after and table.after
    ]
    newer = [f"{table.newer} of {table.entity}" for table in carried.tables if table.newer]
    if newer:
        told.append(f"Records added since then stay: {', '.join(newer)}.")
    for count, text in (
        (carried.archived, "values change or are put aside; the old ones are kept, and undo brings them back."),
        (carried.brought_back, "records come back that were put aside."),
        (carried.emptied, "values that do not fit are left empty."),
    ):
        if count:
            told.append(f"{count} {text}")
    return told


def _counts(carried: Carried | None) -> dict[str, int]:
    """How many rows each change concerns, as far as the trial has shown it."""
    if carried is None:
        return {}
    gone = {table.entity: table.before for table in carried.tables if not table.after}
    return {**gone, **{f"{problem.entity}.{problem.name}": problem.count for problem in carried.problems}}


def _sentence(said: Said) -> Sentence:
    return Sentence(said.text, said.risk.value, said.subject)
