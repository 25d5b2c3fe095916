"""The code of an app's custom places: what still does what is asked is kept, the rest is written by the model.

Nothing here fails a build: a place without code is said, and the app works without it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from appliance.blueprint.behaviour import Part
from appliance.blueprint.model import Blueprint
from appliance.blueprint.parser import parse
from appliance.blueprint.places import Place, places
from appliance.codegen.custom.renaming import with_names
from appliance.codegen.custom.write import Status, Written
from appliance.codegen.emit.custom import read_back
from appliance.contract.binding import contract_in
from appliance.contract.functions import function_places
from appliance.core.events import Event
from appliance.core.ports import BodyKind, GenerationFailed
from appliance.core.private_files import write_private
from appliance.studio.evidence import act, sealed_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from appliance.blueprint.behaviour import Protection
    from appliance.contract.binding import Binding
    from appliance.db.records import Build, Project
    from appliance.db.repositories.projects import Projects
    from appliance.studio.control import Control
    from appliance.studio.events import EventStream
    from appliance.studio.locks import Locks
    from appliance.studio.parts import Parts
    from appliance.studio.screening import Screening
    from appliance.studio.version import VersionStore

REWRITE: Final = "rewrite.json"
NOT_AGAIN: Final = "it was not written last time; change its description or examples, or try again on the Code page"
CLOSED: Final = "it is protected, and what is there does not fit any more"
NO_MODEL: Final = "there is no model here that writes code"


class CodePart(Protocol):
    """Writes custom places; see :class:`appliance.codegen.custom.write.Coder`."""

    def keep(self, place: Place, source: str) -> Written:
        """Whether code that is there still does what is asked."""
        ...

    def write(self, place: Place, *, on_text: Callable[[str], None]) -> Written:
        """Write it anew."""
        ...


class Rewrites:
    """Which places the maker wants written anew at the next build: a file beside the app."""

    def __init__(self, versions: VersionStore) -> None:
        self._versions = versions

    def add(self, project_id: str, key: str) -> None:
        """Ask for one.

        Raises:
            PrivateFileError: it cannot be stored.
        """
        wanted = sorted({*self.get(project_id), key})
        write_private(self._file(project_id), json.dumps(wanted).encode())

    def get(self, project_id: str) -> frozenset[str]:
        """What is asked for; nothing if the file cannot be read."""
        try:
            found = json.loads(self._file(project_id).read_bytes())
        except (OSError, ValueError):
            return frozenset()
        return frozenset(str(key) for key in found) if isinstance(found, list) else frozenset()

    def forget(self, project_id: str) -> None:
        """They were tried."""
        self._file(project_id).unlink(missing_ok=True)

    def _file(self, project_id: str) -> Path:
        return self._versions.folder(project_id) / REWRITE


class Coding:
    """Gets the code of a blueprint during a build."""

    def __init__(
        self,
        parts: Parts,
        events: EventStream,
        projects: Projects,
        versions: VersionStore,
        locks: Locks,
        *,
        screening: Screening,
    ) -> None:
        self._parts = parts
        self._events = events
        self._projects = projects
        self._versions = versions
        self._locks = locks
        self._screening = screening
        self.rewrites = Rewrites(versions)

    def code_for(
        self,
        build: Build,
        project: Project,
        blueprint: Blueprint,
        control: Control,
        *,
        principal: str,
        binding: Binding | None = None,
    ) -> Mapping[str, str]:
        """The code by place; what was tried and what could not be written is published. ``binding``: operations of the
        app's API that compute are places, too.

        Raises:
            GenerationCancelled, BuildCancelled: somebody stopped it.
            SandboxUnavailable: code cannot be tried.
            SecretFound: the model wrote a secret into it.
            AuditUnavailable: no evidence can be written.
        """
        of_api = function_places(binding)
        wanted = (*places(blueprint), *of_api)
        if not wanted:
            return {}
        before, old = self._before(project)
        rewritten = self.rewrites.get(project.id)
        closed = _closed((*blueprint.protections, *self._locks.get(project.id)))
        code: dict[str, str] = {}
        for place in wanted:
            control.check()
            source = _earlier(place, before, old)
            made = self._one(build, place, source, control, principal=principal, again=place.key in rewritten,
                             closed=place.key in closed, tried=place in before)  # fmt: skip
            self._tell(build, place, made, of_api=place in of_api)
            if made.source:
                code[place.key] = made.source
        self.rewrites.forget(project.id)
        return code

    def _before(self, project: Project) -> tuple[tuple[Place, ...], dict[str, str]]:
        """The places of the version that runs, and their code."""
        version = None if project.current is None else self._projects.version(project.id, project.current)
        if version is None:
            return (), {}
        tree = self._versions.read(project.id, version.commit)
        blueprint = parse(dict(tree.files)["blueprint.app"].decode())
        contract = contract_in(dict(tree.files))
        functions = function_places(None if contract is None else contract.binding)
        return (*places(blueprint), *functions), read_back(tree, blueprint, functions)

    def _one(
        self,
        build: Build,
        place: Place,
        source: str,
        control: Control,
        *,
        principal: str,
        again: bool,
        closed: bool,
        tried: bool,
    ) -> Written:
        coder = self._parts.coder
        if coder is None:
            return Written(place.key, Status.REFUSED, source, 0, (), NO_MODEL)
        if source and (closed or not again):
            kept = coder.keep(place, source)
            if kept.status is Status.KEPT or closed:
                return kept if kept.status is Status.KEPT else replace(kept, problem=CLOSED)
        if not source and (closed or (tried and not again)):
            return Written(place.key, Status.REFUSED, "", 0, (), CLOSED if closed else NOT_AGAIN)
        details: dict[str, object] = {"place": place.key, "model": self._parts.model(), "build": build.id}
        with act(
            self._parts.audit, Event.CODE_WRITTEN, principal=principal, resource=build.project_id, details=details
        ) as evidence:
            try:
                made = coder.write(place, on_text=lambda _: control.check())
            except GenerationFailed as failed:
                made = Written(place.key, Status.REFUSED, "", 1, (), f"the model could not finish: {failed.message}")
            evidence.details.update(status=made.status.value, attempts=made.attempts)
            if made.source:  # before it is kept or shown anywhere
                self._screening.output(made.source, principal=principal, resource=build.project_id, build=build.id)
                evidence.details["code"] = sealed_text(
                    self._parts.vault, made.source, subject=build.requester.subject, kind=BodyKind.CODE
                )
        return made

    def _tell(self, build: Build, place: Place, made: Written, *, of_api: bool) -> None:
        results = [[item.text, item.passed, item.why] for item in made.results]
        self._events.publish(
            build.id,
            "code.written",
            place=place.key,
            status=made.status.value,
            attempts=made.attempts,
            source=made.source,
            problem=made.problem,
            results=results,
        )
        if made.source:
            for item in made.results:
                self._events.publish(
                    build.id, "check", stage="code", text=f"{place.key}: {item.text}", passed=item.passed, role=""
                )
            return
        what = "stays empty" if place.output is not None else "is not shown"
        what = "its operation answers 501" if of_api else what
        text = f"{place.key} has no code yet, so it {what}; everything else works. The reason: {made.problem}."
        self._events.publish(build.id, "note", text=text)


def _closed(protections: tuple[Protection, ...]) -> frozenset[str]:
    return frozenset(item.name for item in protections if item.part is Part.CUSTOM)


def _earlier(place: Place, before: tuple[Place, ...], old: Mapping[str, str]) -> str:
    """The code of the same place, perhaps under other names; nothing where something else is asked for now."""
    alike = [
        other
        for other in before
        if (other.description, other.output, [item.type for item in other.inputs])
        == (place.description, place.output, [item.type for item in place.inputs])
        and other.key in old
    ]
    same = [other for other in alike if other.key == place.key] or alike
    return with_names(old[same[0].key], same[0], place) if len(same) == 1 else ""
