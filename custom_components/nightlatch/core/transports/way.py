"""How good the way to a lock is: measured with reads, nothing is written."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import mean, median

from bleak.exc import BleakError

from ..errors import TransportError, TransportProblem
from ..model import LockIdentity
from .base import GattClient, Radio, longest_write
from .device_information import FIRMWARE_REVISION, read_identity

QUESTIONS = 20
# Seconds. A lock answers a read within a connection interval or two.
_ANSWERED_WITHIN = 3.0
# A packet that is lost the radio sends again by itself, at the next interval. An answer
# that comes so many times later than usual was lost more than once.
_LATE = 6
# Seconds; what is below it may be the machine and not the air.
_NOTICEABLE = 0.25
# Bytes. A packet of the usual length carries 244, one of the least length 20.
_LITTLE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What was measured of the way to a lock. Times in seconds."""

    way: str | None
    """What people call the adapter or proxy; None where nobody says."""
    paired_with: str | None
    """Which adapter or proxy the lock is paired with, if a bond of ours is known."""
    reached_after: float
    """Until the lock had said what it is."""
    packet: int
    """Bytes that one packet carries."""
    answers: tuple[float, ...]
    """How long each answer took that came, of as many as ``QUESTIONS``."""

    @property
    def carries_little(self) -> bool:
        """Return whether its packets are so short that a transfer takes very long."""
        return self.packet < _LITTLE

    @property
    def usual(self) -> float:
        """Return how long an answer takes on average."""
        return mean(self.answers) if self.answers else 0.0

    @property
    def slowest(self) -> float:
        """Return how long the slowest answer took."""
        return max(self.answers, default=0.0)

    @property
    def loses(self) -> bool:
        """Return whether packets are lost on it, as far as can be seen from here."""
        if len(self.answers) < QUESTIONS:
            return True
        return self.slowest > max(_LATE * median(self.answers), _NOTICEABLE)


async def measure_way(
    radio: Radio, address: str, name: str
) -> tuple[LockIdentity, Way]:
    """Read what a lock says of itself, and ask on; raise ``TransportError``.

    A lock that speaks only to what it is paired with is paired, as at each reading.
    """
    measured: list[Way] = []
    # What a cache on the way remembers is no measurement; it is dropped for the next
    # connection, which an update needs as well.
    await read_identity(radio, address, name, also=radio.forget_services)
    begun = asyncio.get_running_loop().time()
    identity = await read_identity(
        radio,
        address,
        name,
        fresh_services=True,
        also=partial(_measure, radio, begun, measured.append),
    )
    return identity, measured[-1]


async def _measure(
    radio: Radio, begun: float, tell: Callable[[Way], None], client: GattClient
) -> None:
    now = asyncio.get_running_loop().time
    reached_after = now() - begun
    answers: list[float] = []
    for _ in range(QUESTIONS):
        asked = now()
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                await client.read_gatt_char(FIRMWARE_REVISION)
        except TimeoutError:
            continue
        except BleakError as err:
            if not client.is_connected:
                raise TransportError(TransportProblem.LINK_LOST) from err
            continue
        answers.append(now() - asked)
    tell(
        Way(
            way=radio.way(client),
            paired_with=radio.paired_with(client),
            reached_after=reached_after,
            packet=longest_write(client, FIRMWARE_REVISION),
            answers=tuple(answers),
        )
    )
