"""Erasure, rotation, sealing and retention, killed between every two steps and at every system call that matters."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from appliance.audit.errors import BodyErased, VaultUnavailable
from appliance.audit.retention import Retention
from appliance.core.clock import ManualClock
from appliance.core.events import Event
from appliance.core.ports import BodyKind, SealedRef
from tests.fixtures.privacy import BOB, TIME, parts_in

ROOT = Path(__file__).parents[2]
ERASER = Path(__file__).parent / "privacy_eraser.py"
WORDS = "the xylophone-of-quince"


def prepared(home: Path) -> tuple[SealedRef, SealedRef]:
    with parts_in(home) as parts:
        (home / "notes.txt").write_text(f"maya: {WORDS}\n")
        return parts.prompt(WORDS), parts.prompt("other", subject="uwe")


def run(home: Path, *more: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, str(ERASER), str(home), *more]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def whole(home: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def require_erased(home: Path, mine: SealedRef, other: SealedRef) -> None:
    with parts_in(home) as parts:
        assert parts.privacy.resume() == ()
        with pytest.raises(BodyErased, match="approved by user:bob"):
            parts.vault.open(mine)
        assert parts.vault.open(other).body == b"other"
        assert parts.vault.keyring.key_ids("maya") == ()
        assert not list(home.rglob("*.old"))
        assert WORDS.encode() not in whole(home)
        assert parts.verify().intact
        assert parts.log.unfinished() == ()
        done = [leaf for _, leaf in parts.log.leaves() if (leaf.event, leaf.result) == (Event.SUBJECT_ERASED, "done")]
        assert done


STEPS = ["approved", "keys destroyed", "bodies removed", "notes emptied", "recorded"]


@pytest.mark.parametrize("step", STEPS)
def test_killed_after_the_approval_the_next_start_finishes(tmp_path: Path, step: str) -> None:
    mine, other = prepared(tmp_path)
    assert run(tmp_path, step).returncode == -9
    again = run(tmp_path)
    assert again.stdout == "resumed 1\n", again.stderr
    require_erased(tmp_path, mine, other)


def test_killed_before_the_approval_is_stored_nothing_is_gone(tmp_path: Path) -> None:
    mine, _ = prepared(tmp_path)
    assert run(tmp_path, "announced").returncode == -9
    with parts_in(tmp_path) as parts:
        assert parts.privacy.resume() == ()
        assert parts.vault.open(mine).body == WORDS.encode()
        (request,) = parts.privacy.requests()
        assert request.state.value == "waiting"
        unknown = [leaf for _, leaf in parts.log.leaves() if leaf.event == Event.SUBJECT_ERASED]
        assert [leaf.result for leaf in unknown] == [None, "unknown"]
        parts.privacy.approve_erasure(request.id, principal=BOB)
        assert parts.verify().intact


CALLS = ["rename", "unlink", "link", "pwrite64", "fsync"]


@pytest.mark.parametrize("call", CALLS)
def test_killed_at_any_system_call_nothing_is_half_erased(tmp_path: Path, call: str) -> None:
    """After each kill: either the request still waits and everything opens, or the erasure is finished at the start."""
    mine, other = prepared(tmp_path)
    acknowledged = False
    for when in (1, 2, 3, 5, 8, 12, 15, 18, 21, 24, 27):
        inject = f"inject={call}:signal=SIGKILL:when={when}"
        strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject)
        done = run(tmp_path, "none", before=strace)
        acknowledged = acknowledged or "acknowledged" in done.stdout
        with parts_in(tmp_path) as parts:
            parts.privacy.resume()
            states = [one.state.value for one in parts.privacy.requests()]
            assert parts.vault.open(other).body == b"other"
            if "done" not in states:
                assert parts.vault.open(mine).body == WORDS.encode()
                assert not acknowledged
        if acknowledged or "done" in states:
            break
    if "done" not in states:
        assert run(tmp_path, "none").stdout.endswith("acknowledged\n")
    require_erased(tmp_path, mine, other)


def test_a_vault_that_cannot_be_written_refuses_before_the_leaf(tmp_path: Path) -> None:
    with parts_in(tmp_path) as parts:
        parts.prompt("first")
        size = parts.log.size
        folder = tmp_path / "vault" / "bodies"
        folder.rename(tmp_path / "away")
        folder.write_text("in the way")
        with pytest.raises(VaultUnavailable):
            parts.prompt("second")
        assert parts.log.size == size


ROTATE = """
import sys
from pathlib import Path
from tests.fixtures.privacy import parts_in
with parts_in(Path(sys.argv[1])) as parts:
    parts.privacy.rotate_master_key(principal="user:eve")
    print("rotated")
"""


def test_rotation_killed_anywhere_loses_no_key(tmp_path: Path) -> None:
    with parts_in(tmp_path) as parts:
        refs = [parts.prompt(f"words {number}", subject=f"person-{number}") for number in range(3)]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    killed = 0
    for call in ("rename", "link", "unlink", "pwrite64"):
        for when in (1, 2, 3, 4, 5):
            inject = f"inject={call}:signal=SIGKILL:when={when}"
            strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]
            command = [*strace, sys.executable, "-c", ROTATE, str(tmp_path)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
            killed += "rotated" not in done.stdout
            with parts_in(tmp_path) as parts:
                for number, ref in enumerate(refs):
                    assert parts.vault.open(ref).body == f"words {number}".encode()
                assert not list(tmp_path.rglob("*.old"))
    assert killed >= 10


@pytest.mark.parametrize("step", ["announced", "removed"])
def test_retention_that_stops_half_way_goes_on(tmp_path: Path, step: str) -> None:
    class Stop(Exception):  # noqa: N818 - not an error of the appliance
        pass

    def at(name: str) -> None:
        if name == step:
            raise Stop

    clock = ManualClock(TIME)
    with parts_in(tmp_path, clock=clock) as parts:
        ref = parts.prompt(WORDS, kind=BodyKind.TRANSCRIPT)
        clock.advance(90_000)
        with pytest.raises(Stop):
            Retention(parts.vault, parts.desk, parts.log, clock, {"transcript": 1}, step=at).run(principal="p")
    with parts_in(tmp_path, clock=clock) as parts:
        Retention(parts.vault, parts.desk, parts.log, clock, {"transcript": 1}).run(principal="p")
        assert not list((tmp_path / "vault" / "bodies").rglob(ref.address))
        assert parts.verify().intact
        assert parts.log.unfinished() == ()
