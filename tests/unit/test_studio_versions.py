"""Versions are commits: whole, attributed, never rewritten, and mended after a crash."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from dulwich.porcelain import fsck
from dulwich.repo import Repo

from appliance.core.filetree import FileTree
from appliance.core.ids import new_id
from appliance.core.ports import Person
from appliance.studio.errors import NotFound, RepositoryDamaged
from appliance.studio.version import KEPT_CHECKOUTS, VersionStore

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
MAYA = Person("sub-1", "Maya <Öz>\n", "maya@intramural.example")


@pytest.fixture
def store(tmp_path: Path) -> VersionStore:
    return VersionStore(tmp_path)


@pytest.fixture
def app_id() -> str:
    return new_id("app")


def commit(store: VersionStore, app_id: str, number: int, files: dict[str, bytes]) -> str:
    trailers = {"Version": str(number), "Origin": "prompt", "Build": f"bld_{number}", "Author-Subject": "sub-1"}
    return store.commit(
        app_id, FileTree(files), author=MAYA, summary=f"Make\nversion {number}", at=NOW, trailers=trailers
    )


def test_a_version_comes_back_byte_for_byte(store: VersionStore, app_id: str) -> None:
    files = {"a/b/c.txt": b"\x00\xff", "blueprint.app": "Ünïcode".encode(), "empty": b""}
    sha = commit(store, app_id, 1, files)
    assert dict(store.read(app_id, sha)) == dict(FileTree(files))


def test_the_author_is_the_person_and_trailers_say_the_rest(store: VersionStore, app_id: str) -> None:
    commit(store, app_id, 1, {"x": b"1"})
    head = store.head(app_id)
    assert head is not None
    assert (head.number, head.summary, head.author.name) == (1, "Make version 1", "Maya Öz")
    assert head.author.subject == "sub-1"
    assert head.trailers["Build"] == "bld_1"
    assert head.at == NOW


def test_history_only_grows_and_every_version_has_its_tag(store: VersionStore, app_id: str, tmp_path: Path) -> None:
    shas = [commit(store, app_id, number, {"x": str(number).encode()}) for number in (1, 2, 3)]
    with Repo(str(tmp_path / app_id / "repo")) as repo:
        assert [entry.commit.id.decode() for entry in repo.get_walker()] == shas[::-1]
        tags = {number: repo.refs[f"refs/tags/v{number}".encode()].decode() for number in (1, 2, 3)}  # type: ignore[index]
        assert list(tags.values()) == shas
        assert list(fsck(repo)) == []


def test_a_lock_left_by_a_killed_writer_does_not_stop_the_next(
    store: VersionStore, app_id: str, tmp_path: Path
) -> None:
    commit(store, app_id, 1, {"x": b"1"})
    lock = tmp_path / app_id / "repo" / "refs" / "heads" / "main.lock"
    lock.touch()
    with pytest.raises(RepositoryDamaged):
        commit(store, app_id, 2, {"x": b"2"})
    store.heal(app_id)
    commit(store, app_id, 2, {"x": b"2"})
    head = store.head(app_id)
    assert head is not None
    assert head.number == 2


def test_healing_adds_the_tag_that_a_crash_left_out(store: VersionStore, app_id: str, tmp_path: Path) -> None:
    sha = commit(store, app_id, 1, {"x": b"1"})
    tag = tmp_path / app_id / "repo" / "refs" / "tags" / "v1"
    tag.unlink()
    store.heal(app_id)
    assert tag.read_text().strip() == sha


def test_a_half_made_repository_or_checkout_is_begun_again(store: VersionStore, app_id: str, tmp_path: Path) -> None:
    (tmp_path / app_id / ".repo.part" / "objects").mkdir(parents=True)
    sha = commit(store, app_id, 1, {"x": b"1"})
    part = tmp_path / app_id / "releases" / f".{sha}.part"
    part.mkdir(parents=True)
    (part / "torn").touch()
    folder = store.checkout(app_id, sha)
    assert sorted(path.name for path in folder.iterdir()) == ["x"]


def test_old_checkouts_go_and_come_back(store: VersionStore, app_id: str) -> None:
    shas = [commit(store, app_id, number, {"x": str(number).encode()}) for number in range(1, KEPT_CHECKOUTS + 3)]
    folders = [store.checkout(app_id, sha) for sha in shas]
    assert [folder.exists() for folder in folders] == [False, False, *[True] * KEPT_CHECKOUTS]
    assert (store.checkout(app_id, shas[0]) / "x").read_bytes() == b"1"


def test_a_damaged_repository_is_an_error_of_ours(store: VersionStore, app_id: str, tmp_path: Path) -> None:
    sha = commit(store, app_id, 1, {"x": b"1"})
    for pack in (tmp_path / app_id / "repo" / "objects" / "pack").glob("*"):
        pack.chmod(0o600)
        pack.write_bytes(b"garbage")
    with pytest.raises(RepositoryDamaged):
        store.read(app_id, sha)


@pytest.mark.parametrize("name", ["", "../etc", "app_x", "repo"])
def test_only_identifiers_name_folders(store: VersionStore, name: str) -> None:
    with pytest.raises(NotFound):
        store.folder(name)


def test_two_writers_never_get_the_same_number(store: VersionStore, app_id: str) -> None:
    def add() -> None:
        with store.adding(app_id) as number:
            commit(store, app_id, number, {"x": str(number).encode()})

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    head = store.head(app_id)
    assert head is not None
    assert head.number == 6
