"""Nordic Secure DFU over Bluetooth LE: how many packets may be under way.

Packets are unacknowledged writes: nothing on the way holds the sender back, and a lock
or a Bluetooth proxy that has no room for one drops it in silence. What arrived is told
only by receipts (offset and CRC after every n-th packet). So the sender keeps a window
of packets without a receipt, narrows it when packets are lost, and widens it again.

A receipt tells that packets were taken into buffers, not that those are free again: the
flash empties them, but first it erases the page that they are for. CREATE is answered
before that is done. So what the buffers do not hold waits for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from .nordic_protocol import WORD

# A bootloader for an MTU of 247 has this many buffers (4096 / 244 + 1, nrf_dfu_ble.c):
# one whole object. For a smaller MTU no more can be taken for granted.
_FIRST_WINDOW = 17
# Seconds to erase a page: a little more than it takes an nRF52 (85 to 90 ms); and the
# most that is waited where that was too little.
_ERASE_TIME = 0.1
_LONGEST_ERASE_TIME = 0.4
# After so many objects without a loss the window is doubled.
_CLEAN_OBJECTS = 2
# To end an object exactly on a receipt up to this many packets more are sent: they cost
# less time than asking for the checksum would.
_MOST_EXTRA_PACKETS = 4


@dataclass(frozen=True, slots=True)
class Burst:
    """How the rest of an object is cut into packets."""

    sizes: tuple[int, ...]
    """Bytes of each packet; whole words but for the last."""
    receipt_every: int
    window: int
    """Packets that may be under way without a receipt."""

    @property
    def ends_with_receipt(self) -> bool:
        """Whether the last packet brings a receipt."""
        return len(self.sizes) % self.receipt_every == 0


class PacketFlow:
    """The window of one connection, and what has been learned about it."""

    def __init__(
        self, *, max_object: int, max_packet: int, one_at_a_time: bool = False
    ) -> None:
        """Start with a window that an ordinary bootloader can take.

        With ``one_at_a_time`` each packet is waited for.
        """
        self._max_packet = max_packet
        self._object_packets = ceil(max_object / max_packet)
        self._ceiling = 1 if one_at_a_time else _FIRST_WINDOW
        self._window = min(self._ceiling, self._object_packets)
        self._clean_objects = 0
        self._losses = 0
        self.erase_time = _ERASE_TIME
        """Seconds after CREATE in which the buffers are not emptied."""

    @property
    def receipt_every(self) -> int:
        """Return how often the lock must send a receipt.

        Once an object where a whole one fits into the window; else twice a window, so
        that the next half is under way while the receipt for the first one comes.
        """
        if self._object_packets <= self._window:
            return self._object_packets
        return max(1, self._window // 2)

    def burst(self, length: int) -> Burst:
        """Cut ``length`` bytes into packets."""
        count = ceil(length / self._max_packet)
        every = self.receipt_every
        wanted = ceil(count / every) * every
        if wanted - count <= _MOST_EXTRA_PACKETS and wanted <= ceil(length / WORD):
            count = wanted
        return Burst(tuple(_split(length, count)), every, self._window)

    def delivered(self) -> None:
        """Take note of an object that has arrived."""
        if self._losses:
            self._clean_objects = 0
        else:
            self._clean_objects += 1
        self._losses = 0
        if self._clean_objects >= _CLEAN_OBJECTS and self._window < self._ceiling:
            wider = self._window * 2
            # Not one packet short of a whole object, which would cost a receipt more.
            self._window = wider if wider + 1 < self._ceiling else self._ceiling
            self._clean_objects = 0

    def lost(self, *, sent: int, taken: int | None) -> None:
        """Take note of a loss among ``sent`` packets of an object.

        ``taken`` is how many packets the lock has, when these are the first ones
        without a gap: then its buffers were full. Where they are fewer than a window, so
        many fit; else they were perhaps not emptied yet.
        """
        self._losses += 1
        filled = taken or 0
        full = 0 < filled < sent - 1
        if full and filled < self._window:
            self._window = self._ceiling = filled
        elif self._losses > 1:
            # One alone may be chance, and a narrow window is slow.
            self._window = max(1, self._window // 2)
        elif full:
            self.erase_time = min(2 * self.erase_time, _LONGEST_ERASE_TIME)


def _split(length: int, count: int) -> Iterator[int]:
    """Spread the bytes evenly over packets of whole words."""
    words, more = divmod(ceil(length / WORD), count)
    left = length
    for index in range(count):
        size = min(left, (words + (index < more)) * WORD)
        left -= size
        yield size
