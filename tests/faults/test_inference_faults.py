"""What may go wrong around the worker: it dies, its clients misbehave, its files are damaged."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from appliance.core.ports import GenerationFailed, Grammar, Message, Prompt
from appliance.inference import protocol
from appliance.inference.client import WorkerGenerator
from appliance.inference.supervisor import RestartPolicy, WorkerState, WorkerSupervisor
from tests.fixtures.inference_worker import TinyWorker, running_tiny_worker, tiny_options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROMPT = Prompt((Message("system", "You write plans. " * 10), Message("user", "Track loans.")), stable=1)
FORCED = Grammar('start: "access: everyone may read\\n"')
ENDLESS = Grammar("start: /[a-z]{300,310}/")


@pytest.fixture(scope="module")
def shared() -> Iterator[TinyWorker]:
    with running_tiny_worker() as worker:
        yield worker


def until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = "it did not happen in time"
            raise AssertionError(message)
        time.sleep(0.01)


def works(generator: WorkerGenerator) -> bool:
    with generator.session(PROMPT) as session:
        return "".join(session.generate(FORCED, max_tokens=60)) == "access: everyone may read\n"


def raw(worker: TinyWorker) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(str(worker.options.socket))
    return connection


def read_all(connection: socket.socket) -> bytes:
    content = b""
    while piece := connection.recv(65536):
        content += piece
    return content


def test_killed_worker_fails_the_generation_and_the_next_request_works() -> None:
    with running_tiny_worker() as worker:
        generator = worker.supervisor.generator()
        pid = worker.supervisor.pid
        assert pid is not None
        with generator.session(PROMPT) as session:
            assert list(session.generate(ENDLESS, max_tokens=3, temperature=2.0))
            os.kill(pid, signal.SIGSTOP)  # so that it is at work for certain when it dies, however quick it is
            threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
            pieces = session.generate(ENDLESS, max_tokens=300, temperature=2.0)
            with pytest.raises(GenerationFailed, match="stopped while it was working") as caught:
                list(pieces)
            assert "restarted" in caught.value.action
            with pytest.raises(GenerationFailed):
                session.append("more")
        until(lambda: worker.supervisor.state is not WorkerState.READY or worker.supervisor.pid not in {None, pid})
        assert works(generator)
        assert worker.supervisor.pid not in {None, pid}


def test_worker_that_keeps_dying_is_left_down_with_a_reason() -> None:
    with running_tiny_worker() as worker:
        supervisor = worker.supervisor
        killed = set()

        def kill() -> bool:
            pid = supervisor.pid
            if pid is not None and pid not in killed:
                killed.add(pid)
                os.kill(pid, signal.SIGKILL)
            return supervisor.state is WorkerState.FAILED

        until(kill, seconds=30)
        with pytest.raises(GenerationFailed, match="keeps ending") as caught:
            works(supervisor.generator())
        assert str(worker.log) in caught.value.action
        supervisor.start()
        assert works(supervisor.generator())


def test_bundle_that_is_not_trusted_is_not_loaded(tmp_path: Path) -> None:
    options = tiny_options(tmp_path)
    weights = options.bundle / "decoder.onnx.data"
    content = bytearray(weights.read_bytes())
    content[1000] ^= 1
    weights.write_bytes(content)
    stages: list[str] = []
    supervisor = WorkerSupervisor(options, log=tmp_path / "log", policy=RestartPolicy(delays=(0.1,)))
    with pytest.raises(GenerationFailed, match="was changed"):
        supervisor.start(stages.append)
    assert stages == ["verifying the model"]
    assert supervisor.state is WorkerState.FAILED
    supervisor.stop()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\x00\x00\x05hello",
        b"\xff\xff\xff\xff",
        protocol.LENGTH.pack(protocol.MAX_FRAME + 1),
        protocol.LENGTH.pack(0),
        protocol.encode(protocol.Append("before open")),
        protocol.encode(protocol.Open(99, [protocol.Turn("user", "a")], 0)),
        b"\x00\x00\x00\x03" + b"\x91" * 3,
        protocol.LENGTH.pack(20000) + b"\x91" * 20000,
    ],
)
def test_client_that_breaks_the_protocol_is_told_and_cut_off(shared: TinyWorker, sent: bytes) -> None:
    with raw(shared) as connection:
        connection.sendall(sent)
        told = read_all(connection)
    assert b"inference_protocol" in told
    assert works(shared.supervisor.generator())


def test_client_that_says_half_a_frame_and_leaves(shared: TinyWorker) -> None:
    with raw(shared) as connection:
        connection.sendall(b"\x00\x00\x10\x00abc")
    assert works(shared.supervisor.generator())


def test_client_that_vanishes_mid_stream_frees_the_slot(shared: TinyWorker) -> None:
    with raw(shared) as connection:
        turns = [protocol.Turn("user", "a")]
        connection.sendall(protocol.encode(protocol.Open(protocol.VERSION, turns, 0)))
        connection.recv(65536)
        connection.sendall(protocol.encode(protocol.Generate(ENDLESS.lark, 300, 2.0, 0)))
        connection.recv(10)
    started = time.monotonic()
    assert works(shared.supervisor.generator())
    assert time.monotonic() - started < 10


def test_abandoning_what_has_just_finished_still_forgets_it(shared: TinyWorker) -> None:
    """The client gives up while the last answer is on its way to it."""
    requests = (
        protocol.Open(protocol.VERSION, [protocol.Turn("user", "a")], 0),
        protocol.Mark(),
        protocol.Generate(FORCED.lark, 60, 0.0, 0),
        protocol.Abandon(),
        protocol.Mark(),
    )
    answers = []
    with raw(shared) as connection, connection.makefile("rb") as stream:
        for request in requests:
            connection.sendall(protocol.encode(request))
            answer: protocol.Answer = protocol.Piece("")
            while isinstance(answer, protocol.Piece):
                length = protocol.body_length(stream.read(protocol.LENGTH.size))
                answer = protocol.decode_answer(stream.read(length))
            answers.append(answer)
    assert [type(answer).__name__ for answer in answers] == ["Opened", "Marked", "Finished", "Done", "Marked"]
    assert answers[1] == answers[4]


def test_socket_is_for_its_owner_only(shared: TinyWorker) -> None:
    assert shared.options.socket.stat().st_mode & 0o777 == 0o600


def test_second_conversation_waits_and_hears_its_place(shared: TinyWorker) -> None:
    places: list[int] = []
    waiting = threading.Event()
    done: list[bool] = []

    def heard(place: int) -> None:
        places.append(place)
        waiting.set()

    second = replace(shared.supervisor.generator(), on_queued=heard)
    with shared.supervisor.generator().session(PROMPT) as session:
        thread = threading.Thread(target=lambda: done.append(works(second)))
        thread.start()
        assert waiting.wait(10)
        assert not done
        "".join(session.generate(FORCED, max_tokens=60))
    thread.join(10)
    assert done == [True]
    assert places[0] == 1


def test_full_queue_refuses() -> None:
    with running_tiny_worker(queue=1) as worker:
        generator = worker.supervisor.generator()
        waiting = threading.Event()
        patient = replace(generator, on_queued=lambda _place: waiting.set())
        with generator.session(PROMPT):
            thread = threading.Thread(target=lambda: works(patient))
            thread.start()
            assert waiting.wait(10)
            with pytest.raises(GenerationFailed, match="queue is full") as caught, generator.session(PROMPT):
                pass
            assert caught.value.action
        thread.join(10)


def test_silent_session_loses_its_slot() -> None:
    with running_tiny_worker(request_seconds=0.5) as worker:
        generator = worker.supervisor.generator()
        with generator.session(PROMPT) as session:
            time.sleep(1.0)
            assert works(generator)
            with pytest.raises(GenerationFailed):
                session.append("still here")


def test_sessions_from_many_threads(shared: TinyWorker) -> None:
    generator = shared.supervisor.generator()
    results: list[bool] = []
    threads = [threading.Thread(target=lambda: results.append(works(generator))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == [True] * 4


def test_cancel_while_waiting(shared: TinyWorker) -> None:
    """A person who gives up in the queue does not keep a place in it."""
    with shared.supervisor.generator().session(PROMPT), raw(shared) as connection:
        turns = [protocol.Turn("user", "a")]
        connection.sendall(protocol.encode(protocol.Open(protocol.VERSION, turns, 0)))
        assert b"queued" in connection.recv(65536)
    assert works(shared.supervisor.generator())


def test_damaged_prefix_file_is_dropped_and_made_again() -> None:
    with running_tiny_worker() as worker:
        generator = worker.supervisor.generator()
        assert works(generator)
        until(lambda: bool(list(worker.options.prefixes.glob("*/*.kv"))))
        worker.supervisor.stop()
        (file,) = worker.options.prefixes.glob("*/*.kv")
        good = file.read_bytes()
        file.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
        worker.supervisor.start()
        assert "discarding the stored prefix" in worker.log.read_text()
        with generator.session(PROMPT) as session:
            assert session.usage().cached == 0
        until(file.exists)
        worker.supervisor.stop()
        assert file.read_bytes() == good
        worker.supervisor.start()
        with generator.session(PROMPT) as session:
            assert session.usage().cached > 32


def test_worker_dies_with_its_parent(tmp_path: Path) -> None:
    options = tiny_options(tmp_path)
    program = (
        "import sys, time, pathlib\n"
        "from appliance.inference.supervisor import WorkerSupervisor\n"
        "from appliance.inference.worker import parse\n"
        "supervisor = WorkerSupervisor(parse(sys.argv[1:])[0], log=pathlib.Path(sys.argv[2]).parent / 'log')\n"
        "supervisor.start()\n"
        "print(supervisor.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, *options.arguments(parent=0)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        os.kill(worker, 0)
        parent.kill()
    try:
        until(lambda: _gone(worker))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def test_no_worker_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(GenerationFailed, match="not running") as caught:
        works(WorkerGenerator(tmp_path / "none.sock"))
    assert caught.value.action


def test_hung_worker_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "hung.sock"))
        listener.listen()
        with pytest.raises(GenerationFailed, match="does not answer"):
            works(WorkerGenerator(tmp_path / "hung.sock", answer_seconds=0.2))


def test_worker_that_talks_nonsense_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "odd.sock"))
        listener.listen()

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"\x00\x00\x00\x04what")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(protocol.ProtocolError):
            works(WorkerGenerator(tmp_path / "odd.sock"))
        thread.join()


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[0] == "Z"
