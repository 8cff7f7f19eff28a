"""The clock that counts only what is waited."""

import asyncio
from collections.abc import Coroutine
import sys
import threading
import time

import pytest

from tests.rig.idle_time import IdleTimeLoop


def run[T](coro: Coroutine[None, None, T]) -> T:
    """Run a coroutine on a loop with this clock."""
    with asyncio.Runner(loop_factory=IdleTimeLoop) as runner:
        return runner.run(coro)


def test_no_deadline_passes_while_somebody_works() -> None:
    """A slow machine is no reason to give up."""

    async def work() -> None:
        async with asyncio.timeout(0.1):
            for _ in range(5):
                time.sleep(0.1)  # noqa: ASYNC251  it works, and is slow
                await asyncio.sleep(0.001)

    run(work())


def test_a_deadline_passes_when_all_wait() -> None:
    """And sooner than on the wall; those before it pass before it."""

    async def wait() -> list[float]:
        loop, passed = asyncio.get_running_loop(), list[float]()
        for delay in (3.0, 1.0, 2.0):
            loop.call_later(delay, passed.append, delay)
        before = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(20):
                await asyncio.Event().wait()
        assert loop.time() >= before + 20
        return passed

    started = time.monotonic()
    assert run(wait()) == [1.0, 2.0, 3.0]
    assert time.monotonic() - started < 20


def test_one_who_never_waits_reaches_a_deadline_all_the_same() -> None:
    """A loop that goes round and round must come to an end."""

    async def go_round() -> None:
        async with asyncio.timeout(0.001):
            while True:  # noqa: ASYNC110  nothing will happen
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        run(go_round())


def test_what_comes_over_a_socket_is_not_late(socket_enabled: None) -> None:
    """However long the other side has worked at it."""

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        time.sleep(0.3)  # noqa: ASYNC251  it works, and is slow
        writer.write(b"here\n")
        writer.close()

    async def ask() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, asyncio.timeout(0.2):
            port = server.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            line = await reader.readline()
            writer.close()
            return line

    assert run(ask()) == b"here\n"


def test_a_thread_may_be_late() -> None:
    """The disk is as slow as the machine."""

    async def wait() -> None:
        async with asyncio.timeout(0.2):
            await asyncio.to_thread(time.sleep, 0.5)

    run(wait())


@pytest.mark.parametrize("deadline", [0.05, 1.0])
def test_a_thread_that_hangs_is_noticed(deadline: float) -> None:
    """A deadline passes for it, short or long."""
    end = threading.Event()

    async def wait() -> None:
        try:
            async with asyncio.timeout(deadline):
                await asyncio.to_thread(end.wait)
        finally:
            end.set()

    with pytest.raises(TimeoutError):
        run(wait())


def test_a_process_has_the_time_that_it_needs() -> None:
    """Nobody knows when it works: the clock does not go fast any more."""

    async def wait() -> float:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
        await process.wait()
        started = time.monotonic()
        await asyncio.sleep(0.5)
        return time.monotonic() - started

    assert run(wait()) >= 0.45
