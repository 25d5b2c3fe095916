"""Compiling the operators: whole or not at all, and said clearly when it cannot be done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model_bundle.kernels import build, library

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment where nothing was compiled yet."""
    monkeypatch.setattr("sys.prefix", str(tmp_path / "environment"))
    return tmp_path / "environment"


def test_what_was_compiled_is_not_compiled_again(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = library.expected_path()
    done.parent.mkdir(parents=True)
    done.write_bytes(b"library")
    monkeypatch.setattr(build, "find_spec", lambda _name: pytest.fail("compiled again"))
    assert build.build() == done
    assert done.is_relative_to(prefix)


def test_sources_that_do_not_compile_leave_nothing(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.cpp"
    broken.write_text("this is no program\n")
    monkeypatch.setattr(build, "sources", lambda: (broken,))
    with pytest.raises(library.KernelsMissing) as refused:
        build.build()
    assert "broken.cpp" in refused.value.cause
    assert [path for path in prefix.rglob("*") if path.is_file()] == []


def test_no_compiler_and_no_room_are_said(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "find_spec", lambda _name: None)
    with pytest.raises(library.KernelsMissing) as refused:
        build.build()
    assert "bootstrap.txt" in refused.value.action
    prefix.joinpath("lib", "intramural").rmdir()
    prefix.joinpath("lib", "intramural").write_text("in the way")
    with pytest.raises(library.KernelsMissing) as refused:
        build.build()
    assert "permissions" in refused.value.action


def test_the_name_of_the_library_follows_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = library.expected_path()
    for path in library.sources():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(library, "SOURCES", tmp_path)
    assert library.expected_path() == before
    (tmp_path / "gate.cpp").write_text("// changed\n")
    assert library.expected_path() != before
