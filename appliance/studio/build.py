"""Builds as people ask for them: a bounded queue, one build at a time, cancel, and what comes out of each."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from appliance.authz.questions import DEFAULT_LEVEL
from appliance.blueprint.parser import parse
from appliance.blueprint.printer import to_text
from appliance.core.act_context import ActContext, acting, current_context
from appliance.core.errors import IntramuralError
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.core.ports import BodyKind, GenerationCancelled
from appliance.db.records import Build, BuildState, Origin, Project
from appliance.planner.request import RequestTooLong, check_request
from appliance.studio.control import Control
from appliance.studio.errors import BuildCancelled, Busy, NotFound, defect, stopped_while_waiting
from appliance.studio.evidence import act, sealed_text
from appliance.studio.fair_queue import FairQueue
from appliance.studio.people import Actor, require_maker, require_owner
from appliance.studio.screening import Choice, Cleared

if TYPE_CHECKING:
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink, BodyVault
    from appliance.core.settings import BuildSettings
    from appliance.db.repositories.builds import Builds
    from appliance.db.repositories.projects import Projects
    from appliance.studio.events import EventStream
    from appliance.studio.pipeline import Pipeline
    from appliance.studio.quotas import Quotas
    from appliance.studio.screening import Screening

MAX_BLUEPRINT: Final = 64_000
MAX_WORDS: Final = 400
STOP_SECONDS: Final = 20.0
_log = logging.getLogger(__name__)


class BuildService:
    """Takes requests, keeps their order, and carries them out on one thread."""

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        projects: Projects,
        builds: Builds,
        events: EventStream,
        audit: AuditSink,
        vault: BodyVault,
        screening: Screening,
        quotas: Quotas,
        settings: BuildSettings,
        clock: Clock,
    ) -> None:
        self._pipeline = pipeline
        self._projects = projects
        self._builds = builds
        self._events = events
        self._audit = audit
        self._vault = vault
        self._screening = screening
        self._quotas = quotas
        self._settings = settings
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: FairQueue[tuple[Build, str]] = FairQueue()
        self._contexts: dict[str, ActContext] = {}
        """Where the builds that wait were asked for."""
        self._told: dict[str, int] = {}
        """Which place in the queue each was last told."""
        self._running: tuple[str, Control] | None = None
        self._stopping = False
        self._thread: threading.Thread | None = None

    # --- asking --------------------------------------------------------------------------------------------------

    def submit(
        self,
        actor: Actor,
        request: str | Cleared,
        *,
        origin: Origin = Origin.PROMPT,
        project_id: str = "",
        build_id: str = "",
        choice: Choice = Choice.NONE,
        level: int = DEFAULT_LEVEL,
    ) -> Build:
        """Take a request: for a new app, or for the next version of ``project_id``; ``build_id`` if it has a name yet.

        ``choice`` is what the maker said about personal data in the words, if they were asked; ``level`` the class of
        a new app's data.

        Raises:
            SecretFound, AskFirst: the words hold what must not be sent, or what the maker has to decide about.
            Refused: the words cannot be used, or the person may not build; the reason is for the person.
            BlueprintError: a blueprint with a mistake in it; line, column and hint are for the person.
            Busy: the queue is full, or this app is being built already.
            AuditUnavailable: no evidence can be written, so nothing is started.
        """
        resource = project_id or "new-app"
        cleared = self._cleared(actor, request, origin, choice, resource)
        request = cleared.text
        kind = BodyKind.BLUEPRINT if origin is Origin.BLUEPRINT else BodyKind.PROMPT
        body = sealed_text(self._vault, request, subject=actor.person.subject, kind=kind)
        details = {"body": body, "kind": origin.value}
        with act(
            self._audit, Event.PROMPT_SUBMITTED, principal=actor.principal, resource=resource, details=details
        ) as evidence:
            require_maker(actor)
            request = self._usable(request, origin)
            with self._changed:
                self._admit(actor, project_id)
                project = self._own_project(actor, project_id) if project_id else self._new_project(actor, level)
                build = Build(
                    id=build_id or new_id("bld"),
                    project_id=project.id,
                    requester=actor.person,
                    origin=origin,
                    request=request,
                    state=BuildState.QUEUED,
                    created_at=self._clock.now(),
                    department=self._quotas.department_of(actor.groups),
                )
                self._builds.add(build)
                self._projects.touch(project.id, build.created_at)
                self._screening.keep(project.id, actor, cleared)
                self._waiting.push(build.requester.subject, (build, actor.principal))
                self._contexts[build.id] = current_context()
                self._tell_waiting()
                self._changed.notify_all()
            evidence.details.update(build=build.id, app=project.id)
        return build

    def cancel(self, actor: Actor, build_id: str) -> None:
        """Stop a build: at once if it waits, at its next step if it runs. Nothing happens if it is over.

        Raises:
            NotFound: no such build among the person's own.
            AuditUnavailable: it cannot be recorded; the build goes on.
        """
        build = self.find(actor, build_id)
        details = {"build": build.id}
        with act(
            self._audit,
            Event.BUILD_CANCELLED,
            principal=actor.principal,
            resource=build.project_id,
            details=details,
        ):
            self._cancel(build)

    def _cancel(self, build: Build) -> None:
        build_id = build.id
        with self._changed:
            if self._running is not None and self._running[0] == build_id:
                self._running[1].cancel()
                return
            if not self._waiting.remove(lambda item: item[0].id == build_id):
                return
            self._contexts.pop(build_id, None)
            self._tell_waiting()
        self._end(build, stopped_while_waiting())

    def find(self, actor: Actor, build_id: str) -> Build:
        """A build of one of the person's own apps.

        Raises:
            NotFound: otherwise.
        """
        build = self._builds.get(build_id)
        project = None if build is None else self._projects.get(build.project_id)
        if build is None or project is None:
            message = "There is no such build."
            raise NotFound(message, action="Go back to your list of apps.")
        require_owner(actor, project)
        return build

    def position(self, build_id: str) -> int | None:
        """1 for the next build, 0 for the one that runs, None for one that is over."""
        with self._changed:
            if self._running is not None and self._running[0] == build_id:
                return 0
            for index, (build, _) in enumerate(self._waiting.order(), start=1):
                if build.id == build_id:
                    return index
        return None

    def _cleared(self, actor: Actor, request: str | Cleared, origin: Origin, choice: Choice, resource: str) -> Cleared:
        if isinstance(request, Cleared):
            return request
        if origin is Origin.PROMPT:
            return self._screening.words(actor, request, choice=choice, resource=resource)
        if origin is Origin.BLUEPRINT:
            self._screening.output(request, principal=actor.principal, resource=resource)
        return Cleared(request)  # words about a proposal were looked at when it was asked for

    def _tell_waiting(self) -> None:
        """Say to everybody who waits how many builds come first, and how long that usually takes."""
        ahead = 1 if self._running else 0
        usual = self._quotas.build_seconds()
        for index, (build, _) in enumerate(self._waiting.order(), start=1):
            position = index + ahead
            if self._told.get(build.id) != position:
                self._told[build.id] = position
                seconds = round((position - 1) * usual)
                self._events.publish(build.id, "build.queued", position=position, seconds=seconds)
        waiting = {build.id for build, _ in self._waiting.order()}
        self._told = {name: position for name, position in self._told.items() if name in waiting}

    def _usable(self, request: str, origin: Origin) -> str:
        if origin in (Origin.REVISION, Origin.RESTORE):  # what is done stands in the proposal; these are words about it
            return request[:MAX_WORDS]
        if origin is not Origin.BLUEPRINT:
            return check_request(request, limit=self._settings.prompt_characters).text
        if len(request) > MAX_BLUEPRINT:
            message = f"The blueprint has {len(request):,} characters; up to {MAX_BLUEPRINT:,} can be taken in."
            raise RequestTooLong(message, action="Split the app into two.")
        return to_text(parse(request))

    def _admit(self, actor: Actor, project_id: str) -> None:
        if self._stopping or self._thread is None:
            message = "The appliance is stopping, so nothing new is started."
            raise Busy(message, action="Try again in a minute; your words stay in the box.")
        if len(self._waiting) >= self._settings.queue:
            message = f"{len(self._waiting)} builds are waiting already."
            raise Busy(message, action="Try again in a few minutes; your words stay in the box.")
        mine = self._waiting.of(actor.person.subject)
        if mine >= self._quotas.at_once:
            message = f"{mine} of your builds are waiting already."
            raise Busy(message, action="Wait until one of them is done, or stop one.")
        self._quotas.admit(actor)
        latest = self._builds.latest(project_id) if project_id else None
        if latest is not None and not latest.state.final:
            message = "This app is being built already."
            raise Busy(message, action="Wait until it is done, or stop it.")

    def _own_project(self, actor: Actor, project_id: str) -> Project:
        project = self._projects.get(project_id)
        if project is None:
            message = "There is no such app."
            raise NotFound(message, action="Go back to your list of apps.")
        require_owner(actor, project)
        return project

    def _new_project(self, actor: Actor, level: int) -> Project:
        now = self._clock.now()
        project = Project(new_id("app"), "New app", "", actor.person, created_at=now, changed_at=now, level=level)
        self._projects.add(project)
        return project

    # --- doing ---------------------------------------------------------------------------------------------------

    def start(self, waiting: list[tuple[Build, str]]) -> None:
        """Begin to work; ``waiting`` were queued before the last stop, oldest first."""
        with self._changed:
            for build, principal in waiting:
                self._waiting.push(build.requester.subject, (build, principal))
            self._thread = threading.Thread(target=self._work, name="builds", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Interrupt the running build and wait for its end; waiting builds stay queued for the next start."""
        with self._changed:
            self._stopping = True
            if self._running is not None:
                self._running[1].interrupt()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopping or len(self._waiting) > 0)
                if self._stopping:
                    return
                build, principal = self._waiting.pop()
                context = self._contexts.pop(build.id, ActContext())
                control = Control(self._settings.seconds)
                self._running = (build.id, control)
                self._tell_waiting()
            try:
                with acting(context):
                    self._pipeline.run(build, control, principal=principal)
            except IntramuralError as error:
                self._end_safely(build, error)
            except Exception as error:  # noqa: BLE001 - the last boundary: a defect must not end the queue
                _log.exception("build %s failed", build.id)
                self._end_safely(build, defect(error))
            finally:
                with self._changed:
                    self._running = None

    def _end_safely(self, build: Build, error: IntramuralError) -> None:
        try:
            self._end(build, error)
        except IntramuralError:
            _log.exception("the end of build %s could not be stored; it is completed at the next start", build.id)

    def _end(self, build: Build, error: IntramuralError) -> None:
        project = self._projects.get(build.project_id)
        kept = None if project is None else project.current
        cancelled = isinstance(error, (BuildCancelled, GenerationCancelled))
        state = BuildState.CANCELLED if cancelled else BuildState.FAILED
        self._builds.finish(build.id, state, at=self._clock.now(), error=error.as_dict())
        if cancelled:
            self._events.publish(build.id, "build.cancelled", kept_version=kept)
        else:
            self._events.publish(build.id, "build.failed", error=error.as_dict(), kept_version=kept)
