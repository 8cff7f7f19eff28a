"""Somebody near who advertises what is not theirs.

A board for a few euros does this: any address, any name, any service. What it cannot do
is to answer as a lock does that has the keys.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import override

from .gatt import (
    AdvertisingData,
    AttError,
    AttRefusal,
    Central,
    ConnectionRefused,
    Peripheral,
    Service,
    characteristic_at,
)
from .lock_services import CONTROL_POINT, DFU_SERVICE, bootloader_services
from .session import Session


class Conduct(Enum):
    """What it does when somebody connects."""

    REFUSING = "refuses connections"
    SILENT = "accepts connections and answers nothing"
    GARBLING = "accepts connections and answers nonsense"
    AGREEING = "accepts connections and says yes to everything"


class Spoofer(Peripheral):
    """A device that advertises somebody else's bootloader."""

    def __init__(
        self, address: str, conduct: Conduct, *, name: str = "DfuTarg"
    ) -> None:
        """Advertise from now on."""
        self.conduct = conduct
        self._data: AdvertisingData | None = AdvertisingData(
            address=address,
            local_name=name,
            service_uuids=(DFU_SERVICE,),
            interval=0.02,
        )
        self._hidden: AdvertisingData | None = None
        self._session: Session | None = None
        self._changed: list[Callable[[], None]] = []
        self.connections = 0
        """How often somebody has connected."""
        self.written: list[bytes] = []
        """What was written to the control point."""

    def advertise(self, on: bool) -> None:
        """Begin or stop advertising."""
        if on and self._hidden is not None:
            self._data, self._hidden = self._hidden, None
        elif not on and self._data is not None:
            self._data, self._hidden = None, self._data
        self._tell()

    def _tell(self) -> None:
        for changed in self._changed:
            changed()

    @property
    @override
    def advertising(self) -> AdvertisingData | None:
        return None if self._session else self._data

    @property
    @override
    def services(self) -> tuple[Service, ...]:
        return bootloader_services()

    @override
    def on_advertising_changed(self, callback: Callable[[], None]) -> None:
        self._changed.append(callback)

    @override
    def connect(self, central: Central) -> None:
        if self.conduct is Conduct.REFUSING:
            self.connections += 1
            raise ConnectionRefused
        self.connections += 1
        self._session = Session(central)
        self._tell()

    @override
    def disconnect(self) -> None:
        self._session = None
        self._tell()

    @override
    def pair(self) -> bool:
        return False

    @override
    def read(self, handle: int) -> bytes:
        raise AttRefusal(AttError.READ_NOT_PERMITTED)

    @override
    def write(self, handle: int, data: bytes, *, response: bool) -> None:
        assert self._session is not None
        characteristic, descriptor = characteristic_at(self.services, handle)
        if descriptor is not None:
            self._session.write_cccd(characteristic, data)
        elif characteristic.uuid == CONTROL_POINT:
            self.written.append(data)
            if (answer := self._answer(data)) is not None:
                asyncio.get_running_loop().call_soon(self._notify, answer)

    def _notify(self, answer: bytes) -> None:
        if self._session is not None:
            self._session.notify(self.services, CONTROL_POINT, answer)

    def _answer(self, request: bytes) -> bytes | None:
        match self.conduct:
            case Conduct.GARBLING:
                return b"\xff" * 20
            case Conduct.AGREEING:
                # SELECT wants to be told a size, an offset and a checksum.
                state = (4096).to_bytes(4, "little") + bytes(8)
                return bytes((0x60, request[0], 0x01)) + (
                    state if request[0] == 0x06 else b""
                )
            case _:
                return None
