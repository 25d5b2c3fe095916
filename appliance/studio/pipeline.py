"""One build, from the request to the running preview. The only place that knows the order of the stages.

A tree becomes the current version only after the verifier passed it; until the commit nothing that the maker can see
has changed, and after the commit the version stands whatever happens next.
"""

from __future__ import annotations

import shutil
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.core.errors import IntramuralError
from appliance.core.events import Event
from appliance.core.metering import counts, metered, together
from appliance.core.ports import BodyKind
from appliance.db.records import BuildState, Origin, Version
from appliance.studio.addresses import slug_for
from appliance.studio.contracts import rendered
from appliance.studio.events import TextStream
from appliance.studio.evidence import Act, act, sealed_code, sealed_text
from appliance.studio.people import pseudonym
from appliance.studio.report import build_report, not_verified, summary_of
from appliance.studio.run import TITLES, Run
from appliance.studio.schema import schema_digest
from appliance.studio.written import told_values, written_code
from appliance.verifier.repair import MAX_ROUNDS, repair, signature

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from appliance.blueprint.model import Blueprint
    from appliance.contract.binding import Contract
    from appliance.core.clock import Clock
    from appliance.core.filetree import FileTree
    from appliance.db.records import Build
    from appliance.db.repositories.builds import Builds
    from appliance.db.repositories.projects import Projects
    from appliance.studio.addresses import Addresses
    from appliance.studio.coding import Coding
    from appliance.studio.contracts import Contracts
    from appliance.studio.control import Control
    from appliance.studio.events import EventStream
    from appliance.studio.parts import Parts
    from appliance.studio.preview import Previews
    from appliance.studio.screening import Screening
    from appliance.studio.succession import Succession
    from appliance.studio.version import VersionStore
    from appliance.verifier.model import Check, Verification
    from appliance.verifier.repair import Signature


class Pipeline:
    """Runs builds, one at a time; the caller owns the thread."""

    def __init__(
        self,
        parts: Parts,
        *,
        projects: Projects,
        builds: Builds,
        versions: VersionStore,
        previews: Previews,
        events: EventStream,
        addresses: Addresses,
        succession: Succession,
        screening: Screening,
        coding: Coding,
        contracts: Contracts,
        clock: Clock,
    ) -> None:
        self._parts = parts
        self._succession = succession
        self._screening = screening
        self._coding = coding
        self._contracts = contracts
        self._projects = projects
        self._builds = builds
        self._versions = versions
        self._previews = previews
        self._events = events
        self._addresses = addresses
        self._clock = clock

    def run(self, build: Build, control: Control, *, principal: str) -> None:
        """Carry a build to its end; every way of ending is stored, streamed and audited.

        Raises:
            IntramuralError: the build failed or was stopped; the caller stores that.
        """
        project = self._projects.get(build.project_id)
        if project is None:  # a build row refers to its project: the database would not have taken it
            raise LookupError(build.project_id)
        run = Run(build, project, control, principal)
        self._builds.start(build.id, self._clock.now())
        details: dict[str, object] = {"build": build.id, "kind": build.origin.value}
        with act(
            self._parts.audit, Event.BUILD_STARTED, principal=principal, resource=project.id, details=details
        ) as evidence:
            self._events.publish(build.id, "build.started", request_kind=build.origin.value)
            try:
                version = self._make(run, evidence)
            finally:
                shutil.rmtree(self._workplace(run), ignore_errors=True)
        self._finish(run, version)

    def _make(self, run: Run, evidence: Act) -> Version:
        blueprint = self._plan(run)
        evidence.details["blueprint"] = self._sealed_blueprint(run, blueprint)
        self._screen(run, told_values(to_text(blueprint)))
        if run.build.origin is Origin.RESTORE:
            tree = self._succession.earlier(run.project, run.build).tree  # passed its checks when it was made
        else:
            blueprint, tree = self._write_and_verify(run, blueprint)
        with self._stage(run, "save"), self._versions.adding(run.project.id) as number:
            version = self._save(run, number, blueprint, tree)
        self._contracts.forget(run.build.id)
        evidence.details["version"] = version.number
        evidence.details["commit"] = version.commit
        return version

    def _screen(self, run: Run, text: str) -> None:
        self._screening.output(text, principal=run.principal, resource=run.project.id, build=run.build.id)

    def _sealed_blueprint(self, run: Run, blueprint: Blueprint) -> dict[str, object]:
        subject = run.build.requester.subject
        return sealed_text(self._parts.vault, to_text(blueprint), subject=subject, kind=BodyKind.BLUEPRINT)

    def _plan(self, run: Run) -> Blueprint:
        with self._stage(run, "plan"):
            if run.build.origin in (Origin.BLUEPRINT, Origin.REVISION, Origin.RESTORE):
                by_hand = run.build.origin is Origin.BLUEPRINT
                blueprint = parse(run.build.request) if by_hand else self._succession.proposed(run.project, run.build)
                self._events.publish(run.build.id, "blueprint.text", text=to_text(blueprint))
            else:
                text = TextStream(lambda piece: self._say_text(run, piece))

                def on_text(piece: str) -> None:
                    run.control.check()
                    text.write(piece)

                asked: dict[str, object] = {
                    "kind": run.build.origin.value,
                    "model": self._parts.model(),
                    "build": run.build.id,
                }
                with act(
                    self._parts.audit,
                    Event.PLAN_MADE,
                    principal=run.principal,
                    resource=run.project.id,
                    details=asked,
                ) as evidence:
                    plan = self._parts.planner.plan(run.build.request, on_text=on_text)
                    text.flush()
                    run.tokens = counts(plan.usage)
                    evidence.details["tokens"] = run.tokens
                blueprint = plan.blueprint
                if plan.assumed:
                    self._events.publish(run.build.id, "plan.assumed", names=list(plan.assumed))
            self._builds.record_progress(run.build.id, stages=run.stages, tokens=run.tokens)
            if run.project.current is None:
                self._projects.rename(run.project.id, blueprint.name, self._clock.now())
            return blueprint

    def _say_text(self, run: Run, piece: str) -> None:
        self._events.publish(run.build.id, "blueprint.text", text=piece)

    def _write_and_verify(self, run: Run, blueprint: Blueprint) -> tuple[Blueprint, FileTree]:
        """Render and verify; on red, repair the blueprint and try again while the findings change."""
        seen: set[Signature] = set()
        code: Mapping[str, str] | None = None
        for round_ in range(MAX_ROUNDS + 1):
            with self._stage(run, "write"):
                contract = self._contracts.of_build(run.build, run.project, blueprint)
                if code is None:
                    code = self._code(run, blueprint, contract)
                tree = rendered(self._parts, blueprint, code, contract)
                folder = self._workplace(run)
                shutil.rmtree(folder, ignore_errors=True)
                tree.write_to(folder)
            with self._stage(run, "verify"):
                result = self._verify(run, blueprint, contract)
            if result.passed:
                self._screen(run, written_code(tree))
                return blueprint, tree
            fixed = None if signature(result.findings) in seen else repair(blueprint, result.findings)
            seen.add(signature(result.findings))
            if fixed is None or round_ == MAX_ROUNDS:
                raise not_verified(result)
            blueprint = fixed.blueprint
            self._events.publish(run.build.id, "repair.started", round=round_ + 1, text=fixed.explanation)
            self._events.publish(run.build.id, "blueprint.reset")
            self._say_text(run, to_text(blueprint))
        raise AssertionError  # the loop returns or raises

    def _code(self, run: Run, blueprint: Blueprint, contract: Contract | None) -> Mapping[str, str]:
        """The code of its custom places; what the model did for it counts as the build's."""
        build, binding = run.build, None if contract is None else contract.binding
        with metered() as meter:
            try:
                return self._coding.code_for(
                    build, run.project, blueprint, run.control, principal=run.principal, binding=binding
                )
            finally:
                run.tokens = together(run.tokens, meter.tokens)
                self._builds.record_progress(run.build.id, stages=run.stages, tokens=run.tokens)

    def _verify(self, run: Run, blueprint: Blueprint, contract: Contract | None) -> Verification:
        def on_check(check: Check) -> None:
            run.control.check()
            self._events.publish(
                run.build.id, "check", stage=check.stage.value, text=check.title, passed=check.passed, role=check.role
            )

        more = {} if contract is None else {"binding": contract.binding}
        result = self._parts.verifier.verify(self._workplace(run), blueprint, on_check=on_check, **more)
        for finding in result.findings:
            self._events.publish(run.build.id, "finding", text=finding.message)
        return result

    def _save(self, run: Run, number: int, blueprint: Blueprint, tree: FileTree) -> Version:
        """Carry the records over while the app is held, then make version and records current in one commit."""
        at = self._clock.now()
        build = run.build
        with self._succession.next(
            run.project, build, blueprint, tree, number=number, principal=run.principal
        ) as successor:
            trailers = {
                "Version": str(number),
                "Origin": build.origin.value,
                "Build": build.id,
                "Author-Subject": build.requester.subject,
                **successor.trailers,
            }
            code = sealed_code(self._parts.vault, successor.tree, subject=build.requester.subject)
            with act(
                self._parts.audit,
                Event.VERSION_RESTORED if build.origin is Origin.RESTORE else Event.VERSION_COMMITTED,
                principal=run.principal,
                resource=run.project.id,
                details={"build": build.id, "version": number, "code": code, **successor.told},
            ) as evidence:
                # A commit stays for ever, so neither the person's words nor their name stand in it: only who.
                commit = self._versions.commit(
                    run.project.id,
                    successor.tree,
                    author=pseudonym(build.requester),
                    summary=f"Version {number}",
                    at=at,
                    trailers=trailers,
                )
                successor.keep()
                evidence.details["commit"] = commit
                version = Version(
                    project_id=run.project.id,
                    number=number,
                    commit=commit,
                    schema_digest=schema_digest(blueprint),
                    author=build.requester,
                    summary=summary_of(build),
                    origin=build.origin,
                    created_at=at,
                    build_id=build.id,
                    restored_from=successor.restores,
                )
                self._projects.add_version(
                    version,
                    name=blueprint.name,
                    about=blueprint.about,
                    slug=slug_for(blueprint.name),
                    roles=successor.roles,
                )
        return version

    def _finish(self, run: Run, version: Version) -> None:
        """The version stands; a preview that will not start now is started when somebody opens it."""
        project = self._projects.get(run.project.id) or run.project
        try:
            with self._stage(run, "start"):
                self._parts.publish_routes()
                self._previews.start(project)
        except IntramuralError as error:
            text = f"The app is saved and checked, but it did not start just now: {error.message}"
            self._events.publish(run.build.id, "finding", text=text)
        at = self._clock.now()
        self._builds.finish(run.build.id, BuildState.DONE, at=at, version=version.number)
        report = build_report(project, self._addresses, version=version.number, stages=run.stages, tokens=run.tokens)
        self._events.publish(run.build.id, "build.done", report=report)

    def _workplace(self, run: Run) -> Path:
        return self._versions.folder(run.project.id) / "work" / run.build.id

    @contextmanager
    def _stage(self, run: Run, name: str) -> Iterator[None]:
        run.control.check()
        self._events.publish(run.build.id, "stage.started", stage=name, title=TITLES[name])
        started = time.monotonic()
        yield
        seconds = time.monotonic() - started
        run.stages[name] = run.stages.get(name, 0.0) + seconds
        self._builds.record_progress(run.build.id, stages=run.stages)
        self._events.publish(run.build.id, "stage.finished", stage=name, seconds=round(seconds, 3))
