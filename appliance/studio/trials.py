"""Trials: a reviewer tries exactly the version that a request to publish is about, before deciding.

A trial runs under a name made of the request's identifier, with an origin, a sandbox and records of its own: the
examples of the blueprint or nothing, never what a maker or a colleague entered. Code and records lie in one folder,
``trials/<request>`` below the app's, and go when the request is decided, withdrawn or too old.
"""

from __future__ import annotations

import logging
import shutil
import threading
from typing import TYPE_CHECKING, Final

from appliance.authz.actions import Action
from appliance.blueprint.naming import package_name
from appliance.core.errors import IntramuralError, Refused
from appliance.core.events import Event
from appliance.core.ids import is_id
from appliance.db.approval_records import ApprovalKind, ApprovalState
from appliance.hosting.release import AppRelease
from appliance.studio.approval import act_on
from appliance.studio.errors import NotFound
from appliance.studio.permits import permit
from appliance.studio.releases import LiveRoute
from appliance.studio.standing import standing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from appliance.authz.authority import Authority
    from appliance.core.clock import Clock
    from appliance.core.ports import AuditSink
    from appliance.db.approval_records import Approval
    from appliance.db.records import Project, Version
    from appliance.db.repositories.projects import Projects
    from appliance.hosting.supervisor import AppSupervisor
    from appliance.studio.approval import ApprovalService
    from appliance.studio.people import Actor
    from appliance.studio.version import VersionStore

_log = logging.getLogger(__name__)
SUFFIX: Final = "--trial"
"""Of a trial's host label; names of apps never hold two hyphens in a row."""
FOLDER: Final = "trials"
_EXAMPLES: Final = "examples"
_EMPTY: Final = "empty"


class NothingToTry(Refused):
    """The request is decided, or it is not about a version of an app."""

    code = "nothing_to_try"


def trial_id(approval_id: str) -> str:
    """The identifier under which the trial for a request runs."""
    return f"trial_{approval_id.partition('_')[2]}"


def trial_label(slug: str) -> str:
    """The host label of the trial of the app at ``slug``; at most one request to publish an app waits at a time."""
    return f"{slug}{SUFFIX}"


def slug_of_trial(label: str) -> str | None:
    """The app's own label, if ``label`` is that of a trial."""
    return label.removesuffix(SUFFIX) if label.endswith(SUFFIX) else None


class Trials:
    """Starts trials when a reviewer opens them, and removes them. Safe for threads."""

    def __init__(
        self,
        apps: AppSupervisor,
        projects: Projects,
        versions: VersionStore,
        approvals: ApprovalService,
        authority: Authority,
        *,
        studio: str,
        audit: AuditSink,
        publish_routes: Callable[[], None],
        clock: Clock,
    ) -> None:
        """``studio`` is the one origin that may show a trial in a frame."""
        self._apps, self._projects, self._versions = apps, projects, versions
        self._approvals, self._authority = approvals, authority
        self._studio, self._audit, self._clock = studio, audit, clock
        self._publish_routes = publish_routes
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._routed: set[str] = set()

    # --- which -------------------------------------------------------------------------------------------------

    def waiting(self, project: Project) -> Approval | None:
        """The request to publish this app that waits for a decision now, if one does."""
        return next((one for one in self._approvals.of_project(project.id) if self._open(one)), None)

    def version(self, approval: Approval) -> Version:
        """The version that the request is about.

        Raises:
            NothingToTry: the request is decided, or the version is not the one that was handed in.
        """
        fresh = self._approvals.find(approval.id)
        found = None
        if fresh is not None and self._open(fresh):
            found = self._projects.version(fresh.project_id or "", int(fresh.subject["version"]))
        if fresh is None or found is None or found.commit != fresh.subject["commit"]:
            message = "There is nothing to try: the request does not wait for a decision any more."
            raise NothingToTry(message, action="Look at its page: it says what became of it.")
        return found

    def text(self, approval: Approval) -> str:
        """The blueprint of that version."""
        version = self.version(approval)
        return self._versions.read(version.project_id, version.commit).text("blueprint.app")

    def with_examples(self, approval: Approval) -> bool:
        """Whether its records began as the blueprint's examples, and not empty."""
        return not (self._folder(approval) / _EMPTY).exists()

    def routes(self) -> list[LiveRoute]:
        """What the front door must know: every request that could be tried."""
        found = []
        for approval in self._approvals.waiting():
            project = self._projects.get(approval.project_id or "") if self._open(approval) else None
            if project is not None and project.slug:
                socket = self._apps.address(trial_id(approval.id)).socket
                found.append(LiveRoute(trial_label(project.slug), socket))
        return found

    # --- running -----------------------------------------------------------------------------------------------

    def start(self, approval: Approval) -> Path:
        """Run it; returns its Unix socket.

        Raises:
            NothingToTry: the request is decided.
            Unavailable: it did not start.
        """
        if approval.id not in self._routed:
            self._publish_routes()
            self._routed.add(approval.id)
        with self._lock(approval):
            socket = self._apps.ensure_running(self._release(approval)).socket
        current = self._approvals.find(approval.id)
        if current is None or not self._open(current):  # decided while it started
            self.forget(approval)
        return socket

    def restart(self, actor: Actor, approval_id: str, *, examples: bool) -> Approval:
        """Throw its records away and begin again, with examples or empty.

        Raises:
            NotFound, NotAllowed: there is no such request for this person, or they may not try it.
            NothingToTry: the request is decided.
        """
        approval = self._approvals.get(actor, approval_id)
        permit(self._authority, self._approvals.rights.question(actor, Action.TRY_OUT, approval))
        version = self.version(approval)
        records = _EXAMPLES if examples else _EMPTY
        told = {"version": version.number, "records": records}
        with self._lock(approval), act_on(self._audit, Event.APPROVAL_TRIED, approval, actor.principal, **told):
            self._remove(approval)
            (self._folder(approval) / records).mkdir(parents=True, mode=0o700)
        return approval

    def forget(self, approval: Approval) -> None:
        """End it and remove what it held; harmless if there is none."""
        if approval.kind is not ApprovalKind.PUBLISH:
            return
        with self._lock(approval):
            self._remove(approval)
        if approval.id in self._routed:
            self._routed.discard(approval.id)
            try:
                self._publish_routes()
            except IntramuralError:  # the gate refuses whoever still comes
                _log.exception("the front door still has a route to the trial of %s", approval.id)

    def forget_ended(self) -> None:
        """Remove what trials left whose request was decided meanwhile; for the start."""
        for app_id in self._versions.apps():
            for path in self._versions.folder(app_id).glob(f"{FOLDER}/*"):
                found = self._approvals.find(path.name) if is_id(path.name) else None
                if found is None or not self._open(found):
                    shutil.rmtree(path, ignore_errors=True)

    def _remove(self, approval: Approval) -> None:
        self._apps.stop(trial_id(approval.id))
        shutil.rmtree(self._folder(approval), ignore_errors=True)

    def _release(self, approval: Approval) -> AppRelease:
        version = self.version(approval)
        project = self._projects.get(version.project_id)
        if project is None or not project.slug:
            message = "The app is gone."
            raise NotFound(message, action="Refuse the request.")
        examples = self.with_examples(approval)
        return AppRelease(
            app_id=trial_id(approval.id),
            slug=trial_label(project.slug),
            package=package_name(standing(self._versions, version).blueprint.name),
            code=self._versions.checkout(project.id, version.commit, place=f"{FOLDER}/{approval.id}/code"),
            data=self._folder(approval) / (_EXAMPLES if examples else _EMPTY),
            load_examples=examples,
            frame_ancestors=self._studio,
        )

    def _lock(self, approval: Approval) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(approval.id, threading.Lock())

    def _folder(self, approval: Approval) -> Path:
        return self._versions.folder(approval.project_id or "") / FOLDER / approval.id

    def _open(self, approval: Approval) -> bool:
        waits = approval.kind is ApprovalKind.PUBLISH and approval.state is ApprovalState.WAITING
        return waits and approval.project_id is not None and approval.expires_at > self._clock.now()
