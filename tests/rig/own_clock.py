"""What event loops with a clock of their own share."""

import asyncio
from collections.abc import Callable
import selectors
import time
from typing import Any, override


class StuckError(RuntimeError):
    """Nothing is ready, and nothing will ever be."""


class OwnClockSelector(selectors.DefaultSelector):
    """Tells its loop how long is waited, and for what."""

    loop: OwnClockLoop

    @override
    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; where nothing is, ask the loop what waiting means."""
        if (ready := super().select(0)) or timeout == 0:
            return ready
        return self.loop.wait(super().select, timeout)


class OwnClockLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while anything is being done."""

    def __init__(self, now: float) -> None:
        """Start the clock, at so many seconds."""
        self._now = now
        self.threads: dict[asyncio.Future[Any], float] = {}
        """What the executor is working on, and since when in real seconds."""
        selector = OwnClockSelector()
        selector.loop = self
        super().__init__(selector)

    def wait(
        self,
        select: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]],
        timeout: float | None,
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until something is ready or the timeout has passed; move the clock."""
        raise NotImplementedError

    def wait_for_threads(
        self,
        select: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]],
        patience: float,
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait until a thread of the executor has ended; the clock stands still.

        Raises ``StuckError`` where none does within so many real seconds.
        """
        if not (ready := select(patience)):
            raise StuckError("a thread of the executor does not end")
        return ready

    @override
    def time(self) -> float:
        """Return what the clock shows, in seconds."""
        return self._now

    @override
    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run in a thread; until it has ended something is being done."""
        future = super().run_in_executor(executor, func, *args)
        self.threads[future] = time.monotonic()
        future.add_done_callback(self.threads.pop)
        return future

    @override
    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait for a thread that waits for all the others."""
        ended = self.create_future()
        self.threads[ended] = time.monotonic()
        try:
            await super().shutdown_default_executor(timeout)
        finally:
            del self.threads[ended]
