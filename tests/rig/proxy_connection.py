"""A connection slot in use: GATT requests of the API, carried over a link."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from uuid import UUID

from aioesphomeapi.ble_defs import BLEConnectionError

from .advertising import short_uuid
from .esphome_wire import api
from .gatt import LEAST_MTU, AttRefusal, Characteristic, Service
from .link import Link, LinkError

CONNECT_TIMEOUT = 30.0
"""Seconds that the controller tries to reach an address."""

NOT_CONNECTED = -1
"""ESPHome's own GATT error; the others are ATT error codes."""

INTERVAL_UNIT = 0.00125
"""Seconds. Bluetooth Core 5.4 Vol 6 Part B 4.5.1."""


class ProxyConnection:
    """The connection to one address, from the request on."""

    def __init__(
        self,
        address: int,
        *,
        send: Callable[[Any], None],
        released: Callable[[ProxyConnection], None],
        services: dict[int, tuple[Service, ...]] | None,
        tells_mtu: bool,
    ) -> None:
        """Take the slot.

        ``released`` is called once, when the slot is free again. ``services`` is the
        proxy's memory of what it discovered, if it has one. Without ``tells_mtu`` it does
        not wait for the MTU to be exchanged, and says the least there is.
        """
        self.address = address
        self._send = send
        self._released = released
        self._services = services
        self._tells_mtu = tells_mtu
        self._link: Link | None = None
        """Set while the connection is up."""
        self._reason = BLEConnectionError.ESP_GATT_CONN_TERMINATE_PEER_USER
        self._notifying: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self, reach: Awaitable[Link]) -> None:
        """Connect over the link that ``reach`` finds."""
        self._spawn(self._open(reach))

    def report_state(self) -> None:
        """Tell the client that the connection is up, if it is."""
        if self._link is not None:
            mtu = self._link.mtu if self._tells_mtu else LEAST_MTU
            self._send(
                api.BluetoothDeviceConnectionResponse(
                    address=self.address, connected=True, mtu=mtu
                )
            )

    def close(self) -> None:
        """End the connection, or the attempt, from the proxy's side."""
        if self._link is not None:
            self._reason = BLEConnectionError.ESP_GATT_CONN_TERMINATE_LOCAL_HOST
            self._link.cut()
        else:
            self._end(BLEConnectionError.ESP_GATT_CONN_CONN_CANCEL)

    # What the client asks for.

    def discover(self) -> None:
        """Send the services."""
        self._spawn(self._answer(0, self._discover))

    def read(self, handle: int) -> None:
        """Read a characteristic or a descriptor and send its value."""

        async def read(link: Link) -> Any:
            return api.BluetoothGATTReadResponse(
                address=self.address, handle=handle, data=await link.read(handle)
            )

        self._spawn(self._answer(handle, read))

    def write(self, handle: int, data: bytes) -> None:
        """Write a characteristic or a descriptor and send that it is done."""

        async def write(link: Link) -> Any:
            await link.write(handle, data)
            return api.BluetoothGATTWriteResponse(address=self.address, handle=handle)

        self._spawn(self._answer(handle, write))

    def write_without_response(self, handle: int, data: bytes) -> None:
        """Queue an unacknowledged write; nobody hears what becomes of it."""
        if self._link is not None:
            self._link.send(handle, data)

    def set_notify(self, handle: int, *, enable: bool) -> None:
        """Pass on notifications of a characteristic, or stop to.

        The peripheral is not asked: enabling them there, by a write to the CCCD, is
        the client's business.
        """
        if enable:
            self._notifying.add(handle)
        else:
            self._notifying.discard(handle)
        self._send(api.BluetoothGATTNotifyResponse(address=self.address, handle=handle))

    def pair(self, bonds: set[int]) -> None:
        """Bond with the peripheral, send how it went and keep the bond."""

        async def pair(link: Link) -> Any:
            if paired := await link.pair():
                bonds.add(self.address)
            return api.BluetoothDevicePairingResponse(
                address=self.address, paired=paired
            )

        self._spawn(self._answer(0, pair))

    def set_interval(self, units: int) -> None:
        """Ask for a connection interval in units of 1.25 ms."""
        if self._link is not None:
            self._link.request_interval(units * INTERVAL_UNIT)

    # What becomes of it.

    async def _open(self, reach: Awaitable[Link]) -> None:
        """Reach the peripheral and connect."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                link = await reach
                await link.connect(
                    on_notify=self._notified, on_disconnect=self._link_ended
                )
        except TimeoutError:
            self._end(BLEConnectionError.ESP_GATT_CONN_TIMEOUT)
        except LinkError:
            self._end(BLEConnectionError.ESP_GATT_CONN_FAIL_ESTABLISH)
        else:
            self._link = link
            self.report_state()

    async def _answer(
        self, handle: int, operation: Callable[[Link], Awaitable[Any]]
    ) -> None:
        """Send the response that an operation makes, or the error."""
        if self._link is None:
            self._send_error(handle, NOT_CONNECTED)
            return
        try:
            self._send(await operation(self._link))
        except AttRefusal as refusal:
            self._send_error(handle, refusal.error)
        except LinkError:
            # The client has been told that the connection ended: that is its answer.
            return

    async def _discover(self, link: Link) -> Any:
        """Send the services one by one; return that these were all."""
        remembered = (
            None if self._services is None else self._services.get(self.address)
        )
        services = await link.discover() if remembered is None else remembered
        if self._services is not None:
            self._services[self.address] = services
        for service in services:
            self._send(
                api.BluetoothGATTGetServicesResponse(
                    address=self.address, services=(_service_message(service),)
                )
            )
        return api.BluetoothGATTGetServicesDoneResponse(address=self.address)

    def _notified(self, handle: int, data: bytes) -> None:
        """Pass a notification on."""
        if handle in self._notifying:
            self._send(
                api.BluetoothGATTNotifyDataResponse(
                    address=self.address, handle=handle, data=data
                )
            )

    def _send_error(self, handle: int, error: int) -> None:
        self._send(
            api.BluetoothGATTErrorResponse(
                address=self.address, handle=handle, error=error
            )
        )

    def _link_ended(self) -> None:
        """Give the slot back: the link is gone."""
        self._link = None
        self._end(self._reason)

    def _end(self, reason: BLEConnectionError) -> None:
        """Tell that there is no connection and give the slot back."""
        for task in self._tasks - {asyncio.current_task()}:
            task.cancel()
        self._send(
            api.BluetoothDeviceConnectionResponse(
                address=self.address, connected=False, error=reason
            )
        )
        self._released(self)

    def _spawn(self, operation: Coroutine[Any, Any, None]) -> None:
        """Run an operation; it reaches the link's queue before this returns."""
        task = asyncio.create_task(operation, eager_start=True)
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def _uuid_fields(uuid: str) -> dict[str, Any]:
    """Return the fields of a message that carry a UUID."""
    if (short := short_uuid(uuid)) is not None:
        return {"short_uuid": short}
    return {"uuid": divmod(UUID(uuid).int, 1 << 64)}


def _service_message(service: Service) -> Any:
    return api.BluetoothGATTService(
        handle=service.handle,
        characteristics=[
            _characteristic_message(characteristic)
            for characteristic in service.characteristics
        ],
        **_uuid_fields(service.uuid),
    )


def _characteristic_message(characteristic: Characteristic) -> Any:
    return api.BluetoothGATTCharacteristic(
        handle=characteristic.handle,
        properties=int(characteristic.properties),
        descriptors=[
            api.BluetoothGATTDescriptor(
                handle=descriptor.handle, **_uuid_fields(descriptor.uuid)
            )
            for descriptor in characteristic.descriptors
        ],
        **_uuid_fields(characteristic.uuid),
    )
