"""One at a time: the queue of the household, in front of every installation.

Two transfers at once share proxies and connection slots, and two doors that are out of
order at once are one too many. Whoever asked, the least important door goes first.
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


@dataclass(slots=True, kw_only=True, eq=False)
class _Place:
    ticket: Ticket | None
    """None for a short use of the radio."""
    number: int
    turn: asyncio.Future[None]

    @property
    def rank(self) -> tuple[bool, int, int]:
        if self.ticket is None:
            return (False, 0, self.number)
        return (True, self.ticket.importance, self.number)


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
        if self._gathering and not self._busy and not self.waiting:
            asyncio.get_running_loop().call_later(self._gathering, self._next)
        await self._wait(ticket, gather=bool(self._gathering))
        self.running = ticket
        try:
            yield
        finally:
            self.running = None
            self._release()

    @asynccontextmanager
    async def short_use(self) -> AsyncGenerator[None]:
        """Wait for, and hold, the radio for a moment."""
        await self._wait(None, gather=False)
        try:
            yield
        finally:
            self._release()

    def fail(self, name: str) -> None:
        """Let nobody who waits have a turn: the installation on a lock has failed."""
        for place in tuple(self._places):
            if place.ticket is not None:
                self._places.remove(place)
                if not place.turn.done():
                    place.turn.set_exception(
                        InstallationError(
                            InstallationProblem.AFTER_FAILURE, failed=name
                        )
                    )

    async def _wait(self, ticket: Ticket | None, *, gather: bool) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._numbers += 1
        place = _Place(ticket=ticket, number=self._numbers, turn=turn)
        self._places.append(place)
        if not gather:
            self._next()
        try:
            await turn
        except BaseException:
            if place in self._places:
                self._places.remove(place)
            elif turn.done() and not turn.cancelled() and turn.exception() is None:
                # The turn had come in the very moment of the cancellation.
                self._release()
            raise

    def _next(self) -> None:
        if self._busy or not self._places:
            return
        place = min(self._places, key=lambda place: place.rank)
        self._places.remove(place)
        self._busy = True
        place.turn.set_result(None)

    def _release(self) -> None:
        self._busy = False
        self._next()
