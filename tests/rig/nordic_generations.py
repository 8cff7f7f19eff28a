"""Three generations of Nordic's Secure DFU bootloader, where they differ on the air.

They speak the same protocol, and nothing in it tells which of them answers. How they
differ is modelled after notes that somebody took from public copies of the nRF5 SDK; it
was neither checked against the source again nor recorded from bootloaders. The notes do
not say what an EXECUTE that is put off has done by then: here the object counts at once,
and only the check of the whole image and the answer wait. Nor do they say whether SDK 12
waits for its flash before that check: here it does.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

RING = 4 * 256
"""Bytes: the four pieces that SDK 12 keeps data in until the flash has them."""


class Generation(Enum):
    """What a bootloader was built with."""

    SDK_12 = 12
    """It answers within the Bluetooth event, whatever the flash does. Data wait in a ring
    for the flash, and nobody looks whether a piece of it is written before it is used
    again. The checksum is over what arrived, so only the hash in the end shows it."""
    SDK_14 = 14
    """While the answer to EXECUTE is out it refuses every request, and CREATE as long as
    an object is under way: one that has lost a packet is got rid of only with another
    init packet."""
    SDK_15 = 15
    """Requests and packets wait in one queue. An EXECUTE that finds the flash busy goes
    to its end: what was asked after it is answered before it, and if the rest of the
    image has come by then, that is activated before anybody has asked for it."""


@dataclass(slots=True)
class _Waiting:
    """Bytes that the flash has not written yet."""

    offset: int
    length: int
    done_at: float


class DataRing:
    """Where SDK 12 keeps what the flash is to write."""

    def __init__(self) -> None:
        """Begin with an empty one."""
        self._waiting: deque[_Waiting] = deque()

    def put(
        self, offset: int, data: bytes, done_at: float
    ) -> Iterator[tuple[int, int]]:
        """Take bytes that belong at an offset and are written at ``done_at``.

        Yields what they spoil: the offset of each byte that had not been written yet, and
        what is written there now.
        """
        now = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0].done_at <= now:
            self._waiting.popleft()
        length = sum(piece.length for piece in self._waiting)
        first = RING - length
        spoiled = (
            piece.offset + at for piece in self._waiting for at in range(piece.length)
        )
        yield from zip(spoiled, data[first:], strict=False)
        self._waiting.append(_Waiting(offset, len(data), done_at))
