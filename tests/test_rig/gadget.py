"""The simplest peripheral that shows all that a proxy has to carry."""

from collections.abc import Callable
from enum import IntEnum
from typing import override

from tests.rig.gatt import (
    CCCD,
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    Characteristic,
    Descriptor,
    Peripheral,
    Property,
    Service,
    uuid16,
)

ADDRESS = "C3:11:22:33:44:FF"
NAME = "Gadget"
COMPANY = 0x0D15
"""One that no integration of Home Assistant takes for its own: it would start to set
up a SwitchBot for 0x0059 (Nordic), a Kegtron for 0xFFFF (reserved for tests)."""
DEVICE_INFORMATION = uuid16(0x180A)
FIRMWARE_REVISION = uuid16(0x2A26)
ECHO_SERVICE = "6f7a0001-51b1-4a5e-9c0a-3d2f5ce10f7b"
ECHO = "6f7a0002-51b1-4a5e-9c0a-3d2f5ce10f7b"
SECRET = "6f7a0003-51b1-4a5e-9c0a-3d2f5ce10f7b"
EXTRA = Service(uuid=uuid16(0x180F), handle=20, characteristics=())
"""One that comes only later."""


class Handle(IntEnum):
    """The handles of its attributes."""

    FIRMWARE = 3
    ECHO = 6
    ECHO_CCCD = 7
    SECRET = 9


class Gadget(Peripheral):
    """Says its firmware version, sends back what is written, and keeps a secret."""

    def __init__(self, *, name: str = NAME) -> None:
        """Advertise."""
        self.firmware = b"1.2.3"
        self.secret = b"for bonded centrals"
        self.written: list[bytes] = []
        self.bonded = False
        self.central: Central | None = None
        self.powered = True
        self.extra_services: tuple[Service, ...] = ()
        self._name = name
        self._subscribed = False
        self._callbacks: list[Callable[[], None]] = []

    @property
    @override
    def advertising(self) -> AdvertisingData | None:
        if self.central is not None or not self.powered:
            return None
        return AdvertisingData(
            address=ADDRESS,
            local_name=self._name,
            service_uuids=(uuid16(0xFE59),),
            manufacturer_data={COMPANY: b"\x01\x02"},
        )

    @property
    @override
    def services(self) -> tuple[Service, ...]:
        return (
            Service(
                uuid=DEVICE_INFORMATION,
                handle=1,
                characteristics=(
                    Characteristic(
                        uuid=FIRMWARE_REVISION,
                        handle=Handle.FIRMWARE,
                        properties=Property.READ,
                    ),
                ),
            ),
            Service(
                uuid=ECHO_SERVICE,
                handle=4,
                characteristics=(
                    Characteristic(
                        uuid=ECHO,
                        handle=Handle.ECHO,
                        properties=Property.WRITE
                        | Property.WRITE_WITHOUT_RESPONSE
                        | Property.NOTIFY,
                        descriptors=(
                            Descriptor(uuid=uuid16(CCCD), handle=Handle.ECHO_CCCD),
                        ),
                    ),
                    Characteristic(
                        uuid=SECRET, handle=Handle.SECRET, properties=Property.READ
                    ),
                ),
            ),
            *self.extra_services,
        )

    @override
    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    @override
    def connect(self, central: Central) -> None:
        self.central = central
        self._changed()

    @override
    def disconnect(self) -> None:
        self.central = None
        self._subscribed = False
        self._changed()

    @override
    def pair(self) -> bool:
        self.bonded = True
        return True

    @override
    def read(self, handle: int) -> bytes:
        match handle:
            case Handle.FIRMWARE:
                return self.firmware
            case Handle.ECHO_CCCD:
                return b"\x01\x00" if self._subscribed else b"\x00\x00"
            case Handle.SECRET if self.bonded:
                return self.secret
            case Handle.SECRET:
                raise AttRefusal(AttError.INSUFFICIENT_AUTHENTICATION)
        raise AttRefusal(AttError.INVALID_HANDLE)

    @override
    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        match handle:
            case Handle.ECHO:
                self.written.append(data)
                if self._subscribed and self.central is not None:
                    self.central.notify(handle, data[::-1])
            case Handle.ECHO_CCCD:
                self._subscribed = data == b"\x01\x00"
            case _:
                raise AttRefusal(AttError.WRITE_NOT_PERMITTED)

    def hang_up(self) -> None:
        """End the connection."""
        central = self.central
        assert central is not None
        self.disconnect()
        central.disconnected()

    def set_power(self, *, on: bool) -> None:
        """Switch it off or on while nothing is connected."""
        self.powered = on
        self._changed()

    def _changed(self) -> None:
        for callback in self._callbacks:
            callback()
