"""The virtual lock with MCUboot: what it is to those who update it or cut its power."""

import asyncio
from collections.abc import AsyncIterator
import hashlib
from pathlib import Path
import struct
from typing import Any

from bleak.exc import BleakError
import cbor2
from cryptography.hazmat.primitives.asymmetric import ed25519
import pytest

from custom_components.nightlatch.core.errors import TransportError
from custom_components.nightlatch.core.transports.base import GattClient, longest_write
from tests.rig.image import Behaviour
from tests.rig.link import LinkModel
from tests.rig.lock_body import CRASH_AFTER, WATCHDOG, Bolt, Mode
from tests.rig.lock_services import (
    BATTERY_LEVEL,
    FIRMWARE_REVISION,
    HARDWARE_REVISION,
    MANUFACTURER,
    MODEL,
    SERIAL_NUMBER,
    SMP_CHARACTERISTIC,
    SMP_SERVICE,
)
from tests.rig.mcuboot_image import image_hash
from tests.rig.mcuboot_lock import SERVER_START
from tests.rig.mcuboot_trailer import SwapType, next_swap
from tests.rig.radio import RigRadio
from tests.rig.scene import (
    MCUBOOT_MODELS,
    MODELS,
    VENDOR,
    make_mcuboot_firmware,
    make_mcuboot_lock,
)
from tests.rig.smp_messages import Rc
from tests.rig.smp_server import SmpFault
from tests.rig.vendor import Vendor
from tests.rig.virtual_time import virtual_time

pytestmark = virtual_time

ADDRESS = "C0:11:22:33:44:77"
SIZE = 6000
VENDOR_OF_ALL = Vendor(name=VENDOR, models=(*MODELS, *MCUBOOT_MODELS))
NEW_IMAGE = make_mcuboot_firmware(VENDOR_OF_ALL, "1.1.0", size=SIZE)


class Home:
    """A lock within the range of a radio, and a plain client of SMP."""

    def __init__(self, *, model: LinkModel | None = None, **options: Any) -> None:
        """Install the lock and put its battery in; this client has no patience with it."""
        options = {"kind": True, **options}
        self.lock = make_mcuboot_lock(VENDOR_OF_ALL, ADDRESS, size=SIZE, **options)
        self.radio = RigRadio()
        # What is asked here is what the lock serves, not what a proxy remembers.
        self.radio.believes_memory = False
        self.link = self.radio.add(self.lock, model)
        self.disconnects = 0
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._sequence = 0
        self.client: GattClient

    def in_mode(self, mode: Mode) -> bool:
        """Return whether the lock is in a mode now."""
        return self.lock.mode is mode

    def bolt_is(self, bolt: Bolt) -> bool:
        """Return whether the bolt is somewhere now."""
        return self.lock.bolt is bolt

    def close(self) -> None:
        """Leave nothing that runs."""
        self.radio.close()
        self.lock.cut_power()

    async def appears(self, timeout: float = 60.0) -> None:
        """Wait until the lock advertises."""
        await self.radio.find(lambda found: found.address == ADDRESS, timeout)

    async def connect(self) -> GattClient:
        """Connect, without a subscription."""
        await self.appears()
        self.client = await self.radio.connect(
            ADDRESS, name="lock", disconnected=self._gone, fresh_services=True
        )
        return self.client

    async def open(self) -> None:
        """Connect, and subscribe."""
        client = await self.connect()
        await client.start_notify(
            SMP_CHARACTERISTIC, lambda _, data: self._answers.put_nowait(bytes(data))
        )

    def _gone(self) -> None:
        self.disconnects += 1

    async def ask(
        self,
        operation: int,
        group: int,
        command: int,
        timeout: float = 5,
        **fields: Any,
    ) -> Any:
        """Send a request and return the fields of its answer."""
        self._sequence = (self._sequence + 1) % 256
        body = cbor2.dumps(fields)
        packet = (
            struct.pack(
                ">BBHHBB", operation | 8, 0, len(body), group, self._sequence, command
            )
            + body
        )
        size = longest_write(self.client, SMP_CHARACTERISTIC)
        for start in range(0, len(packet), size):
            await self.client.write_gatt_char(
                SMP_CHARACTERISTIC, packet[start : start + size], response=False
            )
        answer = b""
        async with asyncio.timeout(5):
            while len(answer) < 8 or len(answer) < 8 + int.from_bytes(answer[2:4]):
                answer += await self._answers.get()
        assert answer[6] == self._sequence
        return cbor2.loads(answer[8:])

    async def upload(self, image: bytes = NEW_IMAGE) -> None:
        """Upload an image."""
        first = {"len": len(image), "sha": hashlib.sha256(image).digest()}
        offset = 0
        while offset < len(image):
            data = image[offset : offset + 1000]
            fields: dict[str, Any] = {"off": offset, "data": data}
            fields |= {} if offset else first
            offset = (await self.ask(2, 1, 1, **fields))["off"]

    async def install(self, image: bytes = NEW_IMAGE) -> None:
        """Upload an image, have it tried, and restart."""
        await self.open()
        await self.upload(image)
        await self.ask(2, 1, 0, hash=image_hash(image))
        await self.restart()

    async def restart(self) -> None:
        """Restart the lock, and wait until it has gone."""
        await self.ask(2, 0, 5)
        await asyncio.sleep(1)
        assert not self.client.is_connected

    async def confirm(self) -> None:
        """Keep what runs."""
        await self.open()
        await self.ask(2, 1, 0, confirm=True)
        await self.client.disconnect()


@pytest.fixture
async def home() -> AsyncIterator[Home]:
    """A lock on a perfect link."""
    home = Home()
    yield home
    home.close()


# The application.


async def test_it_tells_who_it_is(home: Home) -> None:
    """Device Information and Battery as every lock; and a service for updates."""
    client = await home.connect()
    told = {
        uuid: bytes(await client.read_gatt_char(uuid))
        for uuid in (
            MANUFACTURER,
            MODEL,
            SERIAL_NUMBER,
            HARDWARE_REVISION,
            FIRMWARE_REVISION,
        )
    }
    assert list(told.values()) == [b"Kestrel Locks", b"KM-1", b"0001", b"B", b"1.0.0+0"]
    home.lock.set_battery(42)
    assert await client.read_gatt_char(BATTERY_LEVEL) == b"\x2a"
    (service,) = [one for one in client.services if one.uuid == SMP_SERVICE]
    (characteristic,) = service.characteristics
    assert characteristic.uuid == SMP_CHARACTERISTIC
    assert set(characteristic.properties) == {"write-without-response", "notify"}


async def test_it_hears_nothing_that_is_written_otherwise(home: Home) -> None:
    """Only commands without an answer."""
    client = await home.connect()
    with pytest.raises(BleakError):
        await client.write_gatt_char(SMP_CHARACTERISTIC, b"12345678", response=True)


async def test_without_a_subscription_nothing_is_answered(home: Home) -> None:
    """The request is carried out nevertheless."""
    await home.connect()
    with pytest.raises(TimeoutError):
        await home.ask(2, 0, 0, d="x")
    assert home.lock.server.counters.requests == 1


async def test_ending_a_subscription_ends_a_request(home: Home) -> None:
    """What has come of it is forgotten."""
    await home.open()
    await home.client.write_gatt_char(
        SMP_CHARACTERISTIC, struct.pack(">BBHHBB", 2, 0, 50, 0, 1, 0), response=False
    )
    await asyncio.sleep(0)
    characteristic = home.client.services.get_characteristic(SMP_CHARACTERISTIC)
    assert characteristic is not None
    await home.link.write(characteristic.descriptors[0].handle, b"\0\0")
    await home.link.write(characteristic.descriptors[0].handle, b"\x01\0")
    assert await home.ask(2, 0, 0, d="x") == {"r": "x"}


async def test_it_may_want_a_bond() -> None:
    """Before anybody subscribes or writes."""
    home = Home(needs_bond=True)
    with pytest.raises(BleakError, match="error=15 "):
        await home.open()
    home.lock.refuses_pairing = True
    with pytest.raises(BleakError, match="Pairing failed"):
        await home.client.pair()
    home.lock.refuses_pairing = False
    await home.client.pair()
    await home.client.disconnect()
    await home.open()
    assert await home.ask(2, 0, 0, d="x") == {"r": "x"}
    home.close()


async def test_a_lock_without_bonds_does_not_pair(home: Home) -> None:
    """There is nothing to bond for."""
    client = await home.connect()
    with pytest.raises(BleakError, match="Pairing failed"):
        await client.pair()


# Updates.


async def test_it_is_busy_and_late_unless_it_is_kind() -> None:
    """After each start it refuses its first restart, and after a restart it serves late."""
    home = Home(kind=False)
    for _ in range(2):
        await home.open()
        assert await home.ask(2, 0, 5) == {"rc": Rc.BUSY}
        await home.restart()
        client = await home.connect()
        assert client.services.get_characteristic(SMP_CHARACTERISTIC) is None
        await client.disconnect()
        await asyncio.sleep(SERVER_START)
    await home.open()
    home.close()


@pytest.mark.parametrize(
    "model",
    [
        LinkModel(),
        LinkModel(connection_interval=0.015, packets_per_interval=4),
        LinkModel(connection_interval=0.03, packets_per_interval=1, mtu=23),
    ],
)
async def test_an_update_runs_on_trial_until_it_is_confirmed(model: LinkModel) -> None:
    """At the same address; the bolt does not move, and the old one runs meanwhile."""
    home = Home(model=model)
    home.lock.move_bolt(Bolt.UNLOCKED)
    await home.open()
    await home.upload()
    assert home.in_mode(Mode.APPLICATION)
    assert home.lock.version == "1.0.0+0"
    await home.client.disconnect()
    await home.install()
    assert home.in_mode(Mode.SWAPPING)
    await home.appears()
    assert home.lock.version == "1.1.0+0"
    running = home.lock.running
    assert running is not None
    assert running.hash == image_hash(NEW_IMAGE)
    client = await home.connect()
    assert await client.read_gatt_char(FIRMWARE_REVISION) == b"1.1.0+0"
    await client.disconnect()
    await home.confirm()
    await home.open()
    await home.restart()
    await home.appears()
    assert home.lock.version == "1.1.0+0"
    assert home.bolt_is(Bolt.UNLOCKED)
    assert home.lock.bootloader.counters.swaps == 1
    home.close()


async def test_an_update_that_nobody_confirms_is_taken_back(home: Home) -> None:
    """At the next restart, whatever causes it."""
    await home.install()
    await home.appears()
    home.lock.cut_power(restore_after=5)
    await home.appears()
    assert home.lock.version == "1.0.0+0"


async def test_a_restart_takes_seconds_while_it_swaps(home: Home) -> None:
    """It is off the air then."""
    await home.open()
    await home.upload()
    await home.client.disconnect()
    started = asyncio.get_running_loop().time()
    await home.install()
    await home.appears()
    took = asyncio.get_running_loop().time() - started
    assert 1.5 < took < 10


async def test_it_may_claim_another_version(home: Home) -> None:
    """Firmware is not always what it says."""
    home.lock.comes_back_as = "0.9.9"
    client = await home.connect()
    assert await client.read_gatt_char(FIRMWARE_REVISION) == b"0.9.9"


async def test_a_connection_may_be_ended_by_the_lock(home: Home) -> None:
    """And made again."""
    home.lock.server.order(SmpFault.VANISH)
    await home.open()
    with pytest.raises(TimeoutError):
        await home.ask(2, 0, 0, d="x")
    assert home.disconnects == 1
    await home.open()
    assert await home.ask(2, 0, 0, d="x") == {"r": "x"}


async def test_a_lost_connection_is_no_restart(home: Home) -> None:
    """An upload of the same image goes on."""
    await home.open()
    first: dict[str, Any] = {
        "off": 0,
        "data": NEW_IMAGE[:1000],
        "len": len(NEW_IMAGE),
        "sha": hashlib.sha256(NEW_IMAGE).digest(),
    }
    assert await home.ask(2, 1, 1, **first) == {"rc": 0, "off": 1000}
    assert (await home.ask(2, 1, 1, off=1000, data=NEW_IMAGE[1000:2000]))["off"] == 2000
    home.link.cut()
    await home.open()
    assert await home.ask(2, 1, 1, **first) == {"rc": 0, "off": 2000}


# Firmware that is no good.


def bad(behaviour: Behaviour) -> bytes:
    """Return firmware that is signed, and no good."""
    return make_mcuboot_firmware(VENDOR_OF_ALL, "1.1.0", size=SIZE, behaviour=behaviour)


async def test_firmware_may_jam_the_bolt(home: Home) -> None:
    """Until the old one is back, which drives it well."""
    home.lock.move_bolt(Bolt.UNLOCKED)
    await home.install(bad(Behaviour.JAMS_BOLT))
    await home.appears()
    assert home.lock.version == "1.1.0+0"
    assert home.bolt_is(Bolt.JAMMED)
    await home.open()
    await home.restart()
    await home.appears()
    assert home.lock.version == "1.0.0+0"
    assert home.bolt_is(Bolt.UNLOCKED)


async def test_a_bolt_that_a_person_has_freed_stays_where_it_is(home: Home) -> None:
    """Until the firmware jams it again."""
    await home.install(bad(Behaviour.JAMS_BOLT))
    await home.appears()
    home.lock.move_bolt(Bolt.UNLOCKED)
    home.lock.cut_power(restore_after=1)
    await home.appears()
    assert home.lock.version == "1.0.0+0"
    assert home.bolt_is(Bolt.UNLOCKED)


async def test_firmware_may_never_start(home: Home) -> None:
    """The watchdog restarts the lock, and the boot loader takes it back."""
    await home.install(bad(Behaviour.NEVER_STARTS))
    with pytest.raises(TimeoutError):
        await home.appears(WATCHDOG)
    await home.appears()
    assert home.lock.version == "1.0.0+0"
    assert home.lock.bootloader.counters.reverts == 1


async def test_firmware_may_crash(home: Home) -> None:
    """It looks well until then."""
    await home.install(bad(Behaviour.CRASHES))
    await home.appears()
    assert home.lock.version == "1.1.0+0"
    await home.open()
    await asyncio.sleep(CRASH_AFTER)
    assert not home.client.is_connected
    await home.appears()
    assert home.lock.version == "1.0.0+0"


async def test_firmware_may_be_the_last(home: Home) -> None:
    """Nobody can confirm it, nor put another in its place."""
    await home.install(bad(Behaviour.CANNOT_BE_UPDATED))
    client = await home.connect()
    assert client.services.get_characteristic(SMP_CHARACTERISTIC) is None
    home.lock.cut_power(restore_after=1)
    await home.appears()
    assert home.lock.version == "1.0.0+0"


async def test_firmware_may_confirm_itself(home: Home) -> None:
    """Then there is no way back by itself."""
    await home.install(bad(Behaviour.CONFIRMS_ITSELF))
    await home.appears()
    assert next_swap(home.lock.flash) is SwapType.NONE
    home.lock.cut_power(restore_after=1)
    await home.appears()
    assert home.lock.version == "1.1.0+0"


# Power.


async def test_without_firmware_that_boots_it_is_dead(home: Home) -> None:
    """It has no bootloader that anybody could speak to."""
    home.lock.flash.primary.data[1000] ^= 1
    home.lock.cut_power(restore_after=1)
    await asyncio.sleep(60)
    assert home.in_mode(Mode.DEAD)
    assert home.lock.advertising is None
    home.lock.flash.primary.data[0] ^= 1
    assert home.lock.version is None
    with pytest.raises(TransportError):
        await home.radio.connect(ADDRESS, name="x", disconnected=lambda: None)


async def test_power_can_be_cut_in_a_swap(home: Home) -> None:
    """By hand, at any time; and it goes on."""
    await home.install()
    assert home.in_mode(Mode.SWAPPING)
    for _ in range(3):
        home.lock.cut_power(restore_after=0.2)
        await asyncio.sleep(0.55)
        assert home.in_mode(Mode.SWAPPING)
    await home.appears()
    assert home.lock.version == "1.1.0+0"


async def test_a_cut_at_a_write_is_a_loss_of_power(home: Home) -> None:
    """In an upload: the central notices it at the supervision timeout."""
    await home.open()
    home.lock.flash.cut_at(8, restore_after=60)
    with pytest.raises((BleakError, TimeoutError)):
        await home.upload()
    assert home.in_mode(Mode.OFF)
    assert home.lock.flash.operations.count == 8
    await home.appears(100)
    assert home.lock.version == "1.0.0+0"
    await home.install()
    await home.appears()
    assert home.lock.version == "1.1.0+0"


async def test_a_vendor_may_have_another_key_for_images(tmp_path: Path) -> None:
    """It is in the descriptor, and still known after a restart."""
    vendor = Vendor(image_key=ed25519.Ed25519PrivateKey.generate())
    assert len(vendor.descriptor["firmware_keys"]) == 2
    vendor._directory = tmp_path
    vendor.renew()
    again = Vendor.load_or_create(tmp_path)
    assert again.firmware_key_pems == vendor.firmware_key_pems
    assert len(Vendor().descriptor["firmware_keys"]) == 1
