"""An event loop whose clock counts only the time in which everybody waits.

The house of a test is one process: Home Assistant, proxy, locks and vendor. A slow or
busy machine slows all of them, but it would not slow deadlines in real seconds: those
would pass while somebody is still about to answer. So the clock stands still while
anything works, and goes fast while everybody waits for it.

A thread of the executor waits for the disk: the clock is slow for some seconds, so that
a deadline passes for a thread that hangs, and not for one that is late. Once the loop
has started a process, such as a broker, the clock goes at its real speed: nobody knows
when that works.

A directory's ``conftest.py`` imports the hook and the fixture at the end of this file.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
import concurrent.futures
from datetime import datetime
import selectors
import time
from typing import Any, override
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed  # type: ignore[import-untyped]

from homeassistant import runner
from homeassistant.core import HomeAssistant, callback

from .own_clock import OwnClockLoop

# Seconds of the clock in a real second.
_NOBODY_WORKS = 10.0
_SOMEBODY_MAY_WORK = 1.0
_A_THREAD_WORKS = 0.1

_HANGS_AFTER = 2.0
"""Real seconds after which a thread is none any more that is only late."""

_A_TURN = 1e-6
"""Who never waits may be waiting for a deadline all the same."""


class IdleTimeLoop(OwnClockLoop):
    """An event loop whose clock goes only while it waits."""

    def __init__(self) -> None:
        """Start the clock where Home Assistant's would be."""
        super().__init__(time.monotonic())
        self.started = time.monotonic()
        """In real seconds."""
        self._processes = False
        self._asked_by_threads = set[concurrent.futures.Future[Any]]()

    def is_waited_for(self, asked: concurrent.futures.Future[Any]) -> None:
        """Note what a thread waits for: it does not work meanwhile."""
        self._asked_by_threads.add(asked)
        asked.add_done_callback(self._asked_by_threads.discard)

    @property
    def _pace(self) -> float:
        late = time.monotonic() - _HANGS_AFTER
        working = sum(since > late for since in self.threads.values())
        if working > len(self._asked_by_threads):
            return _A_THREAD_WORKS
        hanging = len(self.threads) - working > len(self._asked_by_threads)
        if hanging or self._processes:
            return _SOMEBODY_MAY_WORK
        return _NOBODY_WORKS

    @override
    def wait(
        self,
        select: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]],
        timeout: float | None,
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait, but not for a thread that may have begun to hang meanwhile."""
        pace = self._pace
        longest = pace * _HANGS_AFTER
        timeout = longest if timeout is None else min(timeout, longest)
        started = time.monotonic()
        ready = select(timeout / pace)
        if not ready:
            self._now += timeout
        elif pace != _NOBODY_WORKS:
            self._now += min((time.monotonic() - started) * pace, timeout)
        # Else what is ready now has been so when the waiting began: there is nobody
        # who could have sent it since. The machine was elsewhere.
        return ready

    # asyncio's own, which its type stubs leave out.
    def _run_once(self) -> None:
        self._now += _A_TURN
        super()._run_once()  # type: ignore[misc]

    @override
    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        """Start a process; from now on it may be what is waited for."""
        self._processes = True
        return await super().subprocess_exec(*args, **kwargs)


def pytest_asyncio_loop_factories() -> Mapping[
    str, Callable[[], asyncio.AbstractEventLoop]
]:
    """Give the clock to all tests of a directory."""
    return {"idle": IdleTimeLoop}


@pytest.fixture(autouse=True)
async def configure_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure the loop as Home Assistant does, but leave it its clock."""
    loop = asyncio.get_running_loop()
    runner.configure_event_loop(loop)
    # Fixtures of a test that is no coroutine run on an ordinary loop.
    if not isinstance(loop, IdleTimeLoop):
        return
    # Home Assistant puts the real clock into every loop.
    del loop.time
    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", _ask)


def _ask[T](
    coro: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop
) -> concurrent.futures.Future[T]:
    """Do what asyncio does, and let the loop know that a thread waits for it."""
    asked = _run_coroutine_threadsafe(coro, loop)
    if isinstance(loop, IdleTimeLoop):
        loop.is_waited_for(asked)
    return asked


_run_coroutine_threadsafe = asyncio.run_coroutine_threadsafe


@callback
def fire_time_changed(hass: HomeAssistant, moment: datetime) -> None:
    """Let timers fire that are due at a moment in the future.

    As Home Assistant's own of nearly this name, which takes the loop's clock for the
    real one. A timer set since the loop has started may be late by as much as that is
    ago; who looks at the date then waits for it all the same.
    """
    loop = hass.loop
    assert isinstance(loop, IdleTimeLoop)
    late = loop.time() + time.monotonic() - loop.started
    with patch.object(loop, "time", return_value=late):
        async_fire_time_changed(hass, moment)
