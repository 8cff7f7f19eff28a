"""The clock that jumps."""

import asyncio
import time

import pytest

from tests.rig.own_clock import StuckError
from tests.rig.virtual_time import VirtualTimeLoop, run_virtual, virtual_time


@virtual_time
async def test_marked_tests_run_on_virtual_time() -> None:
    """The marker is all that a test module needs."""
    assert isinstance(asyncio.get_running_loop(), VirtualTimeLoop)


async def test_others_keep_the_ordinary_loop() -> None:
    """Virtual time is for those who ask for it."""
    assert not isinstance(asyncio.get_running_loop(), VirtualTimeLoop)


@virtual_time
async def test_the_clock_shows_what_was_slept() -> None:
    """A day passes at once, to the last microsecond."""
    loop = asyncio.get_running_loop()
    for seconds in (0.015, 3600.0, 86400.0 * 3):
        wake = loop.time() + seconds
        await asyncio.sleep(seconds)
        assert loop.time() == wake


@virtual_time
async def test_timers_fire_in_their_order() -> None:
    """Jumping skips no timer."""
    loop = asyncio.get_running_loop()
    fired: list[float] = []
    for delay in (3.0, 1.0, 2.0, 1.0):
        loop.call_later(delay, fired.append, delay)
    await asyncio.sleep(5)
    assert fired == [1.0, 1.0, 2.0, 3.0]


@virtual_time
async def test_deadlines_pass() -> None:
    """A deadline is reached when nothing comes before it."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(120):
            await asyncio.Event().wait()
    assert asyncio.get_running_loop().time() == 120


@virtual_time
async def test_threads_are_waited_for_while_the_clock_stands_still() -> None:
    """A deadline does not pass because a thread takes real time."""
    async with asyncio.timeout(0.001):
        await asyncio.to_thread(time.sleep, 0.05)
    assert asyncio.get_running_loop().time() == 0


def test_waiting_for_ever_is_an_error() -> None:
    """A wait without a deadline does not hang the tests."""

    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(StuckError):
        run_virtual(wait())


def test_run_virtual_returns_the_result() -> None:
    """The helper is for those who have no test function."""

    async def sleep() -> str:
        await asyncio.sleep(1000)
        return "slept"

    assert run_virtual(sleep()) == "slept"
