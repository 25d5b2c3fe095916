"""An app as one archive that needs nothing of the appliance: code, tests, container files, records, files, history."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from appliance.blueprint.naming import slug
from appliance.core.events import Event
from appliance.core.ids import new_id
from appliance.studio.errors import Busy, NotFound
from appliance.studio.evidence import Act, act
from appliance.studio.exchange import INSIDE, CommandFailed, exchange, read_plain, run_command
from appliance.studio.people import Actor, require_owner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from appliance.core.ports import AuditSink
    from appliance.core.sandboxing import Sandbox
    from appliance.db.records import Project, Version
    from appliance.db.repositories.projects import Projects
    from appliance.studio.preview import Previews
    from appliance.studio.releases import Releases
    from appliance.studio.version import VersionStore

MAX_FILES: Final = 20_000
MAX_FILE: Final = 1 << 30
MAX_DATA: Final = 4 << 30
_TABLE: Final = re.compile(r"[A-Za-z0-9_]{1,120}\.jsonl")
_UPLOAD: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Archive:
    """A finished archive: where it lies until it is sent, and what to call it."""

    path: Path
    name: str
    size: int
    sha256: str

    def remove(self) -> None:
        """Take it away after it was sent."""
        self.path.unlink(missing_ok=True)


class ExportService:
    """Makes archives, one at a time; what an earlier run left lying is removed at the start."""

    def __init__(
        self,
        folder: Path,
        *,
        projects: Projects,
        versions: VersionStore,
        previews: Previews,
        sandbox: Sandbox,
        audit: AuditSink,
        releases: Releases,
    ) -> None:
        self._folder, self._releases = folder, releases
        self._projects = projects
        self._versions = versions
        self._previews = previews
        self._sandbox = sandbox
        self._audit = audit
        self._one = threading.Lock()
        shutil.rmtree(folder, ignore_errors=True)

    def export(self, actor: Actor, project_id: str, *, published: bool = False) -> Archive:
        """Pack the current version of an app with everything that was entered in the preview; or, if ``published``, the
        release with what its users entered.

        Raises:
            NotFound: no such app among the person's own.
            NotBuiltYet, NotPublished: it has no version, or no release.
            Busy: another archive is being made.
            CommandFailed: the app did not give its records.
            AuditUnavailable: no evidence can be written, so nothing leaves.
        """
        project = self._projects.get(project_id)
        if project is None:
            message = "There is no such app."
            raise NotFound(message, action="Go back to your list of apps.")
        require_owner(actor, project)
        version = self._releases.version(project) if published else self._previews.current(project)
        records = "records of the release" if published else "records"
        details = {
            "version": version.number,
            "commit": version.commit,
            "contents": ["code", "history", records, "files"],
        }
        with (
            self._alone(),
            act(
                self._audit, Event.APP_EXPORTED, principal=actor.principal, resource=project.id, details=details
            ) as evidence,
        ):
            return self._make(project, version, evidence, self._releases if published else self._previews)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        if not self._one.acquire(blocking=False):
            message = "Another app is being exported right now."
            raise Busy(message, action="Try again in a minute.")
        try:
            yield
        finally:
            self._one.release()

    def _make(self, project: Project, version: Version, evidence: Act, source: Previews | Releases) -> Archive:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._folder / f"{new_id('exp')}.zip"
        name = slug(project.name)
        try:
            with (
                exchange(self._folder / "exchange") as shared,
                zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
            ):
                release = source.prepare(project)
                run_command(self._sandbox, release, shared, "dump", f"{INSIDE}/data")
                at = version.created_at.timetuple()[:6]
                for inside, content in self._versions.read(project.id, version.commit):
                    _put(archive, f"{name}/{inside}", content, at)
                _put(archive, f"{name}/history.bundle", self._versions.bundle(project.id), at)
                for inside, content in _data(shared / "data"):
                    _put(archive, f"{name}/data/{inside}", content, at)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        made = Archive(path, f"{name}.zip", path.stat().st_size, digest)
        evidence.details.update(archive_sha256=made.sha256, bytes=made.size)
        return made


def _put(archive: zipfile.ZipFile, name: str, content: bytes, at: tuple[int, ...]) -> None:
    info = zipfile.ZipInfo(name, (max(1980, at[0]), *at[1:6]))  # type: ignore[arg-type]
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, content)


def _data(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What the app wrote, and nothing that it should not have written.

    Raises:
        CommandFailed: more than there may be.
    """
    total = count = 0
    for inside, allowed in (("", re.compile(r"manifest\.json")), ("tables", _TABLE), ("files", _UPLOAD)):
        for name in _names(folder / inside):
            if not allowed.fullmatch(name):
                continue
            content = read_plain(folder / inside / name, MAX_FILE)
            total, count = total + len(content), count + 1
            if total > MAX_DATA or count > MAX_FILES:
                message = "The app holds more than one archive can."
                raise CommandFailed(message, cause=f"{count} files", action="Ask your operator for a copy of its data.")
            yield (f"{inside}/{name}" if inside else name), content


def _names(folder: Path) -> list[str]:
    """The names in a folder that must be a folder, not a link to one."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        message = "The app did not write its records."
        raise CommandFailed(message, cause=f"{folder.name}: {error.strerror}", action="Try again.") from error
    try:
        return sorted(os.listdir(handle))  # noqa: PTH208 - by handle: a name could lead elsewhere by now
    finally:
        os.close(handle)
