"""An event loop whose clock jumps: minutes of waiting take no time.

When nothing is ready the clock goes forward to the next timer at once. What would wait
for ever (no timer left, nothing ready) raises ``StuckError`` instead of hanging.

Only for what lives in one process: while a thread of the executor works the clock
stands still, but no socket or subprocess is waited for.

In pytest a test module asks for it with ``pytestmark = virtual_time``, a test with
``@virtual_time``; the directory's ``conftest.py`` imports the hook and the fixtures at
the end of this file.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
import selectors
from typing import Any, override

import pytest

from homeassistant import runner

from .own_clock import OwnClockLoop, StuckError

_PATIENCE_WITH_THREADS = 30.0
"""Real seconds that a thread of the executor may take."""

virtual_time = pytest.mark.asyncio(loop_factories=["virtual"])


class VirtualTimeLoop(OwnClockLoop):
    """An event loop with a clock of its own; it starts at 0 seconds."""

    def __init__(self) -> None:
        """Start the clock."""
        super().__init__(0.0)

    @override
    def wait(
        self,
        select: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]],
        timeout: float | None,
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for threads; where none works, move the clock to the next timer."""
        if self.threads:
            return self.wait_for_threads(select, _PATIENCE_WITH_THREADS)
        if timeout is None:
            raise StuckError("nothing is ready and no timer is set")
        # The heap is asyncio's own, but the timeout is no substitute: the clock must
        # show exactly what the timer was set for.
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        self._now = max(self._now, scheduled[0].when())
        return []


def run_virtual[T](coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of virtual time and return its result."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(coro)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Give virtual time to the tests that are marked with ``virtual_time``."""
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "loop_factories" in marker.kwargs:
        return {"virtual": VirtualTimeLoop}
    return {"real": asyncio.new_event_loop}


@pytest.fixture(autouse=True)
async def configure_event_loop() -> None:
    """Configure the loop as Home Assistant does, but leave virtual time its clock.

    Takes the place of the fixture of this name in Home Assistant's test plugin, which
    puts the real clock into every loop.
    """
    loop = asyncio.get_running_loop()
    if not isinstance(loop, VirtualTimeLoop):
        runner.configure_event_loop(loop)


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Turn on the loop's debug mode as Home Assistant does, but not for virtual time.

    It notes the stack at each call that is scheduled, which is most of what a transfer
    on virtual time would cost.
    """
    loop = asyncio.get_running_loop()
    loop.set_debug(not isinstance(loop, VirtualTimeLoop))


@pytest.fixture
def mock_zeroconf_resolver() -> None:
    """Leave out a resolver that only Home Assistant needs.

    That of its test package leaves four descriptors open after each test, and the
    client of MQTT can watch none above 1024.
    """
