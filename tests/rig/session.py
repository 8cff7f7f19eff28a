"""A central's connection as a peripheral sees it."""

from collections.abc import Iterable

from .gatt import AttError, AttRefusal, Central, Characteristic, Property, Service

_NOTIFY = 1
_INDICATE = 2


class Session:
    """The central and what it has subscribed to; forgotten with the connection."""

    def __init__(self, central: Central) -> None:
        """Begin without subscriptions."""
        self.central = central
        self._subscribed: set[int] = set()

    def subscribed(self, characteristic: Characteristic) -> bool:
        """Return whether the central wants to be told of a characteristic."""
        return characteristic.handle in self._subscribed

    def read_cccd(self, characteristic: Characteristic) -> bytes:
        """Return whether it has subscribed, as the descriptor shows it."""
        if not self.subscribed(characteristic):
            return b"\0\0"
        return bytes((_cccd_bit(characteristic), 0))

    def write_cccd(self, characteristic: Characteristic, data: bytes) -> None:
        """Subscribe or unsubscribe; raise ``AttRefusal``."""
        if len(data) != 2:
            raise AttRefusal(AttError.INVALID_LENGTH)
        if data[0] & _cccd_bit(characteristic):
            self._subscribed.add(characteristic.handle)
        else:
            self._subscribed.discard(characteristic.handle)

    def notify(self, services: Iterable[Service], uuid: str, data: bytes) -> None:
        """Notify or indicate a characteristic, if the central has subscribed to it."""
        for service in services:
            for characteristic in service.characteristics:
                if characteristic.uuid == uuid and self.subscribed(characteristic):
                    self.central.notify(characteristic.handle, data)


def _cccd_bit(characteristic: Characteristic) -> int:
    return _INDICATE if Property.INDICATE in characteristic.properties else _NOTIFY
