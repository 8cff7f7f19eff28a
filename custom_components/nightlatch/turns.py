"""Work for many locks, a few in one turn of the loop: the house goes on in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from typing import Final

from homeassistant.core import HomeAssistant, callback

FEW: Final = 4
"""So many in one turn."""


async def few_a_turn[T](many: Iterable[T]) -> AsyncIterator[T]:
    """Return each of many, a few in each turn; what it is of may be gone by then."""
    for position, each in enumerate(many, start=1):
        yield each
        if position % FEW == 0:
            await asyncio.sleep(0)


class Turns[K: Hashable]:
    """Does something for the first few of a turn at once, for others in those that follow.

    Whoever comes again in the same turn has its turn once more, and once only: what was
    new about it meanwhile is done together.
    """

    def __init__(
        self, hass: HomeAssistant, work: Callable[[tuple[K, ...]], None]
    ) -> None:
        """Take what is to be done; it raises nothing."""
        self._hass = hass
        self._work = work
        self._done: set[K] = set()
        """For whom it was done in this turn."""
        self._waiting: dict[K, None] = {}
        self._goes_on = False

    @callback
    def async_note(self, key: K) -> None:
        """Do it for one, now or soon."""
        self._go_on_soon()
        if key in self._done or len(self._done) >= FEW:
            self._waiting[key] = None
        else:
            self._done.add(key)
            self._work((key,))

    @callback
    def async_hurry(self, key: K) -> None:
        """Do it now for one that waits."""
        if key in self._waiting:
            del self._waiting[key]
            self._work((key,))

    @callback
    def _go_on_soon(self) -> None:
        if not self._goes_on:
            self._goes_on = True
            self._hass.loop.call_soon(self._go_on)

    @callback
    def _go_on(self) -> None:
        self._goes_on = False
        few = tuple(self._waiting)[:FEW]
        for key in few:
            del self._waiting[key]
        self._done = set(few)
        if few:
            self._go_on_soon()
            self._work(few)
