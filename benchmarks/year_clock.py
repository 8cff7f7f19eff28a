"""The clock of a house that lives through a year in minutes, for a process of its own.

To be imported before anything of Home Assistant: that binds its clock as it is imported.
The loop's clock and the one on the wall are the same, and go on when nothing is ready.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import datetime as dt
import selectors
import time
from typing import Final, override

from tests.rig.own_clock import OwnClockLoop

BEGIN: Final = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_PATIENCE: Final = 60.0
"""Real seconds that a thread of the executor may take."""
_A_LOOK: Final = 0.01
_real = time.monotonic


class YearLoop(OwnClockLoop):
    """A loop whose clock goes on to the next timer when nothing is ready."""

    def __init__(self) -> None:
        """Begin with the year."""
        super().__init__(0.0)
        self._waits_for_others = 0

    @contextmanager
    def real_time(self) -> Iterator[None]:
        """Let the clock go as fast as any, for what other threads must answer."""
        self._waits_for_others += 1
        try:
            yield
        finally:
            self._waits_for_others -= 1

    def leap(self, seconds: float) -> None:
        """Let time pass in which nobody looks, as when a machine has slept."""
        self._now += seconds

    @override
    def wait(
        self,
        select: Callable[[float | None], list[tuple[selectors.SelectorKey, int]]],
        timeout: float | None,
    ) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for threads; where none works, move the clock to the next timer."""
        if self.threads:
            return self.wait_for_threads(select, _PATIENCE)
        if self._waits_for_others or timeout is None:
            begun = _real()
            ready = select(_A_LOOK if timeout is None else min(_A_LOOK, timeout))
            self._now += _real() - begun
            return ready
        self._now += timeout
        return []


LOOP: Final = YearLoop()


def seconds() -> float:
    """Return the time of the year, as ``time.time`` does."""
    return BEGIN.timestamp() + LOOP.time()


def utcnow() -> dt.datetime:
    """Return the time of the year."""
    return BEGIN + dt.timedelta(seconds=LOOP.time())


def take_over() -> None:
    """Let Home Assistant, which is not imported yet, know no other clock."""
    time.time = seconds
    from homeassistant.util import dt as dt_util  # noqa: PLC0415

    def now(time_zone: dt.tzinfo | None = None) -> dt.datetime:
        return utcnow().astimezone(time_zone or dt_util.get_default_time_zone())

    dt_util.utcnow = utcnow  # type: ignore[assignment]
    dt_util.now = now
