"""Versions: one bare git repository per app, one commit and one tag per version, never a rewrite.

What a crash leaves behind: objects nobody refers to (harmless), a commit on ``main`` without its tag or its row in the
database (:mod:`appliance.studio.recovery` completes both from the commit's trailers), or a lock file of the writer
that died (removed at start; this process is the only writer).
"""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Final

from dulwich.bundle import create_bundle_from_repo, write_bundle
from dulwich.errors import NotGitRepository
from dulwich.file import FileLocked
from dulwich.index import commit_tree
from dulwich.object_store import MemoryObjectStore, iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

from appliance.core.filetree import FileTree
from appliance.core.ids import is_id
from appliance.core.ports import Person
from appliance.studio.errors import NotFound, RepositoryDamaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_MAIN: Final = Ref(b"refs/heads/main")
_COMMITTER: Final = b"Intramural <studio@intramural.invalid>"  # RFC 2606: a name that can never be a mailbox
KEPT_CHECKOUTS: Final = 3
KEPT_INFOS: Final = 1000


@dataclass(frozen=True)
class CommitInfo:
    """A version's commit, read back. ``trailers`` hold ``Version``, ``Origin`` and, where they apply, ``Build`` and
    ``Restored-From``."""

    commit: str
    summary: str
    author: Person
    at: datetime
    trailers: dict[str, str]

    @property
    def number(self) -> int:
        """The version number."""
        return int(self.trailers["Version"])


class VersionStore:
    """The repositories below ``apps`` (``<app_id>/repo``) and their checkouts (``<app_id>/releases/<commit>``)."""

    def __init__(self, apps: Path) -> None:
        self._apps = apps
        self._adding = threading.Lock()
        self._infos: dict[str, CommitInfo] = {}  # a commit never changes, so what was read once stays true

    @contextmanager
    def adding(self, app_id: str) -> Iterator[int]:
        """Hold off other writers while a version is added; gives the number that is next in the app."""
        with self._adding:
            head = self.head(app_id)
            yield 1 if head is None else head.number + 1

    def beside(self, name: str) -> Path:
        """A folder beside those of the apps, for what belongs to none of them yet."""
        return self._apps.parent / name

    def folder(self, app_id: str) -> Path:
        """Where everything of one app lives.

        Raises:
            NotFound: ``app_id`` is not an identifier, so it names no folder.
        """
        if not is_id(app_id):
            message = "There is no such app."
            raise NotFound(message)
        return self._apps / app_id

    def commit(
        self, app_id: str, tree: FileTree, *, author: Person, summary: str, at: datetime, trailers: dict[str, str]
    ) -> str:
        """Add a version on top of ``main`` and tag it ``v<Version>``; returns the commit as 40 hex digits.

        The commit is durable on disk before ``main`` moves, and ``main`` moves in one rename.

        Raises:
            RepositoryDamaged: the repository cannot be read or another writer holds it.
        """
        with self._open(app_id, create=True) as repo:
            parent = _head(repo)
            commit, objects = _build_commit(tree, parent, author, _message(summary, trailers), at)
            try:
                repo.object_store.add_objects([(item, None) for item in objects])
                moved = (
                    repo.refs.set_if_equals(_MAIN, parent, commit.id)
                    if parent is not None
                    else repo.refs.add_if_new(_MAIN, commit.id)
                )
            except (OSError, FileLocked) as error:
                raise _damaged(error) from error
            if not moved:
                message = "Somebody else added a version to this app at the same moment."
                raise RepositoryDamaged(message, cause="refs/heads/main moved", action="Try again.")
            _tag(repo, trailers["Version"], commit.id)
            return commit.id.decode()

    def read(self, app_id: str, commit: str) -> FileTree:
        """The whole tree of a version."""
        with self._open(app_id) as repo:
            try:
                return _files(repo, repo[commit.encode()])
            except Exception as error:
                raise _damaged(error) from error

    def bundle(self, app_id: str) -> bytes:
        """The whole history as a git bundle: ``git clone history.bundle`` gives the repository.

        Raises:
            RepositoryDamaged: it cannot be read.
        """
        with self._open(app_id) as repo:
            try:
                packed = create_bundle_from_repo(repo)
                buffer = BytesIO()
                write_bundle(buffer, packed)
                packed.close()
            except Exception as error:
                raise _damaged(error) from error
            return buffer.getvalue()

    def head(self, app_id: str) -> CommitInfo | None:
        """The newest version's commit, or None if there is none yet."""
        if not (self.folder(app_id) / "repo").exists():
            return None
        with self._open(app_id) as repo:
            sha = _head(repo)
            if sha is None:
                return None
            found = repo[sha]
            return _info(found) if isinstance(found, Commit) else None

    def info(self, app_id: str, commit: str) -> CommitInfo:
        """What the commit of a version says.

        Raises:
            RepositoryDamaged: it cannot be read.
        """
        known = self._infos.get(commit)
        if known is None:
            with self._open(app_id) as repo:
                try:
                    found = repo[commit.encode()]
                except Exception as error:
                    raise _damaged(error) from error
            if not isinstance(found, Commit):
                raise _damaged(TypeError(commit))
            if len(self._infos) >= KEPT_INFOS:
                self._infos.clear()
            known = self._infos[commit] = _info(found)
        return known

    def checkout(self, app_id: str, commit: str, *, place: str = "releases") -> Path:
        """A folder with the files of a version, made at once or not at all; older ones in ``place`` are removed."""
        releases = self.folder(app_id) / place
        target = releases / commit
        if not target.exists():
            staging = releases / f".{commit}.part"
            shutil.rmtree(staging, ignore_errors=True)
            self.read(app_id, commit).write_to(staging)
            staging.rename(target)
        os.utime(target)
        for old in sorted(_checkouts(releases), key=lambda path: path.stat().st_mtime)[:-KEPT_CHECKOUTS]:
            shutil.rmtree(old, ignore_errors=True)
        return target

    def heal(self, app_id: str) -> None:
        """Undo what a killed writer left: lock files, unfinished checkouts, a missing tag on the newest version."""
        folder = self.folder(app_id)
        for lock in folder.glob("repo/**/*.lock"):
            lock.unlink(missing_ok=True)
        for part in (*folder.glob("releases/.*.part"), *folder.glob("published/.*.part")):
            shutil.rmtree(part, ignore_errors=True)
        info = self.head(app_id)
        if info is not None:
            with self._open(app_id) as repo:
                _tag(repo, info.trailers["Version"], ObjectID(info.commit.encode()))

    def apps(self) -> Iterator[str]:
        """The identifiers of all apps that have a folder."""
        if self._apps.exists():
            yield from sorted(path.name for path in self._apps.iterdir() if is_id(path.name))

    def _open(self, app_id: str, *, create: bool = False) -> AbstractContextManager[Repo]:
        path = self.folder(app_id) / "repo"
        try:
            if not path.exists() and create:
                staging = path.with_name(".repo.part")
                shutil.rmtree(staging, ignore_errors=True)
                staging.mkdir(parents=True)
                Repo.init_bare(str(staging), default_branch=b"main").close()
                staging.rename(path)
            repo = Repo(str(path))
        except (NotGitRepository, OSError, ValueError) as error:
            raise _damaged(error) from error
        repo.object_store.fsync_object_files = True
        return repo


def _checkouts(releases: Path) -> list[Path]:
    return [path for path in releases.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _damaged(error: Exception) -> RepositoryDamaged:
    message = "The stored versions of this app cannot be read."
    return RepositoryDamaged(message, cause=repr(error), action="Ask your operator to restore the app from a backup.")


def _head(repo: Repo) -> ObjectID | None:
    try:
        return repo.refs[_MAIN]
    except KeyError:
        return None


def _tag(repo: Repo, number: str, commit: ObjectID) -> None:
    repo.refs.add_if_new(Ref(b"refs/tags/v" + number.encode()), commit)


def _files(repo: Repo, commit: ShaFile) -> FileTree:
    if not isinstance(commit, Commit):
        message = "not a commit"
        raise TypeError(message)
    entries = iter_tree_contents(repo.object_store, commit.tree)
    return FileTree({entry.path.decode(): repo[entry.sha].as_raw_string() for entry in entries})


def _identity(person: Person) -> bytes:
    """``Name <mail>`` without the characters that git gives a meaning to."""
    clean = str.maketrans("", "", "<>\n\r\0")
    name = person.name.translate(clean).strip() or "Somebody"
    return f"{name} <{(person.email or person.subject).translate(clean).strip()}>".encode()


def _message(summary: str, trailers: dict[str, str]) -> bytes:
    title = " ".join(summary.split())[:200] or "Update"
    return "\n".join([title, "", *(f"{name}: {value}" for name, value in trailers.items()), ""]).encode()


def _build_commit(
    tree: FileTree, parent: ObjectID | None, author: Person, message: bytes, at: datetime
) -> tuple[Commit, list[Blob | Tree | Commit]]:
    blobs = {path.encode(): Blob.from_string(content) for path, content in tree}
    trees = MemoryObjectStore()
    root = commit_tree(trees, [(path, blob.id, 0o100644) for path, blob in blobs.items()])
    commit = Commit()
    commit.tree = root
    commit.parents = [] if parent is None else [parent]
    commit.author, commit.committer = _identity(author), _COMMITTER
    commit.author_time = commit.commit_time = int(at.timestamp())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = message
    unique = {blob.id: blob for blob in blobs.values()}
    folders = [trees[sha] for sha in trees]
    return commit, [*unique.values(), *(item for item in folders if isinstance(item, Tree)), commit]


def _info(commit: Commit) -> CommitInfo:
    text = commit.message.decode(errors="replace")
    summary, _, rest = text.partition("\n")
    trailers = dict(line.split(": ", 1) for line in rest.splitlines() if ": " in line)
    name, _, mail = commit.author.decode(errors="replace").rpartition(" <")
    return CommitInfo(
        commit=commit.id.decode(),
        summary=summary,
        author=Person(subject=trailers.get("Author-Subject", mail.rstrip(">")), name=name, email=mail.rstrip(">")),
        at=datetime.fromtimestamp(commit.author_time, UTC),
        trailers=trailers,
    )
