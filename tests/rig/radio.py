"""A radio in the same process: the core's ``Radio`` over virtual links."""

import asyncio
from collections.abc import Callable
from enum import Enum
from typing import override
from uuid import UUID

from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)

from custom_components.nightlatch.core.errors import TransportError, TransportProblem
from custom_components.nightlatch.core.transports.base import (
    Advertisement,
    GattClient,
    NotifyCallback,
    Radio,
)

from .gatt import (
    CCCD,
    LEAST_MTU,
    AttError,
    AttRefusal,
    Peripheral,
    Property,
    Service,
    uuid16,
)
from .link import ATT_HEADER, Link, LinkError, LinkModel

CONNECT_TIMEOUT = 20.0
CONNECT_ATTEMPTS = 4
_BACK_OFF = 0.25
_SCAN_INTERVAL = 0.1
_RSSI = -60
_FAST_INTERVAL = 0.0075
"""Seconds; the shortest interval that Bluetooth LE allows."""

_PROPERTY_NAMES: dict[Property, CharacteristicPropertyName] = {
    Property.READ: "read",
    Property.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Property.WRITE: "write",
    Property.NOTIFY: "notify",
    Property.INDICATE: "indicate",
}


class Stack(Enum):
    """Whose manners a radio has when a lock refuses something."""

    PROXY = "proxy"
    """A plain error with the code in its text (aioesphomeapi, BluetoothGATTAPIError)."""
    BLUEZ = "bluez"
    """BlueZ's own error where a bond is wanted (src/gatt-client.c), else the code."""


class RigRadio(Radio):
    """Reaches the virtual locks that were put within its range.

    Like Home Assistant's way over a Bluetooth proxy it caches services and MTU by
    address, has few connection slots, tries to connect more than once, and says of an
    error no more than a proxy does.
    """

    def __init__(
        self, *, slots: int = 3, name: str = "hall-proxy", stack: Stack = Stack.PROXY
    ) -> None:
        """Make a radio; ``slots`` is how many connections it can hold."""
        self.slots = slots
        self.name = name
        self.stack = stack
        self.tells_mtu = False
        """Whether its clients know the MTU; else they say the least there is."""
        self.believes_memory = False
        """Whether it takes services from its memory also where they should be fresh."""
        self.tells_way = True
        """Whether it is known which adapter or proxy holds a connection."""
        self.links: list[Link] = []
        self._turn = 0
        self._seen: set[str] = set()
        self._cache: dict[str, tuple[tuple[Service, ...], int]] = {}

    def add(
        self, peripheral: Peripheral, model: LinkModel | None = None, *, seed: int = 0
    ) -> Link:
        """Put a lock within range; return the link that all connections go over."""
        link = Link(peripheral, model, seed=seed, name=self.name)
        self.links.append(link)

        def take_note() -> None:
            if advertising := peripheral.advertising:
                self._seen.add(advertising.address)

        peripheral.on_advertising_changed(take_note)
        take_note()
        return link

    def close(self) -> None:
        """End all connections."""
        for link in self.links:
            link.cut()

    @override
    async def connect(
        self,
        address: str,
        *,
        name: str,
        disconnected: Callable[[], None],
        fresh_services: bool = False,
    ) -> GattClient:
        if sum(link.connected for link in self.links) >= self.slots:
            raise TransportError(TransportProblem.NO_CONNECTION_SLOT, name=name)
        client = await self._connect(address, name, disconnected)
        cached = self._cache.get(address)
        if fresh_services and not self.believes_memory:
            # What stands before a proxy (bleak_esphome, _get_services) has a memory of
            # its own, which it believes whatever is asked for, until it is told to forget.
            cached = None
        try:
            await client.start(cached)
        except LinkError as err:
            raise TransportError(TransportProblem.CONNECTION_FAILED, name=name) from err
        except asyncio.CancelledError:
            client.link.cut()
            raise
        client.tells_mtu = self.tells_mtu
        self._cache[address] = (client.table, client.mtu)
        return client

    async def _connect(
        self, address: str, name: str, disconnected: Callable[[], None]
    ) -> RigClient:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONNECT_TIMEOUT
        attempts = CONNECT_ATTEMPTS
        while attempts and loop.time() < deadline:
            link = self._advertising_at(address)
            if link is None:
                await asyncio.sleep(_SCAN_INTERVAL)
                continue
            client = RigClient(address, link, disconnected, self.stack)
            try:
                await link.connect(
                    on_notify=client.notified, on_disconnect=client.disconnected
                )
            except LinkError:
                attempts -= 1
                await asyncio.sleep(_BACK_OFF)
            else:
                return client
        problem = TransportProblem.CONNECTION_FAILED
        if address not in self._seen:
            problem = TransportProblem.NOT_FOUND
        raise TransportError(problem, name=name)

    def _advertising_at(self, address: str) -> Link | None:
        there = [
            link
            for link in self.links
            if (advertising := link.peripheral.advertising) is not None
            and advertising.address == address
        ]
        # Of two that share an address now the one is faster, now the other.
        self._turn += 1
        return there[self._turn % len(there)] if there else None

    @override
    async def find(
        self, wanted: Callable[[Advertisement], bool], timeout: float
    ) -> Advertisement:
        async with asyncio.timeout(timeout):
            while True:
                await asyncio.sleep(_SCAN_INTERVAL)
                for link in self.links:
                    found = _advertisement(link.peripheral)
                    if found is not None and wanted(found):
                        return found

    @override
    async def shorten_interval(self, client: GattClient) -> None:
        link = _rig_client(client).link
        link.request_interval(min(_FAST_INTERVAL, link.model.connection_interval))

    @override
    def way(self, client: GattClient) -> str | None:
        return self.name if self.tells_way else None

    @override
    async def forget_services(self, client: GattClient) -> None:
        self._cache.pop(_rig_client(client).address, None)


def _rig_client(client: GattClient) -> RigClient:
    assert isinstance(client, RigClient)
    return client


def _advertisement(peripheral: Peripheral) -> Advertisement | None:
    data = peripheral.advertising
    if data is None:
        return None
    return Advertisement(
        address=data.address,
        local_name=data.local_name,
        service_uuids=data.service_uuids,
        manufacturer_ids=tuple(data.manufacturer_data),
        rssi=_RSSI,
    )


class RigClient(GattClient):
    """One connection, with the manners of ``BleakClient``."""

    def __init__(
        self,
        address: str,
        link: Link,
        disconnected: Callable[[], None],
        stack: Stack = Stack.PROXY,
    ) -> None:
        """Prepare for a connection that is about to be made."""
        self.stack = stack
        self.address = address
        self.link = link
        self.table: tuple[Service, ...] = ()
        self._disconnected = disconnected
        self._connected = True
        self._mtu = 0
        self.tells_mtu = False
        """Whether the client knows the MTU, and not the characteristics alone."""
        self._services = BleakGATTServiceCollection()
        self._callbacks: dict[int, tuple[BleakGATTCharacteristic, NotifyCallback]] = {}

    async def start(self, cached: tuple[tuple[Service, ...], int] | None) -> None:
        """Discover the services, or believe the cache; raise ``LinkError``."""
        if cached is None:
            cached = (await self.link.discover(), self.link.mtu)
        self.table, self._mtu = cached
        self._services = _collection(self.table, self._mtu)

    def notified(self, handle: int, data: bytes) -> None:
        """Take a notification from the link."""
        if handle in self._callbacks:
            characteristic, callback = self._callbacks[handle]
            callback(characteristic, bytearray(data))

    def disconnected(self) -> None:
        """Take note that the link has gone."""
        self._connected = False
        self._disconnected()

    @property
    @override
    def is_connected(self) -> bool:
        return self._connected

    @property
    def mtu(self) -> int:
        """The MTU that was exchanged, or is remembered."""
        return self._mtu

    @property
    @override
    def mtu_size(self) -> int:
        # Neither BlueZ's client (bleak, until it has acquired the MTU) nor ESPHome's with
        # cached services says what was exchanged.
        return self._mtu if self.tells_mtu else LEAST_MTU

    @property
    @override
    def services(self) -> BleakGATTServiceCollection:
        return self._services

    @override
    async def read_gatt_char(
        self, char_specifier: BleakGATTCharacteristic | int | str | UUID, /
    ) -> bytearray:
        characteristic = self._characteristic(char_specifier)
        with self._errors(characteristic.handle):
            return bytearray(await self.link.read(characteristic.handle))

    def _errors(self, handle: int) -> _BleakErrors:
        return _BleakErrors(self.stack, self.address, handle)

    @override
    async def write_gatt_char(
        self,
        char_specifier: BleakGATTCharacteristic | int | str | UUID,
        data: bytes | bytearray,
        response: bool | None = None,
    ) -> None:
        characteristic = self._characteristic(char_specifier)
        if response is None:
            response = "write" in characteristic.properties
        with self._errors(characteristic.handle):
            if response:
                await self.link.write(characteristic.handle, bytes(data))
            else:
                self.link.send(characteristic.handle, bytes(data))

    @override
    async def start_notify(
        self,
        char_specifier: BleakGATTCharacteristic | int | str | UUID,
        callback: NotifyCallback,
    ) -> None:
        characteristic = self._characteristic(char_specifier)
        descriptor = characteristic.get_descriptor(uuid16(CCCD))
        if descriptor is None:
            raise BleakError(f"{characteristic.uuid} does not notify")
        self._callbacks[characteristic.handle] = (characteristic, callback)
        value = 1 if "notify" in characteristic.properties else 2
        with self._errors(descriptor.handle):
            await self.link.write(descriptor.handle, value.to_bytes(2, "little"))

    @override
    async def pair(self) -> None:
        self._require_connection()
        with self._errors(0):
            agreed = await self.link.pair()
        if not agreed:
            # "Pairing is not supported by the lock" (ESP-IDF, esp_gap_ble_api.h).
            raise BleakError("Pairing failed due to error: 82")

    @override
    async def disconnect(self) -> None:
        if self._connected:
            await self.link.disconnect()

    def _require_connection(self) -> None:
        # The link may be connected again, for another client.
        if not self._connected:
            raise BleakError("Not connected")

    def _characteristic(
        self, specifier: BleakGATTCharacteristic | int | str | UUID
    ) -> BleakGATTCharacteristic:
        self._require_connection()
        if isinstance(specifier, BleakGATTCharacteristic):
            return specifier
        found = self._services.get_characteristic(specifier)
        if found is None:
            raise BleakCharacteristicNotFoundError(specifier)
        return found


class _BleakErrors:
    """Turns the link's errors into bleak's."""

    def __init__(self, stack: Stack, address: str, handle: int) -> None:
        self._stack = stack
        self._address = address
        self._handle = handle

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, AttRefusal):
            raise self._refusal(error.error) from error
        if isinstance(error, LinkError):
            raise BleakError(str(error)) from error

    def _refusal(self, error: AttError) -> BleakError:
        if self._stack is Stack.PROXY:
            return BleakError(
                f"Bluetooth GATT Error address={self._address} handle={self._handle} "
                f"error={error.value} description={error.name.capitalize()}"
            )
        if error in _NOT_PAIRED:
            return BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"])
        return BleakGATTProtocolError(error)


_NOT_PAIRED = {AttError.INSUFFICIENT_AUTHENTICATION, AttError.INSUFFICIENT_ENCRYPTION}


def _collection(table: tuple[Service, ...], mtu: int) -> BleakGATTServiceCollection:
    """Return services as bleak shows them."""
    collection = BleakGATTServiceCollection()
    for service in table:
        shown = BleakGATTService(service, service.handle, service.uuid)
        collection.add_service(shown)
        for characteristic in service.characteristics:
            shown_characteristic = BleakGATTCharacteristic(
                characteristic,
                characteristic.handle,
                characteristic.uuid,
                [
                    name
                    for flag, name in _PROPERTY_NAMES.items()
                    if flag in characteristic.properties
                ],
                lambda: mtu - ATT_HEADER,
                shown,
            )
            collection.add_characteristic(shown_characteristic)
            for descriptor in characteristic.descriptors:
                collection.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor,
                        descriptor.handle,
                        descriptor.uuid,
                        shown_characteristic,
                    )
                )
    return collection
