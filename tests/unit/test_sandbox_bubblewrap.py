"""The real sandbox: what runs inside sees, and how it ends."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.core.sandboxing import SandboxCommand, SandboxLimits, SandboxUnavailable
from appliance.sandbox.bubblewrap import BubblewrapSandbox
from appliance.sandbox.process import OUTPUT_BYTES
from tests.fixtures.sandbox_folders import Folders, folders

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def sandbox() -> BubblewrapSandbox:
    return BubblewrapSandbox()


@pytest.fixture
def place() -> Iterator[Folders]:
    with folders() as made:
        yield made


def test_code_is_there_and_data_is_kept(sandbox: BubblewrapSandbox, place: Folders) -> None:
    (place.code / "hello.py").write_text(
        "open('/data/kept', 'a').write('x')\nprint('hello', open('/data/kept').read())"
    )
    command = SandboxCommand(("python", "-m", "hello"), place.code, place.data)
    first, second = (sandbox.run(command, timeout=10) for _ in range(2))
    assert (first.exit_code, first.output) == (0, "hello x\n")
    assert second.output == "hello xx\n"
    assert (place.data / "kept").read_text() == "xx"


def test_libraries_of_apps_can_be_used_and_the_appliance_cannot(sandbox: BubblewrapSandbox, place: Folders) -> None:
    source = "import importlib.util, litestar, sqlmodel, jinja2; print(importlib.util.find_spec('appliance') is None)"
    outcome = sandbox.run(place.command(source), timeout=30)
    assert outcome.output == "True\n", outcome


def test_environment_is_what_was_given(sandbox: BubblewrapSandbox, place: Folders) -> None:
    os.environ["SANDBOX_TEST_SECRET"] = "secret"
    try:
        command = SandboxCommand(
            ("python", "-c", "import os; print(sorted(os.environ))"), place.code, place.data, env={"APP_X": "1"}
        )
        outcome = sandbox.run(command, timeout=10)
    finally:
        del os.environ["SANDBOX_TEST_SECRET"]
    assert "SECRET" not in outcome.output
    assert "APP_X" in outcome.output


def test_exit_code_and_errors_come_out(sandbox: BubblewrapSandbox, place: Folders) -> None:
    outcome = sandbox.run(place.command("import sys; print('bad', file=sys.stderr); sys.exit(7)"), timeout=10)
    assert (outcome.exit_code, outcome.output, outcome.timed_out) == (7, "bad\n", False)


def test_program_that_does_not_exist(sandbox: BubblewrapSandbox, place: Folders) -> None:
    outcome = sandbox.run(SandboxCommand(("/bin/sh", "-c", "true"), place.code, place.data), timeout=10)
    assert outcome.exit_code == 127


def test_time_limit(sandbox: BubblewrapSandbox, place: Folders) -> None:
    outcome = sandbox.run(place.command("print('on', flush=True)\nwhile True: pass"), timeout=1)
    assert outcome.timed_out
    assert outcome.output == "on\n"
    assert outcome.seconds < 5


def test_flood_of_output_is_bounded(sandbox: BubblewrapSandbox, place: Folders) -> None:
    source = "import os\nfor n in range(40): os.write(1, b'x' * 500_000)\nos.write(1, b'the end')"
    outcome = sandbox.run(place.command(source), timeout=60)
    assert outcome.output.endswith("the end")
    assert len(outcome.output) <= OUTPUT_BYTES


def test_processes_together_may_not_hold_more_than_the_limit(sandbox: BubblewrapSandbox, place: Folders) -> None:
    child = "held = bytearray(b'x') * (100 << 20); time.sleep(30)"
    source = f"import os, time\nfor _ in range(6):\n  if os.fork() == 0: {child}\ntime.sleep(30)"
    outcome = sandbox.run(place.command(source), timeout=20)
    assert "sandbox: stopped" in outcome.output
    assert outcome.seconds < 10


def test_limits_hold_inside(sandbox: BubblewrapSandbox, place: Folders) -> None:
    limits = SandboxLimits(memory_bytes=200 << 20, cpu_seconds=9, processes=7, open_files=33, file_bytes=1 << 20)
    source = (
        "import resource as r; print(*(r.getrlimit(k)[1] for k in "
        "(r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_NPROC, r.RLIMIT_NOFILE, r.RLIMIT_FSIZE, r.RLIMIT_CORE)))"
    )
    outcome = sandbox.run(place.command(source, limits=limits), timeout=10)
    assert outcome.output.split() == [str(200 << 20), "9", "7", "33", str(1 << 20), "0"]


def test_processor_time_is_limited(sandbox: BubblewrapSandbox, place: Folders) -> None:
    outcome = sandbox.run(place.command("while True: pass", limits=SandboxLimits(cpu_seconds=1)), timeout=20)
    assert not outcome.timed_out
    assert outcome.exit_code != 0


def test_terminate_lets_it_finish_and_then_kills(sandbox: BubblewrapSandbox, place: Folders) -> None:
    polite = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('bye', flush=True), sys.exit(5)))\n"
        "print('on', flush=True)\ntime.sleep(60)"
    )
    process = sandbox.start(place.command(polite))
    _wait_for(process.output, "on")
    assert process.terminate() == 5
    assert process.output() == "on\nbye\n"

    stubborn = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('on', flush=True)\ntime.sleep(60)"
    )
    process = sandbox.start(place.command(stubborn))
    _wait_for(process.output, "on")
    begun = time.monotonic()
    assert process.terminate(grace_seconds=0.3) != 0
    assert time.monotonic() - begun < 3
    assert process.poll() is not None


def test_a_start_from_a_short_lived_thread_outlives_it(sandbox: BubblewrapSandbox, place: Folders) -> None:
    import threading

    started = []
    thread = threading.Thread(
        target=lambda: started.append(sandbox.start(place.command("import time; time.sleep(60)")))
    )
    thread.start()
    thread.join()
    time.sleep(0.3)
    assert started[0].poll() is None
    started[0].terminate(grace_seconds=0)


def test_no_descriptors_are_left_open(sandbox: BubblewrapSandbox, place: Folders) -> None:
    sandbox.run(place.command("pass"), timeout=10)
    before = set(Path("/proc/self/fd").iterdir())
    for _ in range(5):
        sandbox.run(place.command("pass"), timeout=10)
    time.sleep(0.1)
    assert len(set(Path("/proc/self/fd").iterdir())) <= len(before)


def test_folder_that_is_not_there_is_no_start(sandbox: BubblewrapSandbox, place: Folders) -> None:
    command = SandboxCommand(("python", "-c", "pass"), place.code / "gone", place.data)
    with pytest.raises(SandboxUnavailable) as caught:
        sandbox.start(command)
    assert "gone" in caught.value.cause


def test_without_bubblewrap_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(SandboxUnavailable):
        BubblewrapSandbox(search_path=str(tmp_path))


def _wait_for(output: object, text: str) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if text in output():  # type: ignore[operator]
            return
        time.sleep(0.01)
    raise AssertionError(text)
