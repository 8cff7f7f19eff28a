"""A plain DFU client: it does everything right and nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from zlib import crc32

from custom_components.nightlatch.core.transports.base import GattClient, longest_write
from tests.rig.bootloader import (
    MAX_DATA_OBJECT,
    RECEIVE_BUFFERS,
    Flash,
    SecureDfuBootloader,
)
from tests.rig.dfu_package import generate_key, make_init_packet
from tests.rig.image import make_image
from tests.rig.link import LinkModel
from tests.rig.lock import Mode, VirtualLock
from tests.rig.lock_services import CONTROL_POINT, PACKET, Buttonless
from tests.rig.radio import RigRadio

from .bench import pieces, u32

ADDRESS = "C3:5A:00:12:34:FF"
BOOTLOADER_ADDRESS = "C3:5A:00:12:34:00"
KEY = generate_key()
OLD_IMAGE = make_image("1.0.0", 6000, 1)
NEW_IMAGE = make_image("1.1.0", 2 * MAX_DATA_OBJECT + 1000, 2)
NEW_INIT_PACKET = make_init_packet(NEW_IMAGE, key=KEY, fw_version=2)


class Home:
    """A lock within the range of a radio."""

    def __init__(
        self,
        *,
        address: str = ADDRESS,
        buttonless: Buttonless = Buttonless.UNBONDED,
        image: bytes = OLD_IMAGE,
        model: LinkModel | None = None,
        single_bank: bool = False,
        **options: Any,
    ) -> None:
        """Install the lock and put its battery in; ``options`` are the lock's own."""
        flash = Flash(bytearray(image), 1)
        bootloader = SecureDfuBootloader(
            flash, public_key=KEY.public_key(), single_bank=single_bank
        )
        self.lock = VirtualLock(address, bootloader, buttonless=buttonless, **options)
        self.radio = RigRadio()
        # What is asked here is what the lock serves, not what a proxy remembers.
        self.radio.believes_memory = False
        self.link = self.radio.add(self.lock, model)
        self.disconnects = 0
        self.lock.restore_power()

    def close(self) -> None:
        """Leave nothing that runs."""
        self.radio.close()
        self.lock.cut_power()

    def in_mode(self, mode: Mode) -> bool:
        """Return whether the lock is in a mode now."""
        return self.lock.mode is mode

    async def appears(self, address: str, *, timeout: float = 10.0) -> None:
        """Wait until the lock advertises at an address."""
        await self.radio.find(lambda found: found.address == address, timeout)

    async def connect(
        self, address: str | None = None, *, fresh_services: bool = True
    ) -> GattClient:
        """Connect to the lock where it advertises."""
        return await self.radio.connect(
            address or self.lock.advertised_address,
            name="lock",
            disconnected=self._disconnected,
            fresh_services=fresh_services,
        )

    def _disconnected(self) -> None:
        self.disconnects += 1

    async def command(self, client: GattClient, data: bytes) -> bytes:
        """Write to the buttonless characteristic; return what is indicated."""
        answers: asyncio.Queue[bytes] = asyncio.Queue()
        uuid = self.lock.buttonless.uuid
        await client.start_notify(uuid, lambda _, got: answers.put_nowait(bytes(got)))
        await client.write_gatt_char(uuid, data, response=True)
        async with asyncio.timeout(5):
            return await answers.get()

    async def enter_bootloader(self) -> None:
        """Send the lock into its bootloader."""
        await self.appears(self.lock.address)
        client = await self.connect()
        if self.lock.buttonless is Buttonless.BONDED:
            await client.pair()
        assert await self.command(client, b"\x01") == b"\x20\x01\x01"
        await self.radio.find(lambda found: found.local_name == "DfuTarg", 10)

    async def update(self, image: bytes, init_packet: bytes) -> None:
        """Send an image to the lock, which is in its bootloader."""
        client = await self.connect()
        async with console(client) as told:
            await told.send_init_packet(init_packet)
            for data in pieces(image, MAX_DATA_OBJECT):
                await told.send_object(data)


class Console:
    """Talks to a bootloader's control point."""

    def __init__(self, client: GattClient) -> None:
        """Prepare to talk."""
        self._client = client
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._packet = longest_write(client, PACKET) // 4 * 4

    async def start(self) -> None:
        """Subscribe, and have a receipt whenever the buffers are full."""
        await self._client.start_notify(
            CONTROL_POINT, lambda _, data: self._answers.put_nowait(bytes(data))
        )
        every = RECEIVE_BUFFERS.to_bytes(2, "little").hex()
        assert await self.ask("02" + every) == "600201"

    async def ask(self, request: str) -> str:
        """Send a request and return its answer."""
        await self._client.write_gatt_char(
            CONTROL_POINT, bytes.fromhex(request), response=True
        )
        return await self.heard()

    async def heard(self) -> str:
        """Return the next notification."""
        async with asyncio.timeout(5):
            return (await self._answers.get()).hex()

    async def send(self, data: bytes) -> None:
        """Send packets, waiting for each receipt."""
        for number, piece in enumerate(pieces(data, self._packet), 1):
            await self._client.write_gatt_char(PACKET, piece, response=False)
            if number % RECEIVE_BUFFERS == 0:
                await self.heard()

    async def send_init_packet(self, packet: bytes) -> None:
        """Have an init packet accepted."""
        assert await self.ask("0101" + u32(len(packet))) == "600101"
        await self.send(packet)
        answer = await self.ask("03")
        assert answer == "600301" + u32(len(packet)) + u32(crc32(packet))
        assert await self.ask("04") == "600401"

    async def send_object(self, data: bytes) -> None:
        """Have a data object accepted."""
        assert await self.ask("0102" + u32(len(data))) == "600101"
        await self.send(data)
        assert await self.ask("04") == "600401"


@asynccontextmanager
async def console(client: GattClient) -> AsyncIterator[Console]:
    """Talk to a bootloader for a while."""
    told = Console(client)
    await told.start()
    yield told
