"""An integration that is always connected to its lock, as some are.

It takes the lock's only connection as soon as the lock is on the air, over an adapter of
its own; so nobody else ever hears the lock.
"""

from typing import override

from .gatt import Central
from .lock_body import LockBody, Mode


class AlwaysConnected(Central):
    """Holds one lock's connection until it is told to let go."""

    mtu = 247
    name = "adapter"

    def __init__(self, lock: LockBody) -> None:
        """Take the lock; ``take`` begins."""
        self._lock = lock
        self._wanted = False
        self.connected = False
        lock.on_advertising_changed(self._look)

    def take(self) -> None:
        """Connect now, and again each time that the connection was lost."""
        self._wanted = True
        self._look()

    def let_go(self) -> None:
        """Disconnect, and stay away."""
        self._wanted = False
        if self.connected:
            self.connected = False
            self._lock.disconnect()

    def _look(self) -> None:
        if (
            self._wanted
            and not self.connected
            and self._lock.mode is Mode.APPLICATION
            and self._lock.advertising is not None
        ):
            self.connected = True
            self._lock.connect(self)

    @override
    def notify(self, handle: int, data: bytes) -> None:
        """Take no notice: what the lock tells is not what this is about."""

    @override
    def disconnected(self) -> None:
        self.connected = False

    @override
    def vanished(self) -> None:
        self.connected = False

    @override
    def missed(self, seconds: float) -> None:
        """Take no notice: there is nothing to wait for."""
