"""What a lock has said, and nobody has looked at yet."""

import asyncio
from typing import Final

# More than any lock says without being asked in between: receipts for a window of
# packets, or answers to all requests under way.
MOST_WAITING: Final = 64


class Inbox[T](asyncio.Queue[T]):
    """Keeps only the latest: whoever talks without end fills no memory."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__(MOST_WAITING)

    def add(self, message: T) -> None:
        """Take a message; drop the oldest one where there are too many."""
        if self.full():
            self.get_nowait()
        self.put_nowait(message)

    def clear(self) -> None:
        """Drop all that waits."""
        while not self.empty():
            self.get_nowait()
