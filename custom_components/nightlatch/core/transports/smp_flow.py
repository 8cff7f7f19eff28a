"""How much of an upload may be under way over SMP at a time.

Home Assistant gives no back-pressure for unacknowledged writes, so nothing is written
that the lock has no buffer for. A server that tells its buffers puts requests together
out of many writes; one write that gets lost spoils a whole request, and the server may
then wait for the rest of it for ever. So what gets lost makes requests smaller, down to
those that one write holds, and what arrives lets them grow again.
"""

from .smp_protocol import Parameters

# The first request of an upload has to bear the header of the image, and needs so much
# with it.
LEAST_REQUEST = 128
# Zephyr takes a buffer for the answer out of the same pool (smp.c), and refuses what it
# has none for.
_BUFFERS_FOR_ANSWERS = 1
# More under way at a time would only fill a Bluetooth proxy.
_MAX_WINDOW = 8
_MAX_REQUEST = 8 * 1024
# After so many requests in a row that arrived they grow; twice as many after each loss.
_STEADY = 16
_MAX_STEADY = 512
# What has never arrived, in so many attempts, is more than the server can take: requests
# that it would have to put together, or writes that are longer than its buffers.
_FAILURES = 2


class RequestFlow:
    """Sizes and number of the requests under way; outlives its connections."""

    def __init__(self) -> None:
        """Begin with all that the lock can take."""
        self._packet = 0
        self._buffer = 0
        self._buffers = 1
        self._divisor = 1
        self._window_divisor = 1
        self._steady = _STEADY
        self._arrived = 0
        self._reassembles = False
        self._failures = 0
        self._proven = 0
        self._unproven = 0
        self._longest_write: int | None = None
        self._lossy = False

    def connected(self, packet: int, parameters: Parameters | None) -> None:
        """Take note of a new connection: the bytes of a write, and what the server told.

        A server that tells nothing gets requests that one write holds, one at a time.
        """
        self._packet = self._buffer = packet
        self._buffers = 1
        if parameters is not None:
            self._buffer = min(parameters.buffer_size, _MAX_REQUEST)
            self._buffers = min(parameters.buffers - _BUFFERS_FOR_ANSWERS, _MAX_WINDOW)

    @property
    def size_of_one_write(self) -> int:
        """Bytes of a request that does not depend on what else arrives."""
        longest = self._longest_write or self._packet
        return max(min(self._packet, self._buffer, longest), LEAST_REQUEST)

    @property
    def request_size(self) -> int:
        """Bytes that a request may have, with its header."""
        if self._failures >= _FAILURES or self._buffer <= self._packet:
            return self.size_of_one_write
        return max(self._buffer // self._divisor, self.size_of_one_write)

    @property
    def first_request_size(self) -> int:
        """Bytes of the request that asks where to go on.

        Its data count for nothing where the server goes on, which is likely once
        something got lost; then it shall at least arrive.
        """
        return self.size_of_one_write if self._lossy else self.request_size

    @property
    def window(self) -> int:
        """How many requests may be under way."""
        return max(1, self._buffers // self._window_divisor)

    def delivered(self, size: int) -> None:
        """Take note of a request of so many bytes that has arrived."""
        if size > self._packet:
            self._reassembles = True
        self._proven = max(self._proven, size)
        self._unproven = 0
        self._arrived += 1
        if self._arrived >= self._steady:
            self._divisor = max(1, self._divisor // 2)
            self._window_divisor = max(1, self._window_divisor // 2)
            self._longest_write = None
            self._arrived = 0

    def lost(self, size: int) -> None:
        """Take note of a request of so many bytes that got lost, or whose answer did."""
        self._lossy = True
        if size > self._packet:
            self._failures += not self._reassembles
        elif size > self._proven:
            self._unproven += 1
            if self._unproven == _FAILURES:
                self._longest_write = max(size // 2, LEAST_REQUEST)
                self._unproven = 0
        if self.request_size > self._packet:
            self._divisor *= 2
        self._steady = min(2 * self._steady, _MAX_STEADY)
        self._arrived = 0

    def fell_silent(self) -> None:
        """Take note of a server from which nothing came any more, or a refusal.

        Perhaps it has less room than it told.
        """
        if self.window > 1:
            self._window_divisor *= 2
