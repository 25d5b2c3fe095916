"""What an app writes into the shared folder is never followed out of it, and never endless."""

from __future__ import annotations

import os

import pytest

from appliance.studio.exchange import CommandFailed, exchange, read_plain
from appliance.studio.exporting import _data
from appliance.studio.left_out import parse_report


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "nothing", "large"])
def test_only_plain_files_within_the_bound_are_read(tmp_path, kind):
    path = tmp_path / "report.json"
    if kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        path.write_bytes(bytes(11))
    with pytest.raises(CommandFailed):
        read_plain(path, 10)


def test_an_archive_takes_what_belongs_in_it_and_nothing_else(tmp_path):
    for name in ("tables", "files"):
        (tmp_path / name).mkdir()
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "passwd").write_text("no")
    (tmp_path / "tables" / "item.jsonl").write_text("{}\n")
    (tmp_path / "tables" / "..x.jsonl").write_text("no")
    (tmp_path / "files" / ("a" * 40)).write_bytes(b"x")
    (tmp_path / "files" / "name").write_bytes(b"no")
    assert [name for name, _ in _data(tmp_path)] == ["manifest.json", "tables/item.jsonl", f"files/{'a' * 40}"]


def test_a_link_in_the_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "tables").symlink_to("/etc")
    with pytest.raises(CommandFailed):
        list(_data(tmp_path))


def test_the_folder_is_gone_afterwards_whatever_happens(tmp_path):
    with pytest.raises(ZeroDivisionError), exchange(tmp_path / "shared") as shared:
        (shared / "x").write_text(str(1 / 0))
    assert not (tmp_path / "shared").exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"import": "other", "tables": {}}', b'{"import": "b", "tables": {"item": {"refused": 5}}}',
     b"[" * 100_000],
)  # fmt: skip
def test_a_report_that_is_none_is_refused(content):
    told = {"import": "b", "tables": [{"table": "item"}]}
    with pytest.raises(CommandFailed):
        parse_report(content, told)
