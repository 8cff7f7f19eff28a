"""The ports between a transport and the radio, and what every transport promises."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.service import BleakGATTServiceCollection
from bleak.exc import BleakError

from ..errors import TransportError, TransportProblem
from ..firmware.verify import VerifiedArtifact

CLOSE_TIMEOUT = 10.0
_ATT_HEADER = 3
# Bluetooth Core 5.4 Vol 3 Part F 3.2.8; whatever is said, it cannot be less.
_LEAST_MTU = 23

type NotifyCallback = Callable[[BleakGATTCharacteristic, bytearray], None]


class GattClient(Protocol):
    """A connection to a lock: the part of ``BleakClient`` that transports use.

    Every method may raise ``bleak.exc.BleakError`` or ``TimeoutError``.
    """

    @property
    def is_connected(self) -> bool:
        """Whether the link is up."""

    @property
    def mtu_size(self) -> int:
        """The ATT MTU of this connection, in bytes; at least 23."""

    @property
    def services(self) -> BleakGATTServiceCollection:
        """The services that the lock has now."""

    async def read_gatt_char(
        self, char_specifier: BleakGATTCharacteristic | int | str | UUID, /
    ) -> bytearray:
        """Read a characteristic."""

    async def write_gatt_char(
        self,
        char_specifier: BleakGATTCharacteristic | int | str | UUID,
        data: bytes | bytearray,
        response: bool | None = None,
    ) -> None:
        """Write a characteristic.

        With ``response=False`` the call returns before the packet has left, and a
        packet that is dropped on the way is dropped in silence.
        """

    async def start_notify(
        self,
        char_specifier: BleakGATTCharacteristic | int | str | UUID,
        callback: NotifyCallback,
    ) -> None:
        """Subscribe to notifications or indications."""

    async def pair(self) -> None:
        """Bond with the lock."""

    async def disconnect(self) -> Any:
        """Close the link."""


@asynccontextmanager
async def link_errors(step: str, timeout: float) -> AsyncIterator[None]:
    """Give what the Bluetooth stack raises the words of a transport.

    Raises ``TransportError`` with LINK_LOST, or with NO_ANSWER when the deadline, in
    seconds, passes; ``step`` is what a person is told that it was.
    """
    try:
        async with asyncio.timeout(timeout):
            yield
    except TimeoutError as err:
        raise TransportError(TransportProblem.NO_ANSWER, step=step) from err
    except BleakError as err:
        raise TransportError(TransportProblem.LINK_LOST) from err


def find_characteristic(
    client: GattClient, uuid: str
) -> BleakGATTCharacteristic | None:
    """Return a characteristic; None where the lock has none, or several.

    Of several nobody can say which is meant. Raises ``TransportError`` with LINK_LOST:
    with the link some stacks drop the services.
    """
    try:
        characteristics = client.services.characteristics.values()
    except BleakError as err:
        raise TransportError(TransportProblem.LINK_LOST) from err
    found = [each for each in characteristics if each.uuid == uuid]
    return found[0] if len(found) == 1 else None


def longest_write(client: GattClient, uuid: str) -> int:
    """Return how many bytes one write without response of a characteristic holds.

    Where the client does not know the MTU it says the least: BlueZ's until it has
    acquired it, ESPHome's with cached services. Then the characteristic may know more.
    """
    if client.mtu_size > _LEAST_MTU:
        return client.mtu_size - _ATT_HEADER
    found = find_characteristic(client, uuid)
    longest = found.max_write_without_response_size if found is not None else 0
    return max(longest, _LEAST_MTU - _ATT_HEADER)


async def close(client: GattClient) -> None:
    """Close a connection, however it stands."""
    with suppress(BleakError, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await client.disconnect()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """One Bluetooth advertisement, as far as transports care."""

    address: str
    """Upper case, with colons."""
    local_name: str | None = None
    service_uuids: tuple[str, ...] = ()
    """128-bit form, lower case."""
    manufacturer_ids: tuple[int, ...] = ()
    rssi: int | None = None
    """dBm."""


class Radio(Protocol):
    """The way to the locks: Home Assistant's Bluetooth, or the rig's."""

    async def connect(
        self,
        address: str,
        *,
        name: str,
        disconnected: Callable[[], None],
        fresh_services: bool = False,
    ) -> GattClient:
        """Connect, with the radio's own retries.

        ``disconnected`` is called once when the link goes, whoever ended it.
        ``fresh_services`` makes the services be discovered anew, which a lock that
        changes its services at one address needs.

        Raises ``TransportError`` with NOT_FOUND, NO_CONNECTION_SLOT or
        CONNECTION_FAILED.
        """

    async def find(
        self, wanted: Callable[[Advertisement], bool], timeout: float
    ) -> Advertisement:
        """Wait for a new advertisement that ``wanted`` accepts.

        What was received before the call does not count: a lock that has just
        restarted must not be found by an old advertisement. Raises ``TimeoutError``.
        """

    async def shorten_interval(self, client: GattClient) -> None:
        """Ask for the shortest connection interval, for as long as the link lasts.

        A wish: where the radio or the lock cannot, nothing happens.
        """

    def way(self, client: GattClient) -> str | None:
        """Return what people call the adapter or proxy of a connection, if it is known."""

    async def forget_services(self, client: GattClient) -> None:
        """Drop what any cache on the way knows of this lock's services and MTU.

        For the next connection; this one keeps what it has. It is the only way to make
        a Bluetooth proxy discover services anew, so it must happen before a lock that
        changes its services at one address goes.
        """


async def hear(
    radio: Radio, wanted: Callable[[Advertisement], bool], timeout: float
) -> Advertisement | None:
    """Return the next advertisement that is wanted; None where none comes in time."""
    try:
        return await radio.find(wanted, timeout)
    except TimeoutError:
        return None


type ProgressCallback = Callable[[float], None]
"""Gets the percentage done, 0 to 100, never falling."""


async def connect_to_what_serves(
    radio: Radio,
    address: str,
    *,
    name: str,
    disconnected: Callable[[], None],
    serves: Callable[[GattClient], bool],
) -> GattClient:
    """Connect to a lock, anew if what it should serve is not there.

    What stands before a proxy may remember a lock as it was, whatever it is asked for:
    in its bootloader, or in firmware that served nothing yet. So that is forgotten once
    before it is believed. Raises ``TransportError``.
    """
    given_up = False

    def gone() -> None:
        if not given_up:
            disconnected()

    client = await radio.connect(
        address, name=name, disconnected=gone, fresh_services=True
    )
    try:
        if serves(client):
            return client
        await radio.forget_services(client)
    except BaseException:
        await close(client)
        raise
    given_up = True
    await close(client)
    return await radio.connect(
        address, name=name, disconnected=disconnected, fresh_services=True
    )


type AboutToTouch = Callable[[], Awaitable[None]]
"""Awaited once, before anything is done after which the lock may run anything.

By then it is this lock that has answered, and not only something at its address.
"""


type AboutToActivate = Callable[[], Awaitable[None]]
"""Awaited before the lock is told to activate: from then on there is no way back."""


async def nobody_waits() -> None:
    """Be told what comes next, and do nothing."""


def once(call: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Return what awaits a call the first time, and again only after it has raised."""
    done = False

    async def call_once() -> None:
        nonlocal done
        if not done:
            await call()
            done = True

    return call_once


@dataclass(slots=True)
class Counters:
    """What went over the air in one transfer, all its connections together."""

    packets: int = 0
    packet_bytes: int = 0
    control_writes: int = 0
    """Writes that the lock answers: requests."""
    connections: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferReport:
    """What a transfer took, for who measures it."""

    bytes_sent: int
    bytes_sent_again: int
    packets: int
    control_writes: int
    reconnects: int
    seconds: float


class FirmwareTransport(Protocol):
    """Brings a verified artifact to a lock."""

    async def transfer(
        self,
        artifact: VerifiedArtifact,
        progress: ProgressCallback,
        about_to_activate: AboutToActivate = nobody_waits,
        about_to_touch: AboutToTouch = nobody_waits,
    ) -> TransferReport:
        """Send the artifact and let the lock activate it.

        ``about_to_activate`` is awaited once for each time that the lock is told so.
        Until ``about_to_touch`` was awaited the lock is as it was, whatever is raised.

        Returns when the lock has accepted the last byte and restarts; whether it then
        runs the new firmware is for the caller to find out. May be called again after
        an error: it goes on where the lock says it is. Raises ``TransportError`` or
        ``FirmwareError``.
        """
