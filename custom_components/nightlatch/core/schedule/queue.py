"""One at a time: the queue of the household, in front of every installation.

Two transfers at once share proxies and connection slots, and two doors that are out of
order at once are one too many. Whoever asked, what closes a hole goes before what does
not, and of either the least important door goes first.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..errors import InstallationError, InstallationProblem
from .policy import Importance


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A place in the queue."""

    key: str
    """What tells a lock from all others."""
    name: str
    importance: Importance
    urgent: bool = False
    """Whether the lock is a door that does not open: it goes first, whoever failed."""
    closes_hole: bool = False
    """Whether what is installed closes a published hole: it goes before what does not."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Place:
    ticket: Ticket | None
    """None for a short use of the radio."""
    number: int
    turn: asyncio.Future[None]

    @property
    def rank(self) -> tuple[int, int, int]:
        ticket = self.ticket
        if ticket is None:
            return (0, 0, self.number)
        turn = 1 if ticket.urgent else 2 if ticket.closes_hole else 3
        return (turn, ticket.importance, self.number)


class Queue:
    """Gives one turn at a time.

    Asking a lock what it runs takes a moment and goes before the next installation, but
    waits for one that runs.
    """

    def __init__(self, gathering: float = 0.0) -> None:
        """Begin empty.

        For ``gathering`` seconds after the first has come nobody's turn begins: "update
        all" asks for one lock after the other, and the order has to be found first.
        """
        self._gathering = gathering
        self._gathers: asyncio.TimerHandle | None = None
        self._places: list[_Place] = []
        self._busy = False
        self._numbers = 0
        self.running: Ticket | None = None
        """Whose installation runs."""

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """Return who waits, in the order of their turns."""
        places = sorted(self._places, key=lambda place: place.rank)
        return tuple(place.ticket for place in places if place.ticket is not None)

    @asynccontextmanager
    async def turn(self, ticket: Ticket) -> AsyncGenerator[None]:
        """Wait for the turn of an installation, and hold it.

        Raises ``InstallationError``: ALREADY_QUEUED where this lock waits or runs,
        AFTER_FAILURE where another installation has failed meanwhile.
        """
        if ticket.key in {each.key for each in (self.running, *self.waiting) if each}:
            raise InstallationError(InstallationProblem.ALREADY_QUEUED)
        if self._gathering and self._gathers is None and not self.waiting:
            self._gathers = asyncio.get_running_loop().call_later(
                self._gathering, self._gathered
            )
        await self._wait(ticket)
        try:
            yield
        finally:
            self._release()

    @asynccontextmanager
    async def short_use(self) -> AsyncGenerator[None]:
        """Wait for, and hold, the radio for a moment."""
        await self._wait(None)
        try:
            yield
        finally:
            self._release()

    def fail(self, name: str) -> None:
        """Let nobody who waits have a turn: the installation on a lock has failed.

        But for what is urgent: it is there because something has failed.
        """
        for place in tuple(self._places):
            if place.ticket is not None and not place.ticket.urgent:
                self._places.remove(place)
                if not place.turn.done():
                    place.turn.set_exception(
                        InstallationError(
                            InstallationProblem.AFTER_FAILURE, failed=name
                        )
                    )
        self._stop_gathering()

    async def _wait(self, ticket: Ticket | None) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._numbers += 1
        place = _Place(ticket=ticket, number=self._numbers, turn=turn)
        self._places.append(place)
        self._next()
        try:
            await turn
        except BaseException:
            if place in self._places:
                self._places.remove(place)
                self._stop_gathering()
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                # The turn had come in the very moment of the cancellation.
                self._release()
            raise

    def _stop_gathering(self) -> None:
        """Wait for nobody more where nobody waits."""
        if self._gathers is not None and not self.waiting:
            self._gathers.cancel()
            self._gathers = None

    def _gathered(self) -> None:
        self._gathers = None
        self._next()

    def _next(self) -> None:
        if self._busy:
            return
        ready = [
            place
            for place in self._places
            # Who was cancelled in this very moment has not taken himself out yet.
            if not place.turn.done() and (place.ticket is None or not self._gathers)
        ]
        if not ready:
            return
        place = min(ready, key=lambda place: place.rank)
        self._places.remove(place)
        self._busy = True
        # Now, and not when the task goes on: in between the lock would have no place.
        self.running = place.ticket
        place.turn.set_result(None)

    def _release(self) -> None:
        self.running = None
        self._busy = False
        self._next()
