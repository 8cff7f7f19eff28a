"""The buffers that packets wait in until the flash has taken them."""

import asyncio
from collections import deque

RECEIVE_BUFFERS = 17
"""4096 / 244 + 1: as many as Nordic's bootloader has."""


class ReceiveBuffers:
    """Buffers of a bootloader, and the one flash that empties them.

    Usually a packet holds its buffer until the flash has written it, which does one thing
    after the other: a page that is being erased keeps all packets waiting. At their worst
    packets hold their buffers until a receipt is due or a request arrives, as if the
    flash were busy all that time.
    """

    def __init__(self) -> None:
        """Begin with empty ones."""
        self.count = RECEIVE_BUFFERS
        self.worst = False
        self.clear()

    def clear(self) -> None:
        """Begin anew, as after a restart."""
        self._held = 0
        self._flash_free_at = 0.0
        self._free_at: deque[float] = deque()

    @property
    def full(self) -> bool:
        """Whether the next packet finds none."""
        return self._occupied() >= self.count

    @property
    def flash_busy(self) -> float:
        """For how many seconds the flash has something to do still."""
        if self.worst:
            return 0.0
        return max(0.0, self._flash_free_at - _now())

    def occupy_flash(self, seconds: float) -> None:
        """Give the flash something to do."""
        self._flash_free_at = max(self._flash_free_at, _now()) + seconds

    def hold(self, seconds: float) -> None:
        """Keep a packet until the flash has had so many seconds for it."""
        self._held += 1
        if seconds:
            self.occupy_flash(seconds)
            self._free_at.append(self._flash_free_at)

    def let_go(self) -> None:
        """Free what is held at the worst: a receipt is due, or something was asked."""
        self._held = 0

    def _occupied(self) -> int:
        if self.worst:
            return self._held
        now = _now()
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()
        return len(self._free_at)


def _now() -> float:
    return asyncio.get_running_loop().time()
