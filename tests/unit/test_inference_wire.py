"""Frames, the queue before the one slot, and how many threads a machine gets."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.core.ports import GenerationFailed
from appliance.inference import protocol
from appliance.inference.hardware import multiplies_int8, physical_cores
from appliance.inference.limits import EngineLimits, ExecutorKind
from appliance.inference.turnstile import Turnstile
from appliance.inference.worker import WorkerOptions, parse

if TYPE_CHECKING:
    from pathlib import Path


def test_frames_survive_the_wire() -> None:
    requests: list[protocol.Request] = [
        protocol.Open(1, [protocol.Turn("system", "ü"), protocol.Turn("user", "👩‍🔬")], 1),
        protocol.Append("x"),
        protocol.Generate("start: /a/", 5, 0.5, 7),
        protocol.Mark(),
        protocol.Rewind(3),
        protocol.GetUsage(),
        protocol.Describe(),
        protocol.Cancel(),
        protocol.Abandon(),
    ]
    for request in requests:
        frame = protocol.encode(request)
        assert protocol.body_length(frame[:4]) == len(frame) - 4
        assert protocol.decode_request(frame[4:]) == request


@given(st.binary(max_size=200))
def test_any_bytes_are_a_frame_or_a_protocol_error(content: bytes) -> None:
    for decode in (protocol.decode_request, protocol.decode_answer):
        with contextlib.suppress(protocol.ProtocolError):
            decode(content)


def test_frame_that_is_too_long_is_never_sent_nor_awaited() -> None:
    with pytest.raises(protocol.ProtocolError):
        protocol.encode(protocol.Append("x" * (protocol.MAX_FRAME + 1)))
    with pytest.raises(protocol.ProtocolError):
        protocol.body_length(b"\xff\xff\xff\xff")


async def _ignore(_position: int) -> None:
    return


def test_turnstile_is_first_come_first_served() -> None:
    async def scenario() -> list[int]:
        turnstile, order = Turnstile(waiting=10, notice_seconds=0.01), []
        await turnstile.enter(_ignore)

        async def visit(number: int) -> None:
            await turnstile.enter(_ignore)
            order.append(number)
            await asyncio.sleep(0)
            turnstile.leave()

        tasks = []
        for number in range(8):
            tasks.append(asyncio.create_task(visit(number)))
            await asyncio.sleep(0)
        turnstile.leave()
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(scenario()) == list(range(8))


def test_turnstile_tells_places_and_they_move_up() -> None:
    async def scenario() -> list[int]:
        turnstile, heard = Turnstile(waiting=10, notice_seconds=0.01), []

        async def listen(position: int) -> None:
            heard.append(position)

        await turnstile.enter(_ignore)
        first = asyncio.create_task(turnstile.enter(_ignore))
        await asyncio.sleep(0)
        second = asyncio.create_task(turnstile.enter(listen))
        await asyncio.sleep(0.05)
        turnstile.leave()
        await first
        await asyncio.sleep(0.05)
        turnstile.leave()
        await second
        return sorted(set(heard), reverse=True)

    assert asyncio.run(scenario()) == [2, 1]


def test_turnstile_refuses_beyond_its_limit() -> None:
    async def scenario() -> None:
        turnstile = Turnstile(waiting=1)
        await turnstile.enter(_ignore)
        waiting = asyncio.create_task(turnstile.enter(_ignore))
        await asyncio.sleep(0)
        with pytest.raises(GenerationFailed, match="queue is full"):
            await turnstile.enter(_ignore)
        waiting.cancel()

    asyncio.run(scenario())


def test_turnstile_does_not_keep_anyone_for_ever() -> None:
    async def scenario() -> None:
        turnstile = Turnstile(waiting=5, wait_seconds=0.05, notice_seconds=0.01)
        await turnstile.enter(_ignore)
        with pytest.raises(GenerationFailed, match="too long"):
            await turnstile.enter(_ignore)
        turnstile.leave()
        await asyncio.wait_for(turnstile.enter(_ignore), 1)

    asyncio.run(scenario())


@given(st.lists(st.integers(0, 2), max_size=40))
def test_turnstile_never_loses_the_slot(moves: list[int]) -> None:
    """Visitors come (0), the oldest waiting gives up (1), whoever is inside leaves (2); at the end one can enter."""

    async def scenario() -> None:
        turnstile = Turnstile(waiting=100, notice_seconds=1)
        visits: list[asyncio.Task[None]] = []
        inside: list[asyncio.Task[None]] = []

        async def settle() -> None:
            for _ in range(5):
                await asyncio.sleep(0)
            inside.extend(task for task in visits if task.done() and not task.cancelled())
            visits[:] = [task for task in visits if not task.done()]
            assert len(inside) <= 1
            assert inside or not visits

        for move in moves:
            if move == 0:
                visits.append(asyncio.create_task(turnstile.enter(_ignore)))
            elif move == 1 and visits:
                visits[0].cancel()
            elif move == 2 and inside:
                inside.pop()
                turnstile.leave()
            await settle()
        for task in visits:
            task.cancel()
        await settle()
        if inside:
            turnstile.leave()
        await asyncio.wait_for(turnstile.enter(_ignore), 1)

    asyncio.run(scenario())


def test_hyper_threads_count_once(tmp_path: Path) -> None:
    for cpu, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        topology = tmp_path / f"cpu{cpu}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(siblings + "\n")
    none = tmp_path / "none"
    assert physical_cores(frozenset(range(4)), cpus=tmp_path, quota=none) == 2
    assert physical_cores(frozenset({0, 2}), cpus=tmp_path, quota=none) == 1
    assert physical_cores(frozenset({0, 1, 9}), cpus=tmp_path, quota=none) == 3
    quota = tmp_path / "cpu.max"
    for text, expected in (("100000 100000", 1), ("50000 100000", 1), ("max 100000", 2), ("nonsense", 2), ("1 0", 2)):
        quota.write_text(text)
        assert physical_cores(frozenset(range(4)), cpus=tmp_path, quota=quota) == expected
    assert physical_cores() >= 1


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", "flags : fpu avx2 avx512_vnni", True),
        ("x86_64", "flags : fpu avx_vnni", True),
        ("x86_64", "flags : fpu avx2 avx512f", False),
        ("aarch64", "Features : fp asimd asimddp", True),
        ("aarch64", "Features : fp asimd", False),
    ],
)
def test_exact_int8_products_need_the_instructions(tmp_path: Path, machine: str, flags: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
    assert multiplies_int8(tmp_path / "cpuinfo", machine) is expected
    assert not multiplies_int8(tmp_path / "none", machine)


def test_command_line_says_everything(tmp_path: Path) -> None:
    options = WorkerOptions(
        tmp_path / "b",
        tmp_path / "k",
        tmp_path / "s",
        tmp_path / "p",
        EngineLimits(3, 1000, 77, 6, drafts=False, executor=ExecutorKind.GENAI),
        5,
        12.5,
    )
    assert parse(options.arguments(parent=42)) == (options, 42)
