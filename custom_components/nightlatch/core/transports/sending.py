"""What all transports share: going on over new connections, a deadline, a report."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
import logging

from ..errors import TransportError, TransportProblem
from .base import Counters, TransferReport

_LOGGER = logging.getLogger(__name__)

# Consecutive ones that brought no byte further.
FRUITLESS_CONNECTIONS = 5
RECONNECT_DELAY = 1.0
# The slowest transfer that is waited for, in bytes a second: one packet of 20 bytes in
# 200 ms.
SLOWEST_RATE = 100
SETTLING_TIME = 300.0
_LOOKS_AGAIN_AFTER = 1.0

BROKEN_OFF = frozenset(
    {
        TransportProblem.LINK_LOST,
        TransportProblem.NO_ANSWER,
        TransportProblem.GARBLED_ANSWER,
    }
)
"""After these the lock may go on where it was."""
OUT_OF_REACH = frozenset(
    {
        TransportProblem.CONNECTION_FAILED,
        TransportProblem.NOT_FOUND,
        TransportProblem.NO_CONNECTION_SLOT,
    }
)
"""A lock that works can wait until these have passed."""


class Sending:
    """How far an artifact has come, over as many connections as it takes."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.confirmed = 0
        """The bytes that the lock has said it has."""
        self.bytes_sent_again = 0
        """The bytes that had to be sent more than once."""
        self.activating = False
        """Whether the lock was told to start it: from then on it may be restarting."""
        self.deaf = 0
        """How many connections were given up over which nothing of it arrived."""
        self._was_deaf = False

    @contextmanager
    def over_one_connection(self) -> Iterator[None]:
        """Note whether anything arrives."""
        before = self.confirmed
        self._was_deaf = False
        try:
            yield
        except TransportError as err:
            self._was_deaf = (
                err.reason is TransportProblem.LOSSY_LINK and self.confirmed == before
            )
            self.deaf += self._was_deaf
            raise

    def may_be_remembered_wrong(self, err: TransportError) -> bool:
        """Return whether another connection may carry what this one did not.

        What stands before a proxy remembers how much fits into a write, and where that
        was more than fits now, nothing arrives at all. It was told to forget when this
        connection was made, so the next one knows better; once, for then nothing was
        remembered.
        """
        return (
            err.reason is TransportProblem.LOSSY_LINK
            and self._was_deaf
            and self.deaf == 1
        )


async def happens_within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for something; return False where it does not happen for so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


async def send(
    sending: Sending,
    size: int,
    name: str,
    over_one_connection: Callable[[Counters], Awaitable[None]],
    may_go_on: Callable[[TransportError], bool],
) -> TransferReport:
    """Send over as many connections as it takes, as long as they bring it further.

    ``size`` is in bytes; ``may_go_on`` tells whether another connection may help. Raises
    what the last connection did, or ``TransportError`` with TOO_SLOW; never that once
    the lock was told to start what it has, for then it may be doing so.
    """
    counters = Counters()
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = SETTLING_TIME + size / SLOWEST_RATE
    try:
        async with _deadline(deadline, sending):
            await _go_on(sending, name, counters, over_one_connection, may_go_on)
    except TimeoutError as err:
        raise TransportError(
            TransportProblem.TOO_SLOW, minutes=round(deadline / 60)
        ) from err
    return TransferReport(
        bytes_sent=counters.packet_bytes,
        bytes_sent_again=sending.bytes_sent_again,
        packets=counters.packets,
        control_writes=counters.control_writes,
        reconnects=counters.connections - 1,
        seconds=loop.time() - started,
    )


@asynccontextmanager
async def _deadline(seconds: float, sending: Sending) -> AsyncIterator[None]:
    """Limit the time until the lock is told to start what was sent.

    What follows has deadlines of its own. Where the lock answers again that something is
    missing, the limit holds as before.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def passed() -> None:
        nonlocal timer
        if sending.activating:
            timer = loop.call_later(_LOOKS_AGAIN_AFTER, passed)
        else:
            limit.reschedule(loop.time())

    timer = loop.call_later(seconds, passed)
    try:
        async with asyncio.timeout(None) as limit:
            yield
    finally:
        timer.cancel()


async def _go_on(
    sending: Sending,
    name: str,
    counters: Counters,
    over_one_connection: Callable[[Counters], Awaitable[None]],
    may_go_on: Callable[[TransportError], bool],
) -> None:
    fruitless = 0
    while True:
        before = sending.confirmed
        try:
            await over_one_connection(counters)
        except TransportError as err:
            fruitless = 0 if sending.confirmed > before else fruitless + 1
            if fruitless == FRUITLESS_CONNECTIONS or not may_go_on(err):
                raise
            _LOGGER.debug("%s: going on after %s", name, err)
            await asyncio.sleep(RECONNECT_DELAY * 2**fruitless)
        else:
            return
