"""A lock in a doorway, within reach of a radio, and firmware to bring to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, override

import pytest

from custom_components.nightlatch.core.errors import TransportError
from custom_components.nightlatch.core.firmware.verify import VerifiedArtifact
from custom_components.nightlatch.core.transports.base import GattClient, TransferReport
from custom_components.nightlatch.core.transports.nordic_dfu import NordicDfuTransport
from tests.rig.bootloader import INACTIVITY_TIMEOUT, MAX_DATA_OBJECT
from tests.rig.dfu_package import make_init_packet
from tests.rig.image import make_image
from tests.rig.link import Link, LinkModel
from tests.rig.lock import Mode, VirtualLock
from tests.rig.lock_services import CONTROL_POINT, PACKET, bootloader_services
from tests.rig.radio import RigRadio
from tests.rig.scene import (
    HARDWARE_VERSION,
    MODELS,
    VENDOR,
    firmware_version,
    make_firmware,
    make_lock,
)
from tests.rig.vendor import Vendor

ADDRESS = "C0:11:22:33:44:55"
BOOTLOADER_ADDRESS = "C0:11:22:33:44:56"
NAME = "Front door"
OLD, NEW = "1.0.0", "1.1.0"
OBJECT = MAX_DATA_OBJECT
SIZE = 2 * OBJECT + 1000
"""Bytes of the new firmware: two whole objects, and a tail."""

_HANDLES = {
    characteristic.handle: characteristic.uuid
    for service in bootloader_services()
    for characteristic in service.characteristics
}


@cache
def vendor() -> Vendor:
    """Return the vendor of all locks."""
    return Vendor(name=VENDOR, models=MODELS)


@cache
def artifact(version: str = NEW, size: int = SIZE) -> VerifiedArtifact:
    """Return verified firmware."""
    return artifact_of(make_image(version, size, seed=2), version)


def artifact_of(firmware: bytes, version: str = NEW) -> VerifiedArtifact:
    """Return firmware as if it had been verified."""
    return VerifiedArtifact.seal(
        init_packet=make_init_packet(
            firmware,
            key=vendor().firmware_key,
            fw_version=firmware_version(version),
            hw_version=HARDWARE_VERSION,
        ),
        firmware=firmware,
        key_fingerprint="",
    )


class ListeningRadio(RigRadio):
    """Notes what is asked of it."""

    def __init__(self) -> None:
        """Listen."""
        super().__init__()
        self.connected: list[str] = []
        """The addresses that were connected to."""
        self.forgotten: list[str] = []
        """Whose services were to be forgotten: the application's or the bootloader's."""

    @override
    async def connect(
        self,
        address: str,
        *,
        name: str,
        disconnected: Callable[[], None],
        fresh_services: bool = False,
    ) -> GattClient:
        client = await super().connect(
            address,
            name=name,
            disconnected=disconnected,
            fresh_services=fresh_services,
        )
        self.connected.append(address)
        return client

    @override
    async def forget_services(self, client: GattClient) -> None:
        in_bootloader = client.services.get_characteristic(CONTROL_POINT)
        assert client.is_connected
        self.forgotten.append("bootloader" if in_bootloader else "application")
        await super().forget_services(client)


class Doorway:
    """A lock, and everything between it and the transport."""

    def __init__(
        self,
        *,
        address: str = ADDRESS,
        model: LinkModel | None = None,
        radio: ListeningRadio | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        """Hang the lock into the door, with the old firmware and fresh batteries."""
        self.lock: VirtualLock = make_lock(vendor(), address, version=OLD, **options)
        self.bootloader = self.lock.bootloader
        self.radio = radio or ListeningRadio()
        self.link: Link = self.radio.add(self.lock, model, seed=seed)
        self.transport = NordicDfuTransport(self.radio, address, NAME)
        self.progress: list[float] = []
        self.requests: list[bytes] = []
        """What was written to the bootloader's control point."""
        self.packets: list[bytes] = []
        """What reached the bootloader of what was sent to it."""
        self.image = artifact().firmware
        """What the lock should run in the end."""
        self._write, self.lock.write = self.lock.write, self._listen  # type: ignore[method-assign]

    def _listen(self, handle: int, data: bytes, *, response: bool) -> None:
        uuid = _HANDLES.get(handle) if self.lock.mode is Mode.BOOTLOADER else None
        if uuid == CONTROL_POINT:
            self.requests.append(data)
        elif uuid == PACKET:
            self.packets.append(data)
        self._write(handle, data, response=response)

    def count(self, operation: int) -> int:
        """Return how often an operation was asked of the bootloader."""
        return sum(request[0] == operation for request in self.requests)

    def behave(self) -> None:
        """Let the link have no more faults."""
        self.link._orders._orders.clear()
        self.link.model.loss = 0.0

    # What the transport does.

    async def transfer(self, wanted: VerifiedArtifact | None = None) -> TransferReport:
        """Send the artifact with a new transport, as each installation has one."""
        wanted = wanted or artifact()
        self.image = wanted.firmware
        self.transport = NordicDfuTransport(
            self.radio,
            self.lock.address,
            NAME,
            # As an installation knows it that has asked the lock just now.
            asked=self.lock.mode is not Mode.BOOTLOADER,
        )
        return await self.transport.transfer(wanted, self.progress.append)

    async def fails(self, wanted: VerifiedArtifact | None = None) -> TransportError:
        """Send the artifact and return what it failed with; it must."""
        with pytest.raises(TransportError) as failed:
            await self.transfer(wanted)
        return failed.value

    # What the lock is.

    async def rest(self) -> None:
        """Wait until the lock is where it stays.

        A bootloader that hears nothing starts the application; so at the latest then.
        """
        await asyncio.sleep(INACTIVITY_TIMEOUT + 10)

    @property
    def usable(self) -> bool:
        """Whether the application runs, so that the door can be operated."""
        return self.lock.mode is Mode.APPLICATION

    @property
    def runs(self) -> str | None:
        """The version that runs; None where the lock is not in its application."""
        return self.lock.version if self.usable else None

    def assert_updated(self) -> None:
        """Check that the lock runs the very bytes that were verified."""
        assert self.runs == NEW
        assert self.lock.flash.application == self.image

    def assert_as_before(self) -> None:
        """Check that the lock runs its old firmware."""
        assert self.runs == OLD
        assert self.lock.flash.application == make_firmware(OLD)

    async def assert_second_transfer_succeeds(self) -> None:
        """Check that nothing stands in the way of another attempt."""
        await self.transfer()
        await asyncio.sleep(5)
        self.assert_updated()
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        """Check that no connection and no task is left behind."""
        assert not any(link.connected for link in self.radio.links)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def close(self) -> None:
        """Leave nothing that runs."""
        self.radio.close()
        self.lock.cut_power()


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; it must within minutes."""
    for _ in range(60_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to pass")


@asynccontextmanager
async def doorway(**options: Any) -> AsyncIterator[Doorway]:
    """Have a doorway for a while, with a lock that advertises."""
    door = Doorway(**options)
    try:
        await asyncio.sleep(1)
        yield door
    finally:
        door.close()
