"""What a proxy hears and whom it can reach."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .advertising import encode_advertisement
from .esphome_wire import api
from .gatt import Peripheral
from .link import Link

BATCH_INTERVAL = 0.1
"""Seconds between two batches of advertisements."""

RANDOM_ADDRESS = 1
"""The address type of virtual locks."""


def address_as_int(address: str) -> int:
    """Return a Bluetooth address as the API has it."""
    return int(address.replace(":", ""), 16)


@dataclass(slots=True)
class _Neighbour:
    """A peripheral within reach."""

    peripheral: Peripheral
    link: Link
    rssi: int
    next_advertisement: float = 0.0
    """Time of the event loop."""

    @property
    def address(self) -> int | None:
        """The address that it advertises with now."""
        if (advertising := self.peripheral.advertising) is None:
            return None
        return address_as_int(advertising.address)


class Air:
    """The peripherals within reach of one proxy."""

    def __init__(self) -> None:
        """Start with nobody around and without listening."""
        self.active = True
        """Whether the scanner asks for scan responses."""
        self._neighbours: list[_Neighbour] = []
        self._changed = asyncio.Event()
        self._listener: Callable[[Any], None] | None = None
        self._timer: asyncio.Handle | None = None

    @property
    def peripherals(self) -> list[Peripheral]:
        """Who is within reach."""
        return [neighbour.peripheral for neighbour in self._neighbours]

    def add(self, peripheral: Peripheral, link: Link, rssi: int) -> None:
        """Bring a peripheral within reach."""
        self._neighbours.append(_Neighbour(peripheral, link, rssi))
        peripheral.on_advertising_changed(self._on_change)
        self._on_change()

    def remove(self, peripheral: Peripheral) -> None:
        """Take a peripheral away, with its connection."""
        neighbour = self._neighbour(peripheral)
        self._neighbours.remove(neighbour)
        neighbour.link.cut()

    def set_rssi(self, peripheral: Peripheral, rssi: int) -> None:
        """Set how strong the peripheral is received."""
        self._neighbour(peripheral).rssi = rssi

    def listen(self, listener: Callable[[Any], None]) -> None:
        """Send batches of what is advertised to the listener."""
        self._listener = listener
        self._on_change()

    def stop_listening(self) -> None:
        """Send no more batches."""
        self._listener = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def reach(self, address: int) -> Link:
        """Wait until a peripheral advertises with the address; return its link."""
        while True:
            for neighbour in self._neighbours:
                if neighbour.address == address:
                    return neighbour.link
            self._changed.clear()
            await self._changed.wait()

    def _neighbour(self, peripheral: Peripheral) -> _Neighbour:
        return next(
            neighbour
            for neighbour in self._neighbours
            if neighbour.peripheral is peripheral
        )

    def _on_change(self) -> None:
        """Let what is advertised from now on be heard at once."""
        self._changed.set()
        for neighbour in self._neighbours:
            neighbour.next_advertisement = 0.0
        if self._listener is not None:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_soon(self._send_batch)

    def _send_batch(self) -> None:
        """Send what has been advertised since the last batch."""
        assert self._listener is not None
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._timer = loop.call_later(BATCH_INTERVAL, self._send_batch)
        batch = [
            advertisement
            for neighbour in self._neighbours
            if neighbour.next_advertisement <= now
            and (advertisement := self._hear(neighbour, now)) is not None
        ]
        if batch:
            self._listener(
                api.BluetoothLERawAdvertisementsResponse(advertisements=batch)
            )

    def _hear(self, neighbour: _Neighbour, now: float) -> Any | None:
        """Return the advertisement that a peripheral sends now."""
        if (advertising := neighbour.peripheral.advertising) is None:
            return None
        neighbour.next_advertisement = now + advertising.interval
        pdu, scan_response = encode_advertisement(advertising)
        return api.BluetoothLERawAdvertisement(
            address=address_as_int(advertising.address),
            rssi=neighbour.rssi,
            address_type=RANDOM_ADDRESS,
            data=pdu + scan_response if self.active else pdu,
        )
