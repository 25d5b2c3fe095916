"""The records of an app on their way from one version to the next: copied, carried over in the sandbox, checked.

The app's own program does the work (``python -m <package> migrate``), where it can do no harm; the appliance only
copies files, and believes nothing of what comes back but numbers and short texts. The folder of the version before is
never written to: it is the snapshot.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from appliance.blueprint.naming import package_name
from appliance.core.errors import IntramuralError, Refused
from appliance.core.sandboxing import SandboxCommand, SandboxLimits
from appliance.studio.copying import DATABASE, copy_records, size_of, sync_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from appliance.blueprint.model import Blueprint
    from appliance.core.filetree import FileTree
    from appliance.core.sandboxing import Sandbox
    from appliance.studio.parts import VerifierPart
    from appliance.studio.standing import Standing, Step
    from appliance.studio.version import VersionStore

SECONDS: Final = 300.0
SPARE_BYTES: Final = 64 << 20
MAX_RESULT: Final = 2 << 20
MAX_SHOWN: Final = 20


class Holder(Protocol):
    """Keeps an app asleep for a while: its preview, or its release."""

    def held(self, project_id: str) -> AbstractContextManager[None]:
        """Put it to sleep until the block ends."""
        ...


class DiskFull(Refused):
    """There is no room for a second copy of the records, so nothing was begun."""

    code = "disk_full"


class RowsInTheWay(Refused):
    """Records do not fit the new version; ``problems`` tells which. Nothing was changed."""

    code = "rows_in_the_way"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        first = problems[0]
        message = f"{first.count} records of {first.entity} do not fit the change of “{first.name}”."
        cause = "; ".join(f"{row.label or row.id}: {row.why}" for row in first.rows[:3])
        action = "Propose the change again, and say what is to become of them."
        super().__init__(message, cause=cause, action=action)
        self.problems = problems


class CarryingFailed(IntramuralError):  # noqa: N818
    """The records could not be carried over; the app is as it was."""

    code = "carrying_failed"


class OpensNot(CarryingFailed):
    """A page of the new version does not open with the records; the app is as it was."""

    code = "does_not_open_with_records"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A record that does not fit."""

    id: int
    label: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Records of one field that stop the change; ``kind`` is ``missing``, ``unfit``, ``duplicate`` or ``lost``."""

    entity: str
    name: str
    uid: str
    kind: str
    count: int
    rows: tuple[Misfit, ...]


@dataclass(frozen=True, slots=True)
class CarriedTable:
    """Rows of one kind of record before and after; ``newer`` were added after the version that comes back."""

    entity: str
    before: int
    after: int
    newer: int


@dataclass(frozen=True, slots=True)
class Carried:
    """What a carrying-over did per kind of record, and how many values were put aside, brought back or emptied."""

    tables: tuple[CarriedTable, ...] = ()
    archived: int = 0
    brought_back: int = 0
    emptied: int = 0
    problems: tuple[Problem, ...] = ()


@dataclass
class Moved:
    """Where the records of the next version lie, below the app's ``data``, and what was done to bring them there."""

    data: str
    done: Carried = field(default_factory=Carried)
    kept: bool = False

    def keep(self) -> None:
        """The version stands in the repository: from now on its records belong to it, whatever happens."""
        self.kept = True


class Carrier:
    """Carries records over. Thread-safe: everything of one run lies in a folder of its own."""

    def __init__(
        self,
        sandbox: Sandbox,
        versions: VersionStore,
        apps: Holder,
        render: Callable[[Blueprint], FileTree],
        verifier: VerifierPart,
    ) -> None:
        self._verifier = verifier
        self._sandbox = sandbox
        self._versions = versions
        self._apps = apps
        self._render = render

    def trial(self, now: Standing, step: Step, tree: FileTree | None, *, name: str) -> Carried:
        """Carry a copy over, and throw it away; the app sleeps for the moment of copying.

        ``tree``: the project of the next version, if it is written already; ``name`` is that of a folder of its own.

        Raises:
            DiskFull: nothing was begun.
            CarryingFailed: the program of the next version could not do it.
        """
        work = self._folder(now) / "work" / name
        source = self._data(now)
        if step.carry is None or not (source / DATABASE).exists():
            return Carried()
        try:
            self._make_room(source, work.parent)
            code, package = self._write(step, tree, work / "code")
            with self._apps.held(now.version.project_id):
                copy_records(source, work / "data", database_only=True)
            return self._run(work / "data", code, package, step, trial=True)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    @contextmanager
    def carried(self, now: Standing, step: Step, tree: FileTree, *, name: str) -> Iterator[Moved]:
        """Hold the app and carry its records over; in the block the version must be committed, then ``keep`` called.

        If the block ends before that, the app goes on as it was and the new folder is removed.

        Raises:
            DiskFull, RowsInTheWay, CarryingFailed: nothing was changed.
            OpensNot: the new version does not show these records; nothing was changed.
        """
        if step.carry is None:
            yield Moved(now.data)
            return
        source = self._data(now)
        target = source.parent / name
        self._make_room(source, source)
        work = self._folder(now) / "work" / f"{name}-code"
        moved = Moved(name)
        try:
            code, package = self._write(step, tree, work)
            with self._apps.held(now.version.project_id):
                shutil.rmtree(target, ignore_errors=True)
                if (source / DATABASE).exists():
                    copy_records(source, target)
                    moved.done = self._run(target, code, package, step, trial=False)
                    _refuse(moved.done)
                    self._open(code, step, target)
                    sync_tree(target)
                yield moved
        finally:
            if not moved.kept:
                shutil.rmtree(target, ignore_errors=True)
            shutil.rmtree(work, ignore_errors=True)

    def _open(self, code: Path, step: Step, carried: Path) -> None:
        """Start the new version on a copy of what was carried over: its checks knew only records made for them."""
        trial = code.with_name(f"{code.name}-open")
        shutil.rmtree(trial, ignore_errors=True)
        try:
            copy_records(carried, trial, database_only=True)
            result = self._verifier.open_with(code, step.side.blueprint, trial)
        finally:
            shutil.rmtree(trial, ignore_errors=True)
        if not result.passed:
            first = result.findings[0] if result.findings else None
            message = "The new version does not work with the records that are there, so it was not put in place."
            cause = "" if first is None else f"{first.message} {first.detail}"
            raise OpensNot(message, cause=cause, action="Nothing was changed. Ask for a smaller change.")

    def _folder(self, now: Standing) -> Path:
        return self._versions.folder(now.version.project_id)

    def _data(self, now: Standing) -> Path:
        return self._folder(now) / "data" / now.data

    def _make_room(self, source: Path, beside: Path) -> None:
        needed = 3 * size_of(source) + SPARE_BYTES
        existing = next(path for path in (beside, *beside.parents) if path.exists())
        free = shutil.disk_usage(existing).free
        if free < needed:
            message = "There is not enough room on the disk for a second copy of the records."
            cause = f"{free >> 20} MiB are free, {needed >> 20} MiB are needed"
            raise DiskFull(message, cause=cause, action="Ask your operator to free space, then try again.")

    def _write(self, step: Step, tree: FileTree | None, folder: Path) -> tuple[Path, str]:
        """The program that carries over. A version from before apps could do that is written anew for it."""
        package = package_name(step.side.blueprint.name)
        if tree is None or f"{package}/kit/migrate.py" not in tree.files:
            tree = self._render(step.side.blueprint)
        shutil.rmtree(folder, ignore_errors=True)
        tree.write_to(folder)
        return folder, package

    def _run(self, data: Path, code: Path, package: str, step: Step, *, trial: bool) -> Carried:
        (data / "plan.json").write_text(json.dumps(step.carry), encoding="utf-8")
        size = max(256 << 20, 4 * size_of(data))
        argv = ("python", "-m", package, "migrate", "/data/plan.json", "--result", "/data/result.json")
        command = SandboxCommand(
            argv=(*argv, "--trial") if trial else argv,
            code=code,
            data=data,
            env={"APP_DATA_DIR": "/data"},
            limits=SandboxLimits(memory_bytes=1 << 30, cpu_seconds=int(SECONDS), file_bytes=size),
        )
        done = self._sandbox.run(command, timeout=SECONDS)
        result = _read_result(data / "result.json")
        if result is None or done.exit_code not in (0, 3):
            message = "The records could not be carried over to the new version."
            raise CarryingFailed(
                message,
                cause=f"exit code {done.exit_code}: {done.output[-400:]}",
                action="Nothing was changed. Ask for a smaller change, or show this to your operator.",
            )
        for left in (data / "plan.json", data / "result.json", *data.glob(f"{DATABASE}.before-*")):
            left.unlink(missing_ok=True)
        return result


def _refuse(done: Carried) -> None:
    if done.problems:
        raise RowsInTheWay(done.problems)


def _read_result(path: Path) -> Carried | None:
    """What the app says that it did; None if that is not what an app says."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            data: dict[str, Any] = json.loads(file.read(MAX_RESULT))
        return Carried(
            tables=tuple(
                CarriedTable(_text(item["entity"]), int(item["before"]), int(item["after"]), int(item["newer"]))
                for item in data["tables"]
            ),
            archived=int(data["archived"]),
            brought_back=int(data["brought_back"]),
            emptied=int(data["emptied"]),
            problems=tuple(_problem(item) for item in data["problems"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _problem(item: dict[str, Any]) -> Problem:
    rows = tuple(
        Misfit(int(row["id"]), _text(row["label"]), _text(row["value"]), _text(row["why"]))
        for row in item["rows"][:MAX_SHOWN]
    )
    entity, name, uid, kind = (_text(item[key]) for key in ("entity", "name", "uid", "why"))
    return Problem(entity, name, uid, kind, count=int(item["count"]), rows=rows)


def _text(value: object) -> str:
    return str(value)[:200]
