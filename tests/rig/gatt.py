"""The shape of a Bluetooth peripheral in the rig.

A ``Peripheral`` is a virtual device; a ``Link`` (link.py) carries operations to it with
the timing and the losses of a radio link; the proxy (proxy.py) or the in-process radio
(radio.py) is the central at the other end.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Protocol

CCCD = 0x2902
LEAST_MTU = 23
"""What every connection has before another MTU is exchanged."""


def uuid16(short: int) -> str:
    """Return the 128-bit form of a 16-bit UUID."""
    return f"0000{short:04x}-0000-1000-8000-00805f9b34fb"


class Property(IntFlag):
    """Characteristic properties, Bluetooth Core 5.4 Vol 3 Part G 3.3.1.1."""

    READ = 0x02
    WRITE_WITHOUT_RESPONSE = 0x04
    WRITE = 0x08
    NOTIFY = 0x10
    INDICATE = 0x20


class AttError(IntEnum):
    """ATT error codes, Bluetooth Core 5.4 Vol 3 Part F 3.4.1.1."""

    INVALID_HANDLE = 0x01
    READ_NOT_PERMITTED = 0x02
    WRITE_NOT_PERMITTED = 0x03
    INSUFFICIENT_AUTHENTICATION = 0x05
    INVALID_LENGTH = 0x0D
    INSUFFICIENT_ENCRYPTION = 0x0F
    CCCD_IMPROPERLY_CONFIGURED = 0xFD


class AttRefusal(Exception):
    """A peripheral refuses an ATT operation."""

    def __init__(self, error: AttError) -> None:
        """Keep the error."""
        self.error = error
        super().__init__(error.name)


class ConnectionRefused(Exception):
    """A peripheral does not accept a connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A descriptor of a characteristic."""

    uuid: str
    handle: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristic:
    """A characteristic of a service; ``handle`` is its value handle."""

    uuid: str
    handle: int
    properties: Property
    descriptors: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A primary service."""

    uuid: str
    handle: int
    characteristics: tuple[Characteristic, ...]


def characteristic_at(
    services: Iterable[Service], handle: int
) -> tuple[Characteristic, Descriptor | None]:
    """Return the characteristic whose value or descriptor has this handle.

    Raises ``AttRefusal``.
    """
    for service in services:
        for characteristic in service.characteristics:
            if characteristic.handle == handle:
                return characteristic, None
            for descriptor in characteristic.descriptors:
                if descriptor.handle == handle:
                    return characteristic, descriptor
    raise AttRefusal(AttError.INVALID_HANDLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertisingData:
    """What a peripheral advertises now."""

    address: str
    """Upper case, with colons; a random static address."""
    local_name: str
    service_uuids: tuple[str, ...] = ()
    manufacturer_data: dict[int, bytes] = field(default_factory=dict)
    interval: float = 0.1
    """Seconds."""


class Central(Protocol):
    """What a peripheral can do to the central that is connected to it."""

    mtu: int
    name: str
    """Whose it is: an adapter's or a proxy's. A bond belongs to one of them."""

    def notify(self, handle: int, data: bytes) -> None:
        """Send a notification or indication of the characteristic at this handle."""

    def disconnected(self) -> None:
        """Tell that the peripheral has ended the connection."""

    def vanished(self) -> None:
        """Tell that the peripheral is gone without a word, as when its power fails.

        The central notices it only at the supervision timeout.
        """

    def missed(self, seconds: float) -> None:
        """Tell that the peripheral misses the connection events of so many seconds."""


class Peripheral(Protocol):
    """A virtual Bluetooth device. All methods are immediate; time is the link's matter."""

    @property
    def advertising(self) -> AdvertisingData | None:
        """What it advertises now; None while it is off or connected."""

    @property
    def services(self) -> tuple[Service, ...]:
        """Its services now."""

    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        """Call back whenever ``advertising`` changes."""

    def connect(self, central: Central) -> None:
        """Accept a connection; raise ``ConnectionRefused``."""

    def disconnect(self) -> None:
        """The central has gone, or the link has been lost."""

    def pair(self) -> bool:
        """Bond with the central; return whether it worked."""

    def read(self, handle: int) -> bytes:
        """Read a value; raise ``AttRefusal``."""

    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        """Write a value or a CCCD; raise ``AttRefusal`` (with response only)."""
