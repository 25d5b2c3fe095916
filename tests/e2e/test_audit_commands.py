"""The commands of auditors and data protection officers, with the appliance stopped and with it running."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from appliance.audit.counter import local_counter
from appliance.audit.errors import BodyRefused, HeldBack
from appliance.audit.export.command import ExportRequest, export_archive
from appliance.audit.export.errors import ExportRefused
from appliance.audit.export.formats import FORMATS
from appliance.audit.export.standalone.checks import Verification
from appliance.audit.export.standalone.container import Archive
from appliance.audit.export.view import LogView
from appliance.audit.keys import load_or_make_log_key
from appliance.audit.leaf import Leaf
from appliance.audit.log import AuditLog
from appliance.audit.session_export import SessionExports
from appliance.audit.verify import verify_log
from appliance.core.clock import SystemClock
from appliance.core.events import Event
from appliance.core.settings import Settings
from tests.fixtures.privacy import parts_in
from tests.fixtures.studio import free_port, short_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
WORDS = "words about the xylophone-of-quince"


def cli(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "appliance.cli", "audit", *arguments]
    environment = {**os.environ, "INTRAMURAL_HOME": str(home), "NO_COLOR": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def leaves(home: Path, event: Event) -> list[Leaf]:
    key = load_or_make_log_key(home / "keys" / "audit.json")
    return [one.leaf for one in LogView(home / "audit", key.verifier_keys).entries() if one.leaf.event == event]


def require_archive(path: Path, home: Path, tmp_path: Path) -> dict[str, object]:
    """The archive holds, says its own verifier."""
    script = tmp_path / "verify.py"
    with zipfile.ZipFile(path) as archive:
        script.write_bytes(archive.read("verify.py"))
    command = [sys.executable, "-I", "-B", str(script), str(path), "--vkeys", str(home / "keys" / "audit.json.vkeys")]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    with parts_in(home) as parts:
        parts.prompt(WORDS)
        parts.prompt("words of another", subject="uwe")
    return home


def test_every_format_makes_an_archive_that_holds(stopped: Path, tmp_path: Path) -> None:
    with local_counter(Settings(home=stopped), {}, principal="user:eve") as counter:
        for format_ in FORMATS:
            out = tmp_path / f"{format_}.zip"
            done = export_archive(stopped, counter, ExportRequest(out, format_, last="3"), by="eve")
            assert (done.start, done.stop) == (0, 4)
            verification = Verification(Archive(str(out)))
            assert verification.run(), verification.findings
            assert FORMATS[format_].file in verification.archive.names
    acts = leaves(stopped, Event.AUDIT_EXPORTED)
    assert [leaf.details["format"] for leaf in acts if leaf.kind == "intent"] == list(FORMATS)


def test_an_archive_from_the_command_line_holds(stopped: Path, tmp_path: Path) -> None:
    out = tmp_path / "archive.zip"
    done = cli(stopped, "export", "--format", "csv", "--out", str(out), "--to", "3")
    assert done.returncode == 0, done.stderr
    assert "4 entries from 0 on" in done.stdout
    assert require_archive(out, stopped, tmp_path)["entries"] == 4
    begun, ended = leaves(stopped, Event.AUDIT_EXPORTED)
    assert (begun.details["format"], begun.details["start"], begun.details["stop"]) == ("csv", 0, 4)
    assert ended.result == "done"
    assert out.stat().st_mode & 0o077 == 0
    assert WORDS.encode() not in out.read_bytes()


def test_bodies_need_a_purpose_and_every_look_is_recorded(stopped: Path, tmp_path: Path) -> None:
    out = tmp_path / "archive.zip"
    refused = cli(stopped, "export", "--out", str(out), "--bodies")
    assert refused.returncode == 2
    assert "for a purpose only" in refused.stderr + refused.stdout
    done = cli(stopped, "export", "--out", str(out), "--bodies", "--purpose", "case 12", "--from", "2026-11-22")
    assert done.returncode == 0, done.stderr
    require_archive(out, stopped, tmp_path)
    with zipfile.ZipFile(out) as archive:
        assert sum(name.startswith("bodies/") for name in archive.namelist()) == 2
    looks = leaves(stopped, Event.BODY_OPENED)
    assert [(leaf.kind, leaf.details.get("purpose")) for leaf in looks] == [
        ("intent", "case 12"), ("outcome", None), ("intent", "case 12"), ("outcome", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [
        ("0", "999", "cannot be exported"),
        ("0", "2026-11-22", "not in one of each"),
        ("yesterday", "", "neither an index nor a time"),
    ],
)
def test_wrong_ranges_are_refused_before_anything_is_recorded(
    stopped: Path, tmp_path: Path, first: str, last: str, words: str
) -> None:
    request = ExportRequest(tmp_path / "a.zip", "csv", first, last)
    with (
        local_counter(Settings(home=stopped), {}, principal="p") as counter,
        pytest.raises(ExportRefused, match=words),
    ):
        export_archive(stopped, counter, request, by="eve")
    assert leaves(stopped, Event.AUDIT_EXPORTED) == []
    assert not list(tmp_path.glob("*.zip"))


def test_an_archive_is_never_overwritten_and_never_half_there(stopped: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    out.write_text("mine")
    assert cli(stopped, "export", "--out", str(out)).returncode == 2
    assert out.read_text() == "mine"
    assert cli(stopped, "export", "--out", str(tmp_path / "nowhere" / "a.zip")).returncode == 2
    assert [leaf.result for leaf in leaves(stopped, Event.AUDIT_EXPORTED)] == [None, "failed"]
    assert not list(tmp_path.glob(".*.part"))


def test_what_a_crash_left_of_an_archive_is_in_nobody_s_way(stopped: Path, tmp_path: Path) -> None:
    out = tmp_path / "b.zip"
    left = tmp_path / ".b.zip.part"
    left.write_bytes(b"half of it" * 100_000)
    with left.open("rb") as under_way:
        fcntl.flock(under_way, fcntl.LOCK_EX)
        assert cli(stopped, "export", "--out", str(out)).returncode == 2
        assert left.exists()
    assert cli(stopped, "export", "--out", str(out)).returncode == 0
    require_archive(out, stopped, tmp_path)
    assert not left.exists()
    exports = stopped / "exports"
    exports.mkdir(exist_ok=True)
    for name in ("aud_1.zip", ".aud_2.zip.part", "syslog.json"):
        (exports / name).write_text("left")
    key = load_or_make_log_key(stopped / "keys" / "audit.json")
    with AuditLog.open(stopped / "audit", key, SystemClock()) as log:
        SessionExports(stopped, log, key)
    assert [one.name for one in exports.iterdir()] == ["syslog.json"]


def test_one_account_alone_erases_nobody(stopped: Path) -> None:
    asked = cli(stopped, "erasure", "request", "maya", "--reason", "asked by letter")
    assert asked.returncode == 0, asked.stderr
    request = json.loads(asked.stdout)
    refused = cli(stopped, "erasure", "approve", request["id"])
    assert refused.returncode == 2
    assert "two people" in refused.stderr + refused.stdout
    with local_counter(Settings(home=stopped), {}, principal="user:eve") as counter:
        held = counter.act("hold", "maya", "case")
        assert counter.state()["holds"] == [held]
        with pytest.raises(HeldBack, match=held["id"]):
            counter.act("request", "maya", "asked")
        assert counter.act("lift", held["id"], "closed") == {"lifted": held["id"]}
        assert counter.act("rotate", "", "") == {"subjects": 2}
        assert counter.act("reject", request["id"], "no")["state"] == "rejected"
        with pytest.raises(BodyRefused, match="no act"):
            counter.act("forget", "maya", "asked")
    assert json.loads(cli(stopped, "erasure", "list").stdout)["state"] == "rejected"
    key = load_or_make_log_key(stopped / "keys" / "audit.json")
    assert verify_log(stopped / "audit", [one.text for one in key.verifier_keys]).intact


@contextmanager
def service(home: Path) -> Iterator[None]:
    """The whole appliance as a process, with a scripted planner."""
    ports = [str(free_port()), str(free_port())]
    command = [sys.executable, "-m", "tests.fixtures.studio_service", str(home), *ports, "0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"] is True
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.sandbox
def test_while_the_appliance_runs_it_carries_the_acts_out(tmp_path: Path) -> None:
    with short_folder() as home:
        with parts_in(home) as parts:
            parts.prompt(WORDS)
        with service(home):
            out = tmp_path / "archive.zip"
            done = cli(home, "export", "--format", "ocsf", "--out", str(out), "--bodies", "--purpose", "case 12")
            assert done.returncode == 0, done.stdout + done.stderr
            report = require_archive(out, home, tmp_path)
            assert int(str(report["entries"])) >= 3
            asked = json.loads(cli(home, "erasure", "request", "maya", "--reason", "asked").stdout)
            refused = cli(home, "erasure", "approve", asked["id"])
            assert "two people" in refused.stderr + refused.stdout
            held = json.loads(cli(home, "hold", "set", "*", "--reason", "case").stdout)
            assert held["set_by"].startswith("local-operator:")
            assert json.loads(cli(home, "hold", "list").stdout) == held
        begun, ended = leaves(home, Event.AUDIT_EXPORTED)
        assert begun.principal.startswith("local-operator:")
        assert ended.result == "done"
        assert len(leaves(home, Event.BODY_OPENED)) == 2
